//! What counts in an answer and in a hello, in messages that are made for it.
#![allow(clippy::as_conversions, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use portolan_core::Protocol;
use portolan_names::{
    Opened, Opening, State,
    dns::{self, Answered, Stream},
};

/// A name on the wire.
fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

const A: u16 = 1;
const CNAME: u16 = 5;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;

fn record(owner: &str, kind: u16, seconds: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [&name(owner)[..], &kind.to_be_bytes(), &[0, 1], &seconds.to_be_bytes(), &length, data].concat()
}

fn a(owner: &str, last: u8) -> Vec<u8> {
    record(owner, A, 300, &[192, 0, 2, last])
}

fn message(flags: u16, question: &str, kind: u16, answers: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(answers.len()).unwrap().to_be_bytes();
    let header = [&[0, 7][..], &flags.to_be_bytes(), &[0, 1], &count, &[0, 0, 0, 0]].concat();
    [header, name(question), kind.to_be_bytes().to_vec(), vec![0, 1], answers.concat()].concat()
}

fn answered(question: &str, kind: u16, answers: &[Vec<u8>]) -> Option<Answered> {
    dns::answer(&message(0x8180, question, kind, answers))
}

fn said(question: &str, kind: u16, answers: &[Vec<u8>]) -> Vec<String> {
    let answered = answered(question, kind, answers).expect("an answer");
    answered.addresses.iter().map(|(address, seconds)| format!("{address} {seconds}")).collect()
}

#[test]
fn addresses_count_that_the_question_leads_to() {
    let alias = |owner, target, seconds| record(owner, CNAME, seconds, &name(target));
    // In the order in which they follow, and in another; with an address of somebody else.
    let chain = [alias("a.b", "c.d", 60), alias("C.D", "e.f", 20), a("e.F", 1), a("x.y", 9)];
    assert_eq!(said("A.b", A, &chain), ["192.0.2.1 20"]);
    let [first, second, third, fourth] = chain;
    assert_eq!(said("a.b", A, &[fourth, third, second, first]), ["192.0.2.1 20"]);
    let circle = [alias("a.b", "c.d", 60), alias("c.d", "a.b", 60), a("c.d", 1)];
    assert_eq!(said("a.b", A, &circle), ["192.0.2.1 60"]);
    // A DNAME has the alias beside it that follows from it.
    let moved = [record("b.c", DNAME, 60, &name("d.e")), alias("a.b.c", "a.d.e", 0), a("a.d.e", 1)];
    assert_eq!(said("a.b.c", A, &moved), ["192.0.2.1 0"]);
    assert_eq!(said("a.b", A, &[a("a.b", 1), a("a.b", 1), a("a.b", 2)]), ["192.0.2.1 300", "192.0.2.2 300"]);
    assert_eq!(said("a.b", A, &[]), Vec::<String>::new());
}

#[test]
fn there_are_bounds() {
    let many: Vec<_> = (0..200).map(|last| a("a.b", last)).collect();
    assert_eq!(said("a.b", A, &many).len(), 64);
    let mut long: Vec<_> =
        (0..40).map(|at| record(&format!("n{at}.b"), CNAME, 60, &name(&format!("n{}.b", at + 1)))).collect();
    long.extend([a("n16.b", 16), a("n17.b", 17)]);
    assert_eq!(said("n0.b", A, &long), ["192.0.2.16 60"]);
}

