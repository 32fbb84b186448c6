//! What a flow said, and what its process was told.

use portolan_core::{
    Direction, MonotonicNs,
    NameSource::{Dns, Hosts, Tls},
    Recognised, Uid,
};
use portolan_names::Opened;

use super::{Bed, ELSEWHERE, USER, domain, flow, flow_to, named, process, seconds};
use crate::names::Asker;

fn hello(name: Option<&str>) -> Opened {
    let name = name.map(|name| (domain(name), Tls));
    Opened { recognised: Some(Recognised::Tls), name, is_inferred: false }
}

#[test]
fn the_name_that_a_flow_said_comes_first_then_its_own_answer_then_the_hosts() {
    let mut bed = Bed::new();
    assert_eq!(bed.name(&flow(1), seconds(5)), None);
    bed.set_hosts("192.0.2.1 www.hosts.example");
    assert_eq!(bed.name(&flow(1), seconds(5)), named("www.hosts.example", Hosts, true));
    bed.answers(1, "www.dns.example", seconds(4));
    assert_eq!(bed.name(&flow(1), seconds(5)), named("www.dns.example", Dns, false));
    bed.names.opened(&flow(1), hello(Some("www.tls.co.uk")), seconds(6));
    assert_eq!(bed.name(&flow(1), seconds(5)), named("www.tls.co.uk", Tls, false));
    let name = bed.names.name_of(&flow(1), None, &bed.kin).unwrap();
    assert_eq!(name.registrable, Some(domain("tls.co.uk")));
    assert_eq!(bed.names.recognised_of(&flow(1)), Some(Recognised::Tls));
}

#[test]
fn two_processes_that_reach_one_address_by_two_names_have_each_its_own() {
    let mut bed = Bed::new();
    bed.answers(1, "a.example", seconds(1));
    bed.answers(2, "b.example", seconds(1));
    bed.kin.applications = [(1, "curl"), (2, "curl")].into();
    assert_eq!(bed.name(&flow(1), seconds(1)), named("a.example", Dns, false), "in the same moment");
    assert_eq!(bed.name(&flow(2), seconds(2)), named("b.example", Dns, false));
}

#[test]
fn of_several_names_the_newest_before_the_flow_counts_and_is_doubtful() {
    let mut bed = Bed::new();
    bed.answers(1, "a.example", seconds(1));
    assert_eq!(bed.name(&flow_to(1, "192.0.2.2"), seconds(2)), None, "another address");
    bed.answers(1, "b.example", seconds(3));
    bed.answers(1, "a.example", seconds(5));
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Dns, false), "only one was known then");
    let another = |port| {
        let mut flow = flow(1);
        flow.local.as_mut().unwrap().port = port;
        flow
    };
    assert_eq!(bed.name(&another(2), seconds(4)), named("b.example", Dns, true));
    assert_eq!(bed.name(&another(3), seconds(6)), named("a.example", Dns, true));
    assert_eq!(bed.name(&another(4), MonotonicNs(0)), None, "before it was told anything");
    assert_eq!(bed.names.answers(), 2, "the same again is no other answer");
}

#[test]
fn what_is_answered_later_changes_no_flow_that_has_a_name() {
    let mut bed = Bed::new();
    bed.answers(1, "a.example", seconds(1));
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Dns, false));
    bed.answers(1, "b.example", seconds(3));
    assert_eq!(bed.name(&flow(1), None), named("a.example", Dns, false));
    assert_eq!(
        bed.name(&flow(1), seconds(4)),
        named("b.example", Dns, true),
        "another one of the same ports"
    );
    assert_eq!(bed.name(&flow(2), None), None, "of a flow that had none, nothing is found later");
}

#[test]
fn what_the_last_flow_of_the_same_ports_said_is_not_of_the_next() {
    let mut bed = Bed::new();
    bed.names.opened(&flow(1), hello(Some("a.example")), seconds(1));
    assert_eq!(bed.name(&flow(1), seconds(2)), None);
    assert_eq!(bed.name(&flow(1), None), None, "nor later");
    assert_eq!(bed.names.recognised_of(&flow(1)), None);
    bed.names.opened(&flow(1), hello(None), seconds(3));
    assert_eq!(bed.name(&flow(1), seconds(2)), None, "it said none");
    assert_eq!(bed.names.recognised_of(&flow(1)), Some(Recognised::Tls));
}

