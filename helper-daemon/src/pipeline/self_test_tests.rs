use std::{thread, time::Duration};

use portolan_core::{Direction, Endpoint, ProcessKey, Protocol, Uid};

use super::*;

const WALL: UnixMillis = UnixMillis(5);

/// A child that ends at once with this exit code.
fn child(code: u8) -> Child {
    Command::new("sh").args(["-c", &format!("exit {code}")]).spawn().unwrap()
}

fn running(code: u8) -> SelfTests {
    let mut child = child(code);
    while child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let key = SelfTestChild { pid: Pid(child.id()), since: MonotonicNs(6), until: MonotonicNs(7) };
    let mut tests =
        SelfTests { running: Some(Running::new(child, key, MonotonicNs(0))), ..SelfTests::default() };
    tests.kin.add(key);
    tests
}

fn owner(tests: &SelfTests) -> ProcessKey {
    let pid = tests.running.as_ref().unwrap().key.pid;
    ProcessKey { pid, started: MonotonicNs(7), exec_generation: 3 }
}

fn flow(owner: ProcessKey, protocol: Protocol, address: &str) -> Flow {
    let local = Some(Endpoint { address: address.parse().unwrap(), port: 1 });
    let (uid, direction) = (Uid(0), Direction::Unknown);
    Flow { owner, uid, protocol, direction, local, remote: None, network_namespace: 1 }
}

/// Counts every part as it should be, but for what `change` makes of it.
fn count(tests: &mut SelfTests, change: impl Fn(&str, Bytes) -> Bytes) {
    let owner = owner(tests);
    let flows = [
        (Protocol::Tcp, "127.0.0.1"),
        (Protocol::Udp, "127.0.0.1"),
        (Protocol::Tcp, "::1"),
        (Protocol::Udp, "::1"),
    ];
    for (part, (protocol, address)) in PARTS.iter().zip(flows) {
        let whole = Bytes { tx: part.bytes(), rx: part.bytes() };
        assert!(tests.takes(&flow(owner, protocol, address), change(part.name, whole)));
    }
}

fn states(test: &SelfTest) -> Vec<SelfTestState> {
    test.parts.iter().map(|part| part.state).collect()
}

#[test]
fn every_part_by_itself_must_be_exact() {
    let mut tests = running(0);
    count(&mut tests, |_, bytes| bytes);
    assert_eq!(tests.check(MonotonicNs(1), WALL), None);
    let wire = tests.to_wire();
    assert_eq!((wire.state, wire.checked_unix_ms), (SelfTestState::Passed, Some(5)), "{wire:?}");
    assert_eq!(states(&wire), [SelfTestState::Passed; 4]);

    // What one part has too much does not make up for what another lacks.
    let mut tests = running(0);
    count(&mut tests, |name, bytes| match name {
        "tcp-ipv4" => Bytes { tx: bytes.tx - 1, ..bytes },
        "udp-ipv6" => Bytes { tx: bytes.tx + 1, ..bytes },
        _ => bytes,
    });
    assert_eq!(tests.check(MonotonicNs(1), WALL), None, "bytes may come until the deadline");
    assert_eq!(tests.to_wire().state, SelfTestState::Running);
    let told = tests.check(MonotonicNs(1 + PATIENCE_NS), WALL).unwrap();
    assert!(told.contains("tcp-ipv4 moved 100003, counted 100002 sent and 100003 received"), "{told}");
    let failed = [SelfTestState::Failed, SelfTestState::Passed, SelfTestState::Passed, SelfTestState::Failed];
    assert_eq!(states(&tests.to_wire()), failed);
    assert_eq!(tests.check(MonotonicNs(2 + PATIENCE_NS), WALL), None, "told once");
}

#[test]
fn a_machine_without_ipv6_cannot_test_it_and_has_not_failed() {
    let mut tests = running(WITHOUT_IPV6);
    count(&mut tests, |name, bytes| if name.ends_with("v6") { Bytes::default() } else { bytes });
    assert_eq!(tests.check(MonotonicNs(1), WALL), None);
    let wire = tests.to_wire();
    assert_eq!(wire.state, SelfTestState::Passed);
    assert_eq!(states(&wire)[2..], [SelfTestState::Impossible; 2]);
    assert!(wire.detail.contains("tcp-ipv6 is not possible on this machine"), "{}", wire.detail);
}

#[test]
fn a_child_that_fails_makes_the_test_impossible() {
    let mut tests = running(1);
    assert_eq!(tests.check(MonotonicNs(1), WALL), None);
    assert_eq!(tests.to_wire().state, SelfTestState::Impossible);
}

#[test]
fn who_asks_while_one_runs_gets_its_result_and_the_next_waits_for_the_pause() {
    let mut tests = running(0);
    let (answer, mut wait) = oneshot::channel();
    tests.ask(MonotonicNs(1), answer);
    count(&mut tests, |_, bytes| bytes);
    let first = owner(&tests);
    tests.check(MonotonicNs(1), WALL);
    assert_eq!(wait.try_recv().unwrap().state, SelfTestState::Passed);

    let (answer, mut wait) = oneshot::channel();
    tests.ask(MonotonicNs(2), answer);
    tests.check(MonotonicNs(PAUSE_NS), WALL);
    assert!(tests.running.is_none() && wait.try_recv().is_err(), "not before the pause is over");
    assert!(
        tests.takes(&flow(first, Protocol::Tcp, "::1"), Bytes { tx: 1, rx: 0 }),
        "late bytes are its own"
    );
    let another = ProcessKey { started: MonotonicNs(8), ..first };
    assert!(!tests.takes(&flow(another, Protocol::Tcp, "::1"), Bytes { tx: 1, rx: 0 }), "its pid came back");
}
