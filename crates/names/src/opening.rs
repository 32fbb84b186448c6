use portolan_core::{Protocol, Recognised};

use crate::{
    hello, http,
    pieces::Pieces,
    quic::Initials,
    said::{Opened, Reading},
    tls,
};

/// What a flow's own side says first: TLS, HTTP and SSH over TCP, QUIC over UDP.
///
/// Keeps at most 16 KiB of it.
pub struct Opening(Kind);

enum Kind {
    Tcp(Pieces, Opened),
    Udp(Box<Initials>, Opened),
    Done(Opened),
}

/// Whether more bytes may tell more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// They may; until then, [`Opening::so_far`] says what is known.
    More,
    /// They will not.
    Done(Opened),
}

impl Opening {
    /// Of a flow over `protocol`. Of others than TCP and UDP nothing is known.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self(match protocol {
            Protocol::Tcp => Kind::Tcp(Pieces::new(hello::MOST), Opened::default()),
            Protocol::Udp => Kind::Udp(Box::default(), Opened::default()),
            _ => Kind::Done(Opened::default()),
        })
    }

    /// Adds what was sent.
    ///
    /// TCP: the bytes that were sent after `offset` others, in any order, also more than once. UDP: one call's datagrams,
    /// several one after the other where the kernel was to cut them (`UDP_SEGMENT`); `offset` is not looked at.
    pub fn add(&mut self, offset: u64, bytes: &[u8]) -> State {
        let (reading, is_last) = match &mut self.0 {
            Kind::Done(opened) => return State::Done(opened.clone()),
            Kind::Tcp(pieces, _) => {
                pieces.add(offset, bytes);
                (read_stream(pieces.beginning()), pieces.is_full())
            }
            Kind::Udp(initials, _) => (initials.add(bytes), initials.is_full()),
        };
        let opened = match (reading, &mut self.0) {
            (Reading::SoFar(opened), Kind::Tcp(_, so_far) | Kind::Udp(_, so_far)) if !is_last => {
                *so_far = opened;
                return State::More;
            }
            (Reading::SoFar(opened) | Reading::Whole(opened), _) => opened,
        };
        self.0 = Kind::Done(opened.clone());
        State::Done(opened)
    }

    /// What is known by now: for when nothing more will come, or somebody wants to know before it does.
    #[must_use]
    pub fn so_far(&self) -> &Opened {
        let (Kind::Tcp(_, opened) | Kind::Udp(_, opened) | Kind::Done(opened)) = &self.0;
        opened
    }
}

const SSH: &[u8] = b"SSH-";
const TLS_HANDSHAKE: u8 = 0x16;

fn read_stream(stream: &[u8]) -> Reading {
    match stream {
        [] => Reading::nothing_yet(),
        [TLS_HANDSHAKE, ..] => tls::read(stream),
        _ if stream.starts_with(SSH) => {
            Reading::Whole(Opened { recognised: Some(Recognised::Ssh), ..Opened::default() })
        }
        _ if SSH.starts_with(stream) => Reading::nothing_yet(),
        _ => http::read(stream),
    }
}

/// What a connection speaks that this machine accepted, by the first bytes that it answered: 9 are enough.
#[must_use]
pub fn recognised_from_answer(bytes: &[u8]) -> Option<Recognised> {
    if bytes.starts_with(SSH) {
        Some(Recognised::Ssh)
    } else if tls::is_answer(bytes) {
        Some(Recognised::Tls)
    } else if http::is_answer(bytes) {
        Some(Recognised::Http)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let said = |bytes: &[u8]| Opening::new(Protocol::Tcp).add(0, bytes);
        for bytes in [
            &b"\x13BitTorrent protocol"[..],
            b"EHLO a.example\r\n",
            b"\x16\x01\x02\0\x05\x01",
            b"\x16\x03\x01\0\0",
        ] {
            assert_eq!(said(bytes), State::Done(Opened::default()), "{bytes:?}");
        }
        assert_eq!(Opening::new(Protocol::Icmp).add(0, b"SSH-2.0-x"), State::Done(Opened::default()));
        assert_eq!(said(b"SS"), State::More);
        let State::Done(opened) = said(b"SSH-2.0-OpenSSH_9.2\r\n") else { panic!("not done") };
        assert_eq!((opened.recognised, opened.name), (Some(Recognised::Ssh), None));
    }

    #[test]
    fn an_answer_says_what_is_spoken() {
        for (answer, expected) in [
            (&b"\x16\x03\x03\x00\x7a\x02"[..], Some(Recognised::Tls)),
            (b"\x15\x03\x03\x00\x02\x02\x28", Some(Recognised::Tls)),
            (b"HTTP/1.1 200 OK\r\n", Some(Recognised::Http)),
            (b"SSH-2.0-x", Some(Recognised::Ssh)),
            (b"220 mail.example ESMTP", None),
            (b"\x16\x03\x03", None),
            (b"", None),
        ] {
            assert_eq!(recognised_from_answer(answer), expected, "{answer:?}");
        }
    }
}