#[test]
fn a_name_is_not_sure_for_ever() {
    for (ttl, surely) in [(0, 3_600), (60, 3_600), (7_200, 7_200), (u32::MAX, 86_400)] {
        let mut bed = Bed::new();
        bed.answers_to(Bed::asker(1), "a.example", "192.0.2.1", ttl, seconds(0));
        assert_eq!(bed.name(&flow(1), seconds(surely)), named("a.example", Dns, false));
        assert_eq!(bed.name(&flow(1), seconds(surely + 1)), named("a.example", Dns, true));
        let mut now = Bed::new();
        now.answers_to(Bed::asker(1), "a.example", "192.0.2.1", ttl, seconds(0));
        now.answers(1, "b.example", seconds(surely + 1));
        assert_eq!(
            now.name(&flow(1), seconds(surely + 2)),
            named("b.example", Dns, false),
            "the old is over"
        );
    }
}

#[test]
fn addresses_are_the_same_however_they_are_written_and_none_is_none() {
    let mut bed = Bed::new();
    bed.answers_to(Bed::asker(1), "a.example", "::ffff:192.0.2.1", 60, seconds(1));
    bed.answers_to(Bed::asker(1), "ads.example", "0.0.0.0", 60, seconds(1));
    bed.answers_to(Bed::asker(1), "ads.example", "::", 60, seconds(1));
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Dns, false));
    assert_eq!(bed.names.answers(), 1);
}

#[test]
fn a_server_has_no_name_from_what_its_clients_say_and_a_doubtful_one_from_elsewhere() {
    let mut bed = Bed::new();
    let mut inbound = flow(1);
    inbound.direction = Direction::Inbound;
    bed.names.opened(&inbound, hello(Some("me.example")), seconds(1));
    assert_eq!(bed.name(&inbound, seconds(1)), None);
    assert_eq!(bed.names.recognised_of(&inbound), Some(Recognised::Tls));
    bed.answers(1, "client.example", seconds(1));
    assert_eq!(bed.name(&inbound, seconds(2)), named("client.example", Dns, true));
}

#[test]
fn a_copy_of_a_process_knows_what_that_knew_when_it_was_made() {
    let mut bed = Bed::new();
    bed.kin.forked_from = [(2, (1, seconds(10))), (3, (2, seconds(20)))].into();
    bed.answers(1, "a.example", seconds(5));
    assert_eq!(bed.name(&flow(2), seconds(11)), named("a.example", Dns, false));
    assert_eq!(bed.name(&flow(3), seconds(21)), named("a.example", Dns, false));
    bed.answers(1, "b.example", seconds(15));
    assert_eq!(
        bed.name(&flow(3), seconds(22)),
        named("a.example", Dns, false),
        "its own was made before that"
    );
    assert_eq!(bed.name(&flow(1), seconds(22)), named("b.example", Dns, true));
    bed.answers(2, "c.example", seconds(30));
    assert_eq!(bed.name(&flow(1), seconds(31)), named("b.example", Dns, true), "and not the other way round");
    assert_eq!(bed.name(&flow(4), seconds(31)), None);
}

#[test]
fn who_becomes_another_user_leaves_its_names_behind() {
    let mut bed = Bed::new();
    let root = Asker { uid: Uid(0), ..Bed::asker(1) };
    bed.answers_to(root, "secret.example", "192.0.2.1", 60, seconds(1));
    assert_eq!(bed.name(&flow(1), seconds(2)), None);
    let mut of_root = flow(1);
    of_root.uid = Uid(0);
    assert_eq!(bed.name(&of_root, seconds(2)), named("secret.example", Dns, false));
}

#[test]
fn a_process_may_ask_in_one_namespace_and_talk_in_another() {
    let mut bed = Bed::new();
    let elsewhere = Asker { process: process(1), uid: USER, network_namespace: ELSEWHERE };
    bed.answers_to(elsewhere, "a.example", "192.0.2.1", 60, seconds(1));
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Dns, false));
}
