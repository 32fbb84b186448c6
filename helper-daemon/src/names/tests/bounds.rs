//! Nobody fills the room of others, and nothing stays that nobody needs.

use std::net::{IpAddr, Ipv4Addr};

use portolan_core::{NameSource::Dns, Uid};
use portolan_names::Opened;

use super::{Bed, HOME, USER, domain, flow, flow_to, named, process, seconds};
use crate::names::Asker;

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

/// So many answers to one process.
fn fill(bed: &mut Bed, asker: Asker, answers: u32) {
    for number in 0..answers {
        bed.names.answered(asker, domain("flood.example"), &[(address(number), 60)], seconds(1));
    }
}

#[test]
fn one_process_forgets_its_own_oldest() {
    let mut bed = Bed::new();
    bed.answers(2, "kept.example", seconds(1));
    bed.answers(1, "first.example", seconds(1));
    fill(&mut bed, Bed::asker(1), 5_000);
    assert_eq!(bed.names.answers(), 1_024 + 1);
    assert_eq!(bed.names.forgotten_early(), 5_001 - 1_024);
    assert_eq!(bed.name(&flow(1), seconds(2)), None);
    assert_eq!(
        bed.name(&flow_to(1, "10.0.19.135"), seconds(2)),
        named("flood.example", Dns, false),
        "its last"
    );
    assert_eq!(bed.name(&flow(2), seconds(2)), named("kept.example", Dns, false));
}

#[test]
fn a_resolver_has_more_room() {
    let mut bed = Bed::new();
    let asker = Asker { process: process(9), uid: Uid(0), network_namespace: HOME };
    bed.names.holds_port_53(process(9), Uid(0), HOME);
    fill(&mut bed, asker, 5_000);
    assert_eq!(bed.names.answers(), 4_096);
}

#[test]
fn one_user_s_processes_do_not_keep_others_from_having_names() {
    let mut bed = Bed::new();
    for pid in 10..110 {
        fill(&mut bed, Bed::asker(pid), 1_024);
    }
    assert_eq!(bed.names.answers(), 32_768);
    assert_eq!(bed.names.forgotten_early(), 100 * 1_024 - 32_768);
    let (mut other, mut asker) = (flow(1), Bed::asker(1));
    (other.uid, asker.uid) = (Uid(1001), Uid(1001));
    bed.answers_to(asker, "other.example", "192.0.2.1", 60, seconds(1));
    assert_eq!(bed.name(&other, seconds(2)), named("other.example", Dns, false));
    bed.names.sweep(seconds(2), |process| process.pid.0 == 1, |_| false);
    assert_eq!(bed.names.answers(), 1, "what is gone is forgotten");
    fill(&mut bed, Bed::asker(200), 10);
    assert_eq!(bed.names.answers(), 11, "and its room is free");
}

#[test]
fn of_countless_names_of_one_address_the_last_count() {
    let mut bed = Bed::new();
    bed.answers(1, "kept.example", seconds(1));
    for number in 0..5_000 {
        bed.answers(2, &format!("n{number}.example"), seconds(2));
    }
    assert_eq!(bed.names.answers(), 1 + 16);
    assert_eq!(bed.name(&flow(2), seconds(3)), named("n4999.example", Dns, true));
    assert_eq!(bed.name(&flow(1), seconds(3)), named("kept.example", Dns, false));
}

#[test]
fn names_that_were_found_leave_room_for_those_that_flows_say() {
    let mut bed = Bed::new();
    bed.answers(1, "a.example", seconds(1));
    for port in 0..40_000 {
        let mut flow = flow(1);
        flow.local.as_mut().unwrap().port = port;
        bed.name(&flow, seconds(2));
    }
    let name = Some((domain("said.example"), portolan_core::NameSource::Tls));
    bed.names.opened(&flow_to(1, "192.0.2.9"), Opened { name, ..Opened::default() }, seconds(3));
    assert!(bed.name(&flow_to(1, "192.0.2.9"), None).is_some());
    assert_eq!(bed.names.forgotten_early(), 40_000 - 16_384);
}

#[test]
fn what_flows_said_is_kept_while_they_are_needed_and_shared_as_well() {
    let mut bed = Bed::new();
    let said = |pid: u32, uid| {
        let mut flow = flow(pid);
        flow.uid = uid;
        flow
    };
    let hello = |name| Opened {
        recognised: None,
        name: Some((domain(name), portolan_core::NameSource::Tls)),
        is_inferred: false,
    };
    for pid in 0..40_000 {
        bed.names.opened(&said(pid, USER), hello("flood.example"), seconds(1));
    }
    assert_eq!(bed.names.forgotten_early(), 40_000 - 32_768);
    let other = said(1, Uid(1001));
    bed.names.opened(&other, hello("a.example"), seconds(1));
    assert_eq!(bed.name(&other, None).unwrap().0, "a.example");
    bed.names.sweep(seconds(5), |_| true, |_| false);
    assert!(bed.name(&other, None).is_some(), "it has just said it");
    bed.names.sweep(seconds(60), |_| true, |flow| flow.uid == Uid(1001));
    assert!(bed.name(&other, None).is_some(), "it goes on");
    assert_eq!(bed.name(&said(5, USER), None), None);
    bed.names.sweep(seconds(60), |_| true, |_| false);
    assert_eq!(bed.name(&other, None), None);
}
