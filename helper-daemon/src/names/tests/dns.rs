//! Whose answers are believed.

use portolan_bpf::Way;
use portolan_core::{Direction, Flow, NameSource::Dns, Protocol, Recognised, Uid};

use super::{Bed, ELSEWHERE, flow, flow_to, heard, named, process, seconds};
use crate::names::Hearing;

/// A message about the address of a name.
fn message(id: u8, flags: u8, name: &str, records: &[u8]) -> Vec<u8> {
    let answers = u8::from(!records.is_empty());
    let mut message = vec![0, id, flags, 0, 0, 1, 0, answers, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message.extend_from_slice(records);
    message
}

fn question(id: u8, name: &str) -> Vec<u8> {
    message(id, 1, name, &[])
}

/// That the name has 192.0.2.1.
fn answer(id: u8, name: &str) -> Vec<u8> {
    message(id, 0x81, name, &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1])
}

fn with_server(pid: u32, protocol: Protocol, port: u16) -> Flow {
    let mut flow = flow_to(pid, "192.0.2.53");
    flow.protocol = protocol;
    flow.remote.as_mut().unwrap().port = port;
    flow
}

/// Process 1 asks for `a.example` by number 7; what it then knows, when an answer comes to `flow`.
fn told(flow_of_answer: &Flow, answer: &[u8]) -> bool {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let asked = with_server(1, Protocol::Udp, 53);
    hearing.hear(&heard(&asked, Way::Sent, 0, &question(7, "A.example")), &mut bed.names);
    hearing.hear(&heard(flow_of_answer, Way::Received, 0, answer), &mut bed.names);
    let name = bed.name(&flow(1), seconds(2));
    assert!(name.is_none() || name == named("a.example", Dns, false));
    name.is_some()
}

#[test]
fn a_datagram_is_believed_when_it_answers_what_its_process_asked() {
    let asked = with_server(1, Protocol::Udp, 53);
    let right = answer(7, "a.eXample");
    assert!(told(&asked, &right));
    assert!(told(&Flow { local: None, ..asked }, &right), "its own address is not known yet");
    assert!(!told(&asked, &answer(8, "a.example")), "another number");
    assert!(!told(&asked, &answer(7, "b.example")), "another name");
    let mut other = asked;
    other.local.as_mut().unwrap().port = 40_001;
    assert!(!told(&other, &right), "another socket");
    other = asked;
    other.remote.as_mut().unwrap().address = "192.0.2.54".parse().unwrap();
    assert!(!told(&other, &right), "another server");
    assert!(!told(&with_server(1, Protocol::Udp, 5353), &right), "another port");
    assert!(!told(&Flow { network_namespace: ELSEWHERE, ..asked }, &right));
    assert!(!told(&Flow { owner: process(2), ..asked }, &right));
}

#[test]
fn a_question_is_answered_once_and_in_time() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let asked = with_server(1, Protocol::Udp, 53);
    let mut hear = |way, bytes: &[u8]| hearing.hear(&heard(&asked, way, 0, bytes), &mut bed.names);
    hear(Way::Received, &answer(7, "a.example"));
    hear(Way::Sent, &answer(7, "a.example"));
    hear(Way::Received, &answer(7, "a.example"));
    // Copied twice.
    hear(Way::Sent, &question(7, "b.example"));
    hear(Way::Sent, &question(7, "b.example"));
    hear(Way::Received, &answer(7, "b.example"));
    // Nor is what comes behind “no such name”.
    let mut none = answer(7, "d.example");
    none[3] |= 3;
    hear(Way::Sent, &question(7, "d.example"));
    hear(Way::Received, &none);
    hear(Way::Received, &answer(7, "d.example"));
    assert_eq!(bed.names.answers(), 1, "what it was not asked, and what it said itself, is no answer");
    assert_eq!(bed.names.recognised_of(&asked), Some(Recognised::Dns));
    let mut hear = |way, bytes: &[u8]| hearing.hear(&heard(&asked, way, 0, bytes), &mut bed.names);
    hear(Way::Received, &answer(7, "b.example"));
    hear(Way::Sent, &question(8, "c.example"));
    hearing.sweep(seconds(12), &mut bed.names);
    hearing.hear(&heard(&asked, Way::Received, 0, &answer(8, "c.example")), &mut bed.names);
    assert_eq!(bed.names.answers(), 1);
}

#[test]
fn of_connections_those_that_a_program_opened_are_believed() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    let (stream, message) = (with_server(2, Protocol::Tcp, 53), answer(1, "b.example"));
    let whole = [&[0, u8::try_from(message.len()).unwrap()], &message[..]].concat();
    let inbound = Flow { direction: Direction::Inbound, ..with_server(1, Protocol::Tcp, 53) };
    hearing.hear(&heard(&inbound, Way::Received, 0, &whole), &mut bed.names);
    assert_eq!(bed.name(&flow(1), seconds(2)), None, "anybody can connect from that port");
    hearing.hear(&heard(&stream, Way::Received, 0, &whole[..15]), &mut bed.names);
    assert_eq!(bed.name(&flow(2), seconds(2)), None);
    hearing.hear(&heard(&stream, Way::Received, 15, &whole[15..]), &mut bed.names);
    assert_eq!(bed.name(&flow(2), seconds(2)), named("b.example", Dns, false));
    // After a pause it goes on where it is then.
    hearing.sweep(seconds(12), &mut bed.names);
    let (message, offset) = (answer(1, "c.example"), u64::try_from(whole.len()).unwrap());
    let next = [&[0, u8::try_from(message.len()).unwrap()], &message[..]].concat();
    hearing.hear(&heard(&stream, Way::Received, offset, &next), &mut bed.names);
    assert_eq!(bed.names.answers(), 2);
}

#[test]
fn one_user_s_questions_leave_room_for_others() {
    let (mut bed, mut hearing) = (Bed::new(), Hearing::default());
    for pid in 10..20_010 {
        let asked = with_server(pid, Protocol::Udp, 53);
        hearing.hear(&heard(&asked, Way::Sent, 0, &question(1, "a.example")), &mut bed.names);
    }
    assert_eq!(hearing.forgotten_early(), 20_000 - 8_192);
    let other = Flow { uid: Uid(1001), ..with_server(1, Protocol::Udp, 53) };
    hearing.hear(&heard(&other, Way::Sent, 0, &question(1, "a.example")), &mut bed.names);
    hearing.hear(&heard(&other, Way::Received, 0, &answer(1, "a.example")), &mut bed.names);
    assert_eq!(bed.names.answers(), 1);
}
