use portolan_core::{Direction, Pid, Protocol, Uid};

use super::*;

fn flow(pid: u32) -> Flow {
    Flow {
        owner: ProcessKey { pid: Pid(pid), started: MonotonicNs(1), exec_generation: 1 },
        uid: Uid(0),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: None,
        remote: None,
        network_namespace: 1,
    }
}

fn cell(pid: u32, tx: u64, closed_sockets: u64) -> Cell {
    Cell { flow: flow(pid), bytes: Bytes { tx, rx: 0 }, opened: MonotonicNs(7), closed_sockets }
}

fn total(growths: &[Growth]) -> u64 {
    growths.iter().map(|growth| growth.bytes.tx).sum()
}

#[test]
fn a_socket_is_reported_as_it_grows_and_once_when_it_closes() {
    let mut ledger = Ledger::default();
    let opened = ledger.advance(&[], &[], &[cell(1, 100, 0)]);
    assert_eq!((total(&opened), opened[0].opened), (100, Some(MonotonicNs(7))));
    assert_eq!(ledger.advance(&[], &[], &[cell(1, 100, 0)]), []);
    let closed = ledger.advance(&[cell(1, 150, 1)], &[], &[]);
    assert_eq!((total(&closed), closed[0].opened), (50, None));
    assert_eq!(ledger.sizes().0, 0, "nothing is remembered of a closed socket");
}

#[test]
fn a_socket_that_closes_between_the_two_halves_of_a_reading_is_short_and_then_right() {
    let mut ledger = Ledger::default();
    ledger.advance(&[], &[], &[cell(1, 100, 0)]);
    assert_eq!(total(&ledger.advance(&[], &[], &[])), 0);
    assert_eq!(total(&ledger.advance(&[cell(1, 130, 1)], &[], &[])), 30);
    assert_eq!(ledger.sizes().0, 0);
}

#[test]
fn a_socket_that_many_readings_pass_over_is_not_reported_again() {
    let mut ledger = Ledger::default();
    let mut sum = total(&ledger.advance(&[], &[], &[cell(1, 100, 0)]));
    for _ in 0..10 {
        sum += total(&ledger.advance(&[], &[], &[]));
    }
    sum += total(&ledger.advance(&[], &[], &[cell(1, 110, 0)]));
    sum += total(&ledger.advance(&[cell(1, 120, 1)], &[], &[]));
    assert_eq!((sum, ledger.sizes().0), (120, 0));
}

#[test]
fn an_owner_that_overflows_all_the_time_is_reported_all_the_time() {
    let mut ledger = Ledger::default();
    let overflow = [(flow(1).owner, Bytes { tx: 10, rx: 0 })];
    let sum: u64 = (0..100).map(|_| total(&ledger.advance(&[], &overflow, &[]))).sum();
    assert_eq!(sum, 1000 - 10 * (SETTLED_AFTER + 1));
}

#[test]
fn a_use_apart_is_forgotten_in_the_end() {
    let mut ledger = Ledger::default();
    ledger.advance(&[cell(1, 10, 0)], &[], &[]);
    for _ in 0..REMEMBERED_FOR {
        ledger.advance(&[], &[], &[]);
    }
    assert_eq!(ledger.sizes().0, 0);
}

#[test]
fn sockets_of_one_flow_add_up() {
    let mut ledger = Ledger::default();
    assert_eq!(total(&ledger.advance(&[cell(1, 10, 1)], &[], &[cell(1, 5, 0), cell(1, 6, 0)])), 21);
    assert_eq!(total(&ledger.advance(&[cell(1, 5, 1)], &[], &[cell(1, 7, 0)])), 1);
}

#[test]
fn a_use_apart_is_one_flow_for_as_long_as_it_goes_on() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.advance(&[cell(1, 10, 0)], &[], &[])[0].opened, Some(MonotonicNs(7)));
    assert!(ledger.advance(&[], &[], &[]).is_empty());
    assert_eq!(ledger.advance(&[cell(1, 10, 0)], &[], &[])[0].opened, None);
}

#[test]
fn bytes_that_overflowed_are_reported_once_although_their_flow_had_been_reported() {
    let mut ledger = Ledger::default();
    let mut sum = total(&ledger.advance(&[], &[], &[cell(1, 100, 0)]));
    let owner = flow(1).owner;
    sum += total(&ledger.advance(&[], &[(owner, Bytes { tx: 160, rx: 0 })], &[]));
    for _ in 0..6 {
        sum += total(&ledger.advance(&[], &[], &[]));
    }
    assert_eq!(sum, 160);
    assert_eq!(ledger.sizes().0, 0);
}

#[test]
fn random_openings_and_closings_are_reported_to_the_byte() {
    // A plain linear congruential generator: the same run every time.
    let mut state = 42_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut ledger = Ledger::default();
    let (mut moved, mut reported) = (0, 0);
    let mut sockets: Vec<(u32, u64)> = Vec::new();
    for _ in 0..5_000 {
        let mut closed = Vec::new();
        for _ in 0..random(4) {
            sockets.push((u32::try_from(random(5)).unwrap() + 1, 0));
        }
        for socket in &mut sockets {
            let bytes = random(1000);
            socket.1 += bytes;
            moved += bytes;
        }
        let mut hidden = None;
        while !sockets.is_empty() && random(3) == 0 {
            let index = usize::try_from(random(u64::try_from(sockets.len()).unwrap())).unwrap();
            let (pid, bytes) = sockets.swap_remove(index);
            if random(4) == 0 && hidden.is_none() {
                hidden = Some(cell(pid, bytes, 1)); // closes between the two halves
            } else {
                closed.push(cell(pid, bytes, 1));
            }
        }
        let live: Vec<Cell> = sockets.iter().map(|(pid, bytes)| cell(*pid, *bytes, 0)).collect();
        reported += total(&ledger.advance(&closed, &[], &live));
        assert!(reported <= moved);
        if let Some(hidden) = hidden {
            reported += total(&ledger.advance(&[hidden], &[], &live));
        }
        assert_eq!(reported, moved);
    }
}
