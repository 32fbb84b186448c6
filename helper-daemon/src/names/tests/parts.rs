//! Bytes that come in pieces.

use portolan_bpf::{Said, Way};
use portolan_core::{
    Direction, Flow,
    NameSource::{Http, Quic},
    Protocol, Recognised,
};

use super::{Bed, flow, heard, named, seconds};
use crate::names::Hearing;

const FIRST: &str = "GET / HTTP/1.1\r\nHost: www.exa";
const REST: &str = "mple.org\r\n\r\n";

#[test]
fn a_beginning_in_pieces_is_put_together_and_an_endless_one_given_up() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let offset = u64::try_from(FIRST.len()).unwrap();
    hearing.hear(&heard(&flow(1), Way::Sent, 0, FIRST), &mut bed.names);
    assert_eq!(bed.name(&flow(1), None), None);
    hearing.hear(&heard(&flow(1), Way::Sent, offset, REST), &mut bed.names);
    assert_eq!(bed.name(&flow(1), None), named("www.example.org", Http, false));
    hearing.hear(&heard(&flow(2), Way::Sent, 0, FIRST), &mut bed.names);
    hearing.sweep(seconds(12), &mut bed.names);
    hearing.hear(&heard(&flow(2), Way::Sent, offset, REST), &mut bed.names);
    assert_eq!(bed.name(&flow(2), None), None, "its beginning was given up");
    hearing.hear(&heard(&flow(3), Way::Received, 0, &format!("{FIRST}{REST}")), &mut bed.names);
    assert_eq!(bed.name(&flow(3), None), None, "the other side may say what it likes");
}

#[test]
fn a_server_s_answer_tells_what_it_speaks() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let mut inbound = flow(1);
    inbound.direction = Direction::Inbound;
    hearing.hear(&heard(&inbound, Way::Sent, 0, "HTTP/1.1 200 OK\r"), &mut bed.names);
    assert_eq!(bed.names.recognised_of(&inbound), Some(Recognised::Http));
}

#[test]
fn one_user_s_endless_beginnings_leave_room_for_others() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    for pid in 10..1_010 {
        hearing.hear(&heard(&flow(pid), Way::Sent, 0, FIRST), &mut bed.names);
    }
    assert_eq!(hearing.forgotten_early(), 1_000 - 256);
    let mut other = flow(1);
    other.uid = portolan_core::Uid(1001);
    hearing.hear(&heard(&other, Way::Sent, 0, &format!("{FIRST}{REST}")), &mut bed.names);
    assert_eq!(bed.name(&other, None), named("www.example.org", Http, false));
    hearing.sweep(seconds(20), &mut bed.names);
    hearing.hear(&heard(&flow(5), Way::Sent, 0, FIRST), &mut bed.names);
    assert_eq!(hearing.forgotten_early(), 1_000 - 256, "there is room again");
}

/// A client's Initial packet to example.com (RFC 9001, appendix A), with its length before it.
const INITIAL: &[u8] = include_bytes!("../../../../crates/names/tests/messages/quic-rfc9001");

fn over_udp(pid: u32) -> Flow {
    Flow { protocol: Protocol::Udp, ..flow(pid) }
}

#[test]
fn what_follows_an_initial_changes_nothing_and_holds_no_room() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let initial = &INITIAL[2..];
    // The next ones go to the connection id that the server chose.
    let mut next = initial.to_vec();
    next[7] ^= 1;
    for pid in 0..300 {
        hearing.hear(&heard(&over_udp(pid), Way::Sent, 0, initial), &mut bed.names);
        for _ in 0..20 {
            hearing.hear(&heard(&over_udp(pid), Way::Sent, 0, &next), &mut bed.names);
        }
        assert_eq!(bed.name(&over_udp(pid), None), named("example.com", Quic, false));
    }
    assert_eq!(hearing.forgotten_early(), 0);
    // Another connection between the same two, of which nothing can be read.
    let late = Said { at: seconds(12), ..heard(&over_udp(1), Way::Sent, 0, &next) };
    hearing.hear(&late, &mut bed.names);
    hearing.sweep(seconds(30), &mut bed.names);
    assert_eq!(bed.name(&over_udp(1), None), named("example.com", Quic, false));
    assert_eq!(bed.names.recognised_of(&over_udp(1)), Some(Recognised::Quic));
}

#[test]
fn a_server_s_packets_are_not_listened_to() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    for pid in 0..300 {
        let inbound = Flow { direction: Direction::Inbound, ..over_udp(pid) };
        hearing.hear(&heard(&inbound, Way::Sent, 0, &INITIAL[2..]), &mut bed.names);
        assert_eq!(bed.names.recognised_of(&inbound), None);
    }
    assert_eq!(hearing.forgotten_early(), 0);
}
