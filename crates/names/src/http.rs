//! Whom an HTTP request is for.
//!
//! HTTP/1: the authority of the target where it has one (what a proxy is asked for, `CONNECT` too), else the one `Host`.
//! HTTP/2 with prior knowledge is recognised; its name is compressed (HPACK) and left alone.

use httparse::{EMPTY_HEADER, Error, Request, Status};
use portolan_core::{Domain, NameSource, Recognised};

use crate::said::{Opened, Reading};

/// What HTTP/2 without TLS begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Header lines that are looked at.
const MOST_HEADERS: usize = 96;

/// Reads what a client sends first.
pub(crate) fn read(stream: &[u8]) -> Reading {
    if stream.starts_with(PREFACE) {
        return Reading::Whole(Opened { recognised: Some(Recognised::Http), ..Opened::default() });
    }
    if PREFACE.starts_with(stream) {
        return Reading::nothing_yet();
    }
    match request(stream) {
        Ok(Some(opened)) => Reading::Whole(opened),
        Ok(None) => Reading::SoFar(request_of_whole_lines(stream).unwrap_or_default()),
        Err(_) => Reading::nothing(),
    }
}

/// What the lines say that are there, without the end of the head.
fn request_of_whole_lines(stream: &[u8]) -> Option<Opened> {
    let end = stream.iter().rposition(|byte| *byte == b'\n')?;
    let head = [&stream[..=end], b"\r\n"].concat();
    request(&head).ok().flatten()
}

/// `None` when it is not there as a whole.
fn request(head: &[u8]) -> Result<Option<Opened>, Error> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    if request.parse(head)? == Status::Partial {
        return Ok(None);
    }
    let name = match (request.method, request.path) {
        (Some("CONNECT"), Some(target)) => domain(target.as_bytes()),
        (_, Some(target)) if !target.starts_with('/') && target != "*" => authority(target).and_then(domain),
        _ => {
            let mut hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
            hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| domain(host.value.trim_ascii()))
        }
    };
    let name = name.map(|name| (name, NameSource::Http));
    Ok(Some(Opened { recognised: Some(Recognised::Http), name, is_inferred: false }))
}

/// The authority of an address such as `http://user@example.org:80/path`, without the user.
fn authority(target: &str) -> Option<&[u8]> {
    let (_, rest) = target.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(authority.rsplit('@').next()?.as_bytes())
}

/// The domain of `example.org:80`.
fn domain(host: &[u8]) -> Option<Domain> {
    let mut parts = host.split(|byte| *byte == b':');
    let (name, port) = (parts.next()?, parts.next().unwrap_or_default());
    if parts.next().is_some() || !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Domain::from_bytes(name)
}

/// Whether this is how a server's answer begins: an HTTP/1 status line, or the settings that HTTP/2 begins with.
pub(crate) fn is_answer(bytes: &[u8]) -> bool {
    // A frame of type 4 without flags, of no stream, with settings of 6 bytes each.
    let is_settings =
        |length: [u8; 3]| u32::from_be_bytes([0, length[0], length[1], length[2]]).is_multiple_of(6);
    bytes.starts_with(b"HTTP/1.")
        || matches!(bytes, [a, b, c, 4, 0, 0, 0, 0, 0, ..] if is_settings([*a, *b, *c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(stream: &[u8]) -> Option<String> {
        let (Reading::Whole(opened) | Reading::SoFar(opened)) = read(stream);
        opened.name.map(|(name, _)| name.to_string())
    }

    #[test]
    fn the_host_is_who_is_asked() {
        for (head, expected) in [
            ("GET / HTTP/1.1\r\nHost: Example.ORG\r\n\r\n", Some("example.org")),
            ("GET / HTTP/1.1\r\nAccept: */*\r\nhOST:\texample.org:8080 \r\n\r\n", Some("example.org")),
            ("GET http://u:p@a.example:80/x?y HTTP/1.1\r\nHost: b.example\r\n\r\n", Some("a.example")),
            ("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n", Some("a.example")),
            ("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("a.example")),
            ("PROPFIND /a HTTP/1.0\nHost: a.example\n\n", Some("a.example")),
            ("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost: a.example:b\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nX-Host: a.example\r\n\r\n", None),
            ("OPTIONS rtsp://a.example/ RTSP/1.0\r\nHost: a.example\r\n\r\n", None),
            ("INVITE sip:a@a.example SIP/2.0\r\nHost: a.example\r\n\r\n", None),
        ] {
            assert_eq!(name(head.as_bytes()).as_deref(), expected, "{head}");
        }
    }

    #[test]
    fn of_a_head_without_end_whole_lines_count() {
        let head = b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: b";
        let so_far = |stream: &[u8]| matches!(read(stream), Reading::SoFar(_));
        assert!(so_far(head) && name(head).as_deref() == Some("a.example"));
        assert!(so_far(&head[..30]) && name(&head[..30]).is_none());
        assert!(so_far(b"") && so_far(b"PRI * HT") && so_far(b"POST"));
    }

    #[test]
    fn http_2_is_recognised() {
        let Reading::Whole(opened) = read(&[PREFACE, &[0, 0, 0, 4]].concat()) else { panic!("not whole") };
        assert_eq!((opened.recognised, opened.name), (Some(Recognised::Http), None));
        assert!(is_answer(&[0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3]) && !is_answer(&[0, 0, 17, 4, 0, 0, 0, 0, 0]));
    }
}
