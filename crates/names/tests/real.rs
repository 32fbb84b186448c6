//! What real programs and the RFCs say, read.
#![allow(clippy::as_conversions, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod data;

use data::{datagrams, file, first_sent};
use portolan_core::{NameSource, Protocol, Recognised};
use portolan_names::{Opened, Opening, State, dns};

fn answer(name: &str) -> dns::Answered {
    dns::answer(&file(name)).expect(name)
}

fn addresses(answered: &dns::Answered) -> Vec<(String, u32)> {
    answered.addresses.iter().map(|(address, seconds)| (address.to_string(), *seconds)).collect()
}

#[test]
fn dnsmasq_answers() {
    assert!(dns::question(&file("dns-query")).is_some() && dns::answer(&file("dns-query")).is_none());
    // Asked for as wWw.siTE.exAMple; two aliases, of 60 and of 30 seconds.
    let cname = answer("dns-cname");
    assert_eq!(cname.question.as_str(), "www.site.example");
    let mut asked = file("dns-cname");
    assert_eq!(dns::question(&asked), None, "an answer is no question");
    asked[2] &= 0x7f;
    assert_eq!(dns::question(&asked), Some((cname.id, cname.question.clone())));
    assert_eq!(addresses(&cname), [("192.0.2.10".to_owned(), 30)]);
    assert_eq!(addresses(&answer("dns-aaaa")), [("2001:db8::10".to_owned(), 300)]);
    let both = [("192.0.2.10".to_owned(), 300), ("2001:db8::10".to_owned(), 300)];
    assert_eq!(addresses(&answer("dns-any")), both);
    let https: Vec<_> = addresses(&answer("dns-https")).into_iter().map(|address| address.0).collect();
    assert_eq!(https, ["192.0.2.20", "192.0.2.21", "2001:db8::20"]);
    assert!(dns::answer(&file("dns-nxdomain")).is_some_and(|answered| answered.addresses.is_empty()));
    // It has room for 30 of 59.
    let truncated = answer("dns-truncated");
    assert_eq!((truncated.question.as_str(), truncated.addresses.len()), ("many.example", 30));
}

#[test]
fn dns_over_tcp_is_put_together() {
    let stream = file("dns-tcp");
    let answers = dns::Stream::at(0).add(0, &stream);
    let found: Vec<_> = answers.iter().map(|one| (one.question.as_str(), one.addresses.len())).collect();
    assert_eq!(found, [("many.example", 59), ("www.site.example", 1)]);
}

/// A file, whose name in it, and whether that is inferred.
const HELLOS: [(&str, Option<&str>, bool); 16] = [
    ("tls-openssl", Some("openssl.example"), false),
    ("tls-openssl-none", None, false),
    ("tls-curl", Some("curl.example"), false),
    ("tls-python", Some("python.example"), false),
    // Chromium sends what looks like an Encrypted ClientHello everywhere.
    ("tls-chromium", Some("chromium.example"), true),
    ("http-curl", Some("curl.example"), false),
    ("quic-aioquic-1", Some("aioquic.example"), false),
    ("quic-aioquic-2", Some("aioquic.example"), false),
    ("quic-aioquic-big", Some("aioquic.example"), false),
    ("quic-chromium", Some("chromium.example"), true),
    ("quic-rfc9001", Some("example.com"), false),
    ("quic-rfc9369", Some("example.com"), false),
    ("quic-draft29", Some("example.com"), false),
    // After the server's answer, after a Retry, and between packets of other kinds in one datagram.
    ("quic-moved", Some("example.com"), false),
    ("quic-retry", Some("example.com"), false),
    ("quic-coalesced", Some("example.com"), false),
];

#[test]
fn hellos_say_their_names() {
    for (name, domain, is_inferred) in HELLOS {
        let (recognised, source) = match name.split('-').next() {
            Some("tls") => (Recognised::Tls, NameSource::Tls),
            Some("http") => (Recognised::Http, NameSource::Http),
            _ => (Recognised::Quic, NameSource::Quic),
        };
        let expected = Opened {
            recognised: Some(recognised),
            name: domain.map(|domain| (domain.parse().expect(domain), source)),
            is_inferred,
        };
        assert_eq!(first_sent(name), expected, "{name}");
    }
}

#[test]
fn datagrams_come_in_any_order_twice_and_in_one_call() {
    for name in ["quic-aioquic-big", "quic-chromium", "quic-rfc9001"] {
        let expected = first_sent(name);
        let mut order = datagrams(name);
        assert_eq!(
            Opening::new(Protocol::Udp).add(0, &order.concat()),
            State::Done(expected.clone()),
            "{name}"
        );
        // With zeros between them, as some fill their datagrams.
        let filled = order.join(&[0; 20][..]);
        assert_eq!(Opening::new(Protocol::Udp).add(0, &filled), State::Done(expected.clone()), "{name}");
        order.reverse();
        let mut opening = Opening::new(Protocol::Udp);
        for datagram in order.iter().flat_map(|datagram| [datagram, datagram]) {
            opening.add(0, datagram);
        }
        assert_eq!(opening.so_far(), &expected, "{name}");
    }
}

#[test]
fn a_cut_hello_says_its_name_when_it_is_there() {
    let hello = file("tls-chromium");
    let at = hello.windows(16).position(|part| part == b"chromium.example").expect("the name") + 16;
    let mut opening = Opening::new(Protocol::Tcp);
    assert_eq!(opening.add(0, &hello[..at]), State::More);
    // An extension that says that it is encrypted may follow.
    let so_far = opening.so_far();
    assert_eq!(so_far.name.as_ref().map(|name| name.0.as_str()), Some("chromium.example"));
    assert!(so_far.is_inferred);
    let mut opening = Opening::new(Protocol::Tcp);
    opening.add(0, &hello[..at - 1]);
    assert_eq!(opening.so_far(), &Opened { recognised: Some(Recognised::Tls), ..Opened::default() });
}

#[test]
fn records_are_put_together() {
    let hello = file("tls-curl");
    let split: Vec<u8> =
        hello[5..].chunks(100).flat_map(|part| [&[22, 3, 1, 0, part.len() as u8], part].concat()).collect();
    assert_eq!(Opening::new(Protocol::Tcp).add(0, &split), State::Done(first_sent("tls-curl")));
}
