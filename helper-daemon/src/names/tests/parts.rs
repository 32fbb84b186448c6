//! Bytes that come in pieces.

use portolan_bpf::Way;
use portolan_core::{
    Direction,
    NameSource::{Dns, Http},
    Protocol, Recognised,
};

use super::{Bed, flow, flow_to, named, seconds};
use crate::names::{Heard, Hearing};

/// An answer that a name of two labels has 192.0.2.1.
fn answer(name: &str) -> Vec<u8> {
    let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    message
}

fn heard<'a>(
    flow: &'a portolan_core::Flow,
    way: Way,
    offset: u64,
    bytes: &'a (impl AsRef<[u8]> + ?Sized),
) -> Heard<'a> {
    Heard { flow, at: seconds(1), way, offset, bytes: bytes.as_ref() }
}

const FIRST: &str = "GET / HTTP/1.1\r\nHost: www.exa";
const REST: &str = "mple.org\r\n\r\n";

#[test]
fn a_beginning_in_pieces_is_put_together_and_an_endless_one_given_up() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let offset = u64::try_from(FIRST.len()).unwrap();
    hearing.hear(heard(&flow(1), Way::Sent, 0, FIRST), &mut bed.names);
    assert_eq!(bed.name(&flow(1), None), None);
    hearing.hear(heard(&flow(1), Way::Sent, offset, REST), &mut bed.names);
    assert_eq!(bed.name(&flow(1), None), named("www.example.org", Http, false));
    hearing.hear(heard(&flow(2), Way::Sent, 0, FIRST), &mut bed.names);
    hearing.sweep(seconds(12), &mut bed.names);
    hearing.hear(heard(&flow(2), Way::Sent, offset, REST), &mut bed.names);
    assert_eq!(bed.name(&flow(2), None), None, "its beginning was given up");
    hearing.hear(heard(&flow(3), Way::Received, 0, &format!("{FIRST}{REST}")), &mut bed.names);
    assert_eq!(bed.name(&flow(3), None), None, "the other side may say what it likes");
}

#[test]
fn a_server_s_answer_tells_what_it_speaks() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let mut inbound = flow(1);
    inbound.direction = Direction::Inbound;
    hearing.hear(heard(&inbound, Way::Sent, 0, "HTTP/1.1 200 OK\r"), &mut bed.names);
    assert_eq!(bed.names.recognised_of(&inbound, None), Some(Recognised::Http));
}

#[test]
fn answers_come_from_port_53_alone_whole_or_in_a_stream() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let asked = |pid, protocol, port| {
        let mut flow = flow_to(pid, "192.0.2.53");
        flow.protocol = protocol;
        flow.remote.as_mut().unwrap().port = port;
        flow
    };
    let other = asked(1, Protocol::Udp, 5353);
    hearing.hear(heard(&other, Way::Received, 0, &answer("a.example")), &mut bed.names);
    assert_eq!(bed.name(&flow(1), seconds(2)), None);
    let datagrams = asked(1, Protocol::Udp, 53);
    hearing.hear(heard(&datagrams, Way::Sent, 0, &answer("b.example")), &mut bed.names);
    assert_eq!(bed.name(&flow(1), seconds(2)), None, "what it says itself is no answer");
    hearing.hear(heard(&datagrams, Way::Received, 0, &answer("a.example")), &mut bed.names);
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Dns, false));
    assert_eq!(bed.names.recognised_of(&datagrams, None), Some(Recognised::Dns));
    let (stream, message) = (asked(2, Protocol::Tcp, 53), answer("b.example"));
    let whole = [&[0, u8::try_from(message.len()).unwrap()], &message[..], &[0]].concat();
    hearing.hear(heard(&stream, Way::Received, 0, &whole[..15]), &mut bed.names);
    assert_eq!(bed.name(&flow(2), seconds(2)), None);
    hearing.hear(heard(&stream, Way::Received, 15, &whole[15..]), &mut bed.names);
    assert_eq!(bed.name(&flow(2), seconds(2)), named("b.example", Dns, false));
    let mut asked_by_others = asked(3, Protocol::Udp, 40_000);
    asked_by_others.direction = Direction::Unknown;
    asked_by_others.local.as_mut().unwrap().port = 53;
    hearing.hear(heard(&asked_by_others, Way::Received, 0, &answer("d.example")), &mut bed.names);
    assert_eq!(bed.name(&flow(3), seconds(2)), None, "a server is told nothing by who asks it");
}

#[test]
fn one_user_s_endless_beginnings_leave_room_for_others() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    for pid in 10..1_010 {
        hearing.hear(heard(&flow(pid), Way::Sent, 0, FIRST), &mut bed.names);
    }
    assert_eq!(hearing.forgotten_early(), 1_000 - 256);
    let mut other = flow(1);
    other.uid = portolan_core::Uid(1001);
    hearing.hear(heard(&other, Way::Sent, 0, &format!("{FIRST}{REST}")), &mut bed.names);
    assert_eq!(bed.name(&other, None), named("www.example.org", Http, false));
    hearing.sweep(seconds(20), &mut bed.names);
    hearing.hear(heard(&flow(5), Way::Sent, 0, FIRST), &mut bed.names);
    assert_eq!(hearing.forgotten_early(), 1_000 - 256, "there is room again");
}
