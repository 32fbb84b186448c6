//! Bytes that come in pieces, with parsers that are easily made: a line is a name, `=` makes it an answer.

use portolan_core::{
    Direction,
    NameSource::{Dns, Tls},
    Protocol, Recognised,
};

use super::{Bed, domain, flow, flow_to, named, seconds};
use crate::names::{Answered, Heard, Hearing, Opened, Parsers, Way};

struct Lines;

impl Parsers for Lines {
    type Opening = Vec<u8>;
    type Stream = Vec<u8>;

    fn opening(_: Protocol) -> Vec<u8> {
        Vec::new()
    }

    fn open(opening: &mut Vec<u8>, offset: u64, bytes: &[u8]) -> Option<Opened> {
        assert_eq!(usize::try_from(offset), Ok(opening.len()));
        opening.extend_from_slice(bytes);
        let name = std::str::from_utf8(opening.strip_suffix(b"\n")?).unwrap();
        Some(Opened {
            recognised: Some(Recognised::Tls),
            name: Some((domain(name), Tls)),
            is_inferred: false,
        })
    }

    fn answer(message: &[u8]) -> Option<Answered> {
        let (name, address) = std::str::from_utf8(message).ok()?.split_once('=')?;
        Some(Answered { question: domain(name), addresses: vec![(address.parse().ok()?, 60)] })
    }

    fn stream() -> Vec<u8> {
        Vec::new()
    }

    fn join(stream: &mut Vec<u8>, _: u64, bytes: &[u8]) -> Vec<Vec<u8>> {
        stream.extend_from_slice(bytes);
        let mut messages: Vec<Vec<u8>> = stream.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        *stream = messages.pop().unwrap();
        messages
    }
}

fn heard<'a>(flow: &'a portolan_core::Flow, way: Way, offset: u64, text: &'a str) -> Heard<'a> {
    Heard { flow, at: seconds(1), way, offset, bytes: text.as_bytes() }
}

#[test]
fn a_beginning_in_pieces_is_put_together_and_an_endless_one_given_up() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::<Lines>::default());
    hearing.hear(heard(&flow(1), Way::Sent, 0, "www.exa"), &mut bed.names);
    assert_eq!(bed.name(&flow(1), None), None);
    hearing.hear(heard(&flow(1), Way::Sent, 7, "mple.org\n"), &mut bed.names);
    assert_eq!(bed.name(&flow(1), None), named("www.example.org", Tls, false));
    hearing.hear(heard(&flow(1), Way::Sent, 16, "nothing more\n"), &mut bed.names);
    hearing.hear(heard(&flow(2), Way::Sent, 0, "www.exa"), &mut bed.names);
    hearing.sweep(seconds(12));
    hearing.hear(heard(&flow(2), Way::Sent, 7, "mple.org\n"), &mut bed.names);
    assert_eq!(bed.name(&flow(2), None), None, "its beginning was given up");
}

#[test]
fn answers_come_from_port_53_alone_whole_or_in_a_stream() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::<Lines>::default());
    let asked = |pid, protocol, port| {
        let mut flow = flow_to(pid, "192.0.2.53");
        flow.protocol = protocol;
        flow.remote.as_mut().unwrap().port = port;
        flow
    };
    let other = asked(1, Protocol::Udp, 5353);
    hearing.hear(heard(&other, Way::Received, 0, "a.example=192.0.2.1"), &mut bed.names);
    assert_eq!(bed.name(&flow(1), seconds(2)), None);
    let datagrams = asked(1, Protocol::Udp, 53);
    hearing.hear(heard(&datagrams, Way::Received, 0, "a.example=192.0.2.1"), &mut bed.names);
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Dns, false));
    assert_eq!(bed.names.recognised_of(&datagrams, None), Some(Recognised::Dns));
    let stream = asked(2, Protocol::Tcp, 53);
    hearing.hear(heard(&stream, Way::Received, 0, "b.example=192.0"), &mut bed.names);
    hearing.hear(heard(&stream, Way::Received, 15, ".2.1\nc.ex"), &mut bed.names);
    assert_eq!(bed.name(&flow(2), seconds(2)), named("b.example", Dns, false));
    let mut asked_by_others = asked(3, Protocol::Udp, 40_000);
    asked_by_others.direction = Direction::Unknown;
    asked_by_others.local.as_mut().unwrap().port = 53;
    hearing.hear(heard(&asked_by_others, Way::Received, 0, "d.example=192.0.2.1"), &mut bed.names);
    assert_eq!(bed.name(&flow(3), seconds(2)), None, "a server is told nothing by a question");
}

#[test]
fn one_user_s_endless_beginnings_leave_room_for_others() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::<Lines>::default());
    for pid in 10..1_010 {
        hearing.hear(heard(&flow(pid), Way::Sent, 0, "endless"), &mut bed.names);
    }
    assert_eq!(hearing.forgotten_early(), 1_000 - 256);
    let mut other = flow(1);
    other.uid = portolan_core::Uid(1001);
    hearing.hear(heard(&other, Way::Sent, 0, "a.example\n"), &mut bed.names);
    assert_eq!(bed.name(&other, None), named("a.example", Tls, false));
    hearing.sweep(seconds(20));
    hearing.hear(heard(&flow(5), Way::Sent, 0, "b.ex"), &mut bed.names);
    assert_eq!(hearing.forgotten_early(), 1_000 - 256, "there is room again");
}