#[test]
fn services_have_targets_and_hints() {
    let hints = [0, 4, 0, 4, 192, 0, 2, 7, 0, 6, 0, 16, 32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    let service = |owner, kind, priority: u8, target, hints: &[u8]| {
        record(owner, kind, 300, &[&[0, priority], &name(target)[..], hints].concat())
    };
    let own = [service("_8443._https.a.b", HTTPS, 1, "", &hints)];
    assert_eq!(said("_8443._https.a.b", HTTPS, &own), ["192.0.2.7 300", "2001:db8::7 300"]);
    assert_eq!(answered("_8443._https.a.b", HTTPS, &own).unwrap().question.as_str(), "a.b");
    let alias = [service("a.b", HTTPS, 0, "c.d", &[]), a("c.d", 1), a("x.y", 9)];
    assert_eq!(said("a.b", HTTPS, &alias), ["192.0.2.1 300"]);
    assert_eq!(answered("_dns.resolver.arpa", SVCB, &[]), None);
}

#[test]
fn only_answers_to_one_question_for_addresses_count() {
    let records = [a("a.b", 1)];
    assert!(dns::answer(&message(0x8380, "a.b", A, &records)).is_some(), "truncated");
    let none = dns::answer(&message(0x8183, "a.b", A, &records));
    assert!(none.is_some_and(|none| none.addresses.is_empty()), "no such name");
    for (message, what) in [
        (message(0x0100, "a.b", A, &records), "a question"),
        (message(0xa980, "a.b", A, &records), "an update"),
        (message(0x8180, "a.b", TXT, &records), "TXT"),
        (message(0x8180, "", A, &records), "the root"),
        (message(0x8180, "a b.c", A, &records), "no domain"),
        (b"\0\x07\x81\x80\0\x01\0\0\0\0\0\0\x03a.b\0\0\x01\0\x01".to_vec(), "a dot in a label"),
        (b"\0\x07\x81\x80\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01".to_vec(), "a name within itself"),
        (b"\0\x07\x81\x80\0\x02\0\0\0\0\0\0\x01a\0\0\x01\0\x01\x01b\0\0\x01\0\x01".to_vec(), "two questions"),
        (b"\0\x07\x81\x80\0\0\0\0\0\0\0\0".to_vec(), "no question"),
    ] {
        assert_eq!(dns::answer(&message), None, "{what}");
    }
    assert_eq!(said("a.b", AAAA, &[record("a.b", AAAA, 5, &[0; 16])]), [":: 5"]);
}

#[test]
fn of_a_message_with_countless_records_the_first_count() {
    let others = |count: usize| {
        let mut records = vec![a("c.d", 1); count];
        records.push(a("a.b", 2));
        said("a.b", A, &records)
    };
    assert_eq!(others(63), ["192.0.2.2 300"]);
    assert_eq!(others(64), [""; 0]);
}

#[test]
fn of_a_message_that_is_cut_off_the_whole_records_count() {
    let message = message(0x8180, "a.b", A, &[a("a.b", 1), a("a.b", 2)]);
    let count = |length: usize| dns::answer(&message[..length]).map(|answered| answered.addresses.len());
    assert_eq!(count(message.len()), Some(2));
    assert_eq!(count(message.len() - 1), Some(1));
    assert_eq!(count(message.len() - 20), Some(0));
    assert_eq!(count(15), None);
}

#[test]
fn a_stream_goes_on_behind_a_hole_when_it_knows_where() {
    let framed = |question: &str| {
        let message = message(0x8180, question, A, &[a(question, 1), a(question, 2)]);
        [&u16::try_from(message.len()).unwrap().to_be_bytes(), &message[..]].concat()
    };
    let (first, second) = (framed("a.b"), framed("c.d"));
    let both = [&first[..], &second].concat();
    let counts = |answers: Vec<Answered>| -> Vec<_> {
        answers.into_iter().map(|one| (one.question.to_string(), one.addresses.len())).collect()
    };
    let whole = [("a.b".to_owned(), 2), ("c.d".to_owned(), 2)];
    // What comes again is left out.
    let mut stream = Stream::at(0);
    assert_eq!(stream.add(0, &both[..10]), []);
    assert_eq!(stream.add(0, &both[..5]), []);
    assert_eq!(counts(stream.add(7, &both[7..])), whole);
    // A hole in the first answer hides what is behind it there, and nothing of the second.
    let mut stream = Stream::at(0);
    assert_eq!(stream.add(0, &both[..first.len() - 3]), []);
    assert_eq!(
        counts(stream.add(first.len() as u64 - 1, &both[first.len() - 1..])),
        [("a.b".to_owned(), 1), ("c.d".to_owned(), 2)]
    );
    // A hole over the next length hides everything.
    let mut stream = Stream::at(0);
    stream.add(0, &both[..first.len() - 3]);
    assert_eq!(stream.add(first.len() as u64 + 1, &both[first.len() + 1..]), []);
    assert_eq!(stream.add(both.len() as u64, &both), []);
}

fn hello(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let extensions: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, content)| [kind.to_be_bytes().to_vec(), sized(content)].concat())
        .collect();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &sized(&extensions)].concat();
    let message = [&[1, 0][..], &sized(&body)].concat();
    [&[22, 3, 1][..], &sized(&message)].concat()
}

fn server_name(name: &str) -> (u16, Vec<u8>) {
    let length = u8::try_from(name.len()).unwrap();
    (0, [&[0, length + 3, 0, 0, length], name.as_bytes()].concat())
}

fn opened(extensions: &[(u16, Vec<u8>)]) -> (Option<String>, bool) {
    match Opening::new(Protocol::Tcp).add(0, &hello(extensions)) {
        State::Done(Opened { recognised: Some(_), name, is_inferred }) => {
            (name.map(|name| name.0.to_string()), is_inferred)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_before_an_encrypted_hello_is_inferred_and_a_providers_is_none() {
    let encrypted = (0xfe0d, vec![0; 200]);
    let site = || Some("a.example".to_owned());
    assert_eq!(opened(&[server_name("a.example")]), (site(), false));
    assert_eq!(opened(&[server_name("A.Example"), encrypted.clone()]), (site(), true));
    assert_eq!(opened(&[encrypted.clone(), server_name("a.example")]), (site(), true));
    assert_eq!(opened(&[server_name("cloudflare-ech.com"), encrypted.clone()]), (None, false));
    assert_eq!(opened(&[server_name("cloudflare-ech.com")]), (Some("cloudflare-ech.com".to_owned()), false));
    assert_eq!(opened(&[encrypted]), (None, false));
    assert_eq!(opened(&[server_name("192.0.2.1")]), (None, false));
    assert_eq!(opened(&[(0, vec![0, 9, 0, 0, 3, b'a']), (10, vec![]), (0x0a0a, vec![1])]), (None, false));
}
