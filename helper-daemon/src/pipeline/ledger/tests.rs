use portolan_core::{Direction, Pid, Protocol};

use super::*;

/// A flow of a process.
pub(crate) fn flow(pid: u32) -> Flow {
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

impl Ledger {
    /// A whole reading. A socket is told by its place among the others, so many of them become others' from time to time.
    pub(crate) fn advance(
        &mut self,
        closed: &[Cell],
        overflow: &[(ProcessKey, Bytes)],
        live: &[Cell],
    ) -> Vec<Growth> {
        self.begin(closed, overflow);
        for (address, cell) in (1..).zip(live) {
            let (flow, opened, bytes) = (Some(cell.flow), cell.opened, cell.bytes);
            assert!(self.see(Socket { address, opened, bytes, flow }));
        }
        self.finish()
    }
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

fn socket(address: u64, opened: u64, tx: u64, flow: Option<Flow>) -> Socket {
    Socket { address, opened: MonotonicNs(opened), bytes: Bytes { tx, rx: 0 }, flow }
}

#[test]
fn a_socket_that_comes_without_its_flow_is_known_from_before_or_refused() {
    let mut ledger = Ledger::default();
    ledger.begin(&[], &[]);
    assert!(!ledger.see(socket(1, 7, 10, None)));
    assert!(ledger.see(socket(1, 7, 10, Some(flow(1)))) && ledger.see(socket(1, 7, 11, None)));
    assert_eq!((total(&ledger.finish()), ledger.sizes().1), (11, 1));
    ledger.begin(&[], &[]);
    assert!(ledger.see(socket(1, 7, 15, None)) && !ledger.see(socket(1, 8, 3, None)));
    assert!(ledger.see(socket(1, 8, 3, Some(flow(2)))), "it was connected anew");
    assert_eq!((total(&ledger.finish()), ledger.sizes().1), (3, 1));
    assert_eq!(total(&ledger.advance(&[cell(1, 20, 1)], &[], &[])), 9);
    ledger.advance(&[], &[], &[]);
    ledger.begin(&[], &[]);
    assert!(!ledger.see(socket(1, 8, 3, None)), "readings have passed over it for too long");
}

#[test]
fn open_flows_are_those_with_a_socket() {
    let mut ledger = Ledger::default();
    ledger.advance(&[], &[], &[cell(1, 0, 0), cell(1, 0, 0), cell(2, 0, 0)]);
    let flows = |ledger: &mut Ledger| {
        let mut flows: Vec<_> =
            ledger.open().iter().map(|((owner, _), open)| (owner.pid.0, open.0)).collect();
        flows.sort_unstable();
        flows
    };
    assert_eq!(flows(&mut ledger), [(1, 1), (2, 1)]);
    ledger.advance(&[cell(2, 0, 1)], &[], &[cell(1, 0, 0)]);
    assert_eq!(flows(&mut ledger), [(1, 1)]);
}

#[test]
fn sockets_that_readings_pass_over_at_random_are_reported_to_the_byte() {
    // As above.
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut ledger = Ledger::default();
    let (mut moved, mut reported) = (0, 0);
    let mut sockets: Vec<(u64, u64, Flow, u64)> = Vec::new();
    for opened in 1..3_000 {
        let mut closed = Vec::new();
        if random(3) == 0 {
            // Addresses come back.
            let address = (1..).find(|address| sockets.iter().all(|socket| socket.0 != *address)).unwrap();
            sockets.push((address, opened, flow(u32::try_from(random(5)).unwrap() + 1), 0));
        }
        for socket in &mut sockets {
            let bytes = random(3) * random(100);
            socket.3 += bytes;
            moved += bytes;
        }
        if !sockets.is_empty() && random(4) == 0 {
            let index = usize::try_from(random(u64::try_from(sockets.len()).unwrap())).unwrap();
            let (_, opened, flow, tx) = sockets.swap_remove(index);
            let (bytes, opened) = (Bytes { tx, rx: 0 }, MonotonicNs(opened));
            closed.push(Cell { flow, bytes, opened, closed_sockets: 1 });
        }
        let is_last = opened == 2_999;
        ledger.begin(&closed, &[]);
        for (address, opened, flow, tx) in &sockets {
            if !is_last && random(4) == 0 {
                continue;
            }
            let known = ledger.see(socket(*address, *opened, *tx, None));
            assert!(known || ledger.see(socket(*address, *opened, *tx, Some(*flow))));
        }
        reported += total(&ledger.finish());
        assert!(reported <= moved);
    }
    assert_eq!(reported, moved);
}
