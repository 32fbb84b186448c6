//! What one process is told for another.

use portolan_core::{
    ApplicationKey,
    NameSource::{Application, Dns, Hosts, Resolver},
    Uid, Untrusted,
};

use super::{Bed, ELSEWHERE, HOME, USER, flow, named, process, seconds};
use crate::names::Asker;

const SYSTEM: Uid = Uid(101);

fn resolver(pid: u32, uid: Uid) -> Asker {
    Asker { process: process(pid), uid, network_namespace: HOME }
}

#[test]
fn another_process_of_the_application_and_user_lends_its_names() {
    let mut bed = Bed::new();
    bed.answers(1, "a.example", seconds(1));
    assert_eq!(bed.name(&flow(2), seconds(2)), None);
    bed.kin.applications = [(1, "browser"), (2, "browser"), (3, "other")].into();
    assert_eq!(bed.name(&flow(3), seconds(2)), None, "another application");
    let mut elsewhere = flow(2);
    elsewhere.network_namespace = ELSEWHERE;
    assert_eq!(bed.name(&elsewhere, seconds(2)), None, "the address is another machine's there");
    assert_eq!(bed.name(&flow(2), seconds(3_700)), None, "it is too old");
    assert_eq!(bed.name(&flow(2), seconds(2)), named("a.example", Application, true));
}

#[test]
fn a_name_that_one_user_s_process_saw_is_never_at_another_user_s_flows() {
    let mut bed = Bed::new();
    bed.kin.applications = [(1, "browser"), (2, "browser")].into();
    bed.kin.forked_from = [(3, (1, seconds(9)))].into();
    bed.answers(1, "secret.example", seconds(1));
    for pid in [1, 2, 3] {
        let mut others = flow(pid);
        others.uid = Uid(1001);
        assert_eq!(bed.name(&others, seconds(10)), None, "{pid}");
    }
    assert_eq!(bed.name(&flow(2), seconds(10)), named("secret.example", Application, true));
}

#[test]
fn a_resolver_of_the_system_speaks_for_all_where_it_holds_the_port() {
    let mut bed = Bed::new();
    bed.answers_to(resolver(9, SYSTEM), "a.example", "192.0.2.1", 60, seconds(1));
    assert_eq!(bed.name(&flow(1), seconds(2)), None, "it is not known to be one");
    bed.names.holds_port_53(process(9), SYSTEM, ELSEWHERE);
    assert_eq!(bed.name(&flow(1), seconds(2)), None, "elsewhere");
    bed.names.holds_port_53(process(9), SYSTEM, HOME);
    assert_eq!(bed.name(&flow(1), seconds(2)), named("a.example", Resolver, true));
    let mut own = flow(9);
    own.uid = SYSTEM;
    assert_eq!(bed.name(&own, seconds(2)), named("a.example", Dns, true), "it asked for somebody else");
    bed.set_hosts("192.0.2.1 hosts.example\n192.0.2.2 other.example");
    let mut next = flow(2);
    assert_eq!(bed.name(&next, seconds(2)), named("a.example", Resolver, true), "before the hosts");
    next.remote.as_mut().unwrap().address = "192.0.2.2".parse().unwrap();
    assert_eq!(bed.name(&next, seconds(2)), named("other.example", Hosts, true));
}

#[test]
fn a_person_s_process_is_no_resolver_whatever_it_holds_and_whatever_it_is_called() {
    for uid in [USER, Uid(100_000), Uid(60_000), Uid(65_535)] {
        let mut bed = Bed::new();
        bed.names.holds_port_53(process(9), uid, HOME);
        let application: ApplicationKey = "/usr/lib/systemd/systemd-resolved".parse().unwrap();
        bed.names.runs(process(9), uid, &application, &"/usr/lib/systemd/systemd-resolved".into());
        bed.answers_to(resolver(9, uid), "fake.example", "192.0.2.1", 60, seconds(1));
        assert_eq!(bed.name(&flow(1), seconds(2)), None, "{uid:?}");
    }
}

#[test]
fn the_system_s_own_resolvers_are_known_by_what_they_run() {
    let runs = |path: &str, application: &str| {
        let mut bed = Bed::new();
        let application = ApplicationKey::from_stored(Untrusted::from(application));
        bed.names.runs(process(9), SYSTEM, &application, &path.into());
        bed.answers_to(resolver(9, SYSTEM), "a.example", "192.0.2.1", 60, seconds(1));
        bed.name(&flow(1), seconds(2))
    };
    let resolved = "/usr/lib/systemd/systemd-resolved";
    assert_eq!(
        runs(resolved, &format!("deb:systemd-resolved:{resolved}")),
        named("a.example", Resolver, true)
    );
    assert_eq!(runs("/usr/sbin/nscd", "rpm:nscd:/usr/sbin/nscd"), named("a.example", Resolver, true));
    assert_eq!(runs("/usr/sbin/nscd", "path:/usr/sbin/nscd"), None, "of no package");
    assert_eq!(runs(resolved, &format!("script:/usr/bin/python3:{resolved}")), None);
    assert_eq!(runs(resolved, "container:image:/usr/lib/systemd/systemd-resolved"), None);
    assert_eq!(runs("/usr/sbin/ntpd", "deb:ntp:/usr/sbin/ntpd"), None);
}

#[test]
fn a_container_has_hosts_of_its_own() {
    let mut bed = Bed::new();
    bed.kin.in_containers.insert(1);
    bed.set_hosts("192.0.2.1 hosts.example");
    assert_eq!(bed.name(&flow(1), seconds(2)), None);
    assert_eq!(bed.name(&flow(2), seconds(2)), named("hosts.example", Hosts, true));
}
