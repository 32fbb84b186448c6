//! Queues that are made to overflow: what is lost is told, as exactly as it was caused, and no byte is among it.
//!
//! The daemon is stopped meanwhile, so that nothing is taken out. The machine's other programs fill the same tables; where
//! they did, the figures are at least what was caused.

use std::{collections::BTreeSet, fs, net::UdpSocket, os::fd::OwnedFd, process::Command};

use portolan_bus::Status;

use crate::{
    bed::{Bed, Stopped, run},
    conservation::{assert_sums, balanced},
};

/// The sizes of bpf/c/abi.h.
const CLOSED_MAX: u64 = 131_072;
const OVERFLOW_MAX: u64 = 8_192;

/// Has a shell fork so many times; each child writes one byte to the socket, if there is one.
fn fork(count: u64, socket: Option<UdpSocket>) {
    let work = if socket.is_some() { "printf x >&0" } else { ":" };
    let loop_ = format!("i=0; while [ $i -lt {count} ]; do ({work}); i=$((i+1)); done");
    let mut command = Command::new("dash");
    command.args(["-c", &loop_]);
    if let Some(socket) = socket {
        command.stdin(OwnedFd::from(socket));
    }
    assert!(command.status().unwrap().success());
}

/// Processes and threads that were ever made on this machine.
fn forks_of_the_machine() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap();
    text.lines().find_map(|line| line.strip_prefix("processes ")).unwrap().parse().unwrap()
}

fn pids() -> BTreeSet<u32> {
    let names = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).collect()
}

fn lost(status: &Status, before: &Status, kind: &str) -> u64 {
    status.losses[kind] - before.losses[kind]
}

async fn status(bed: &Bed) -> Status {
    bed.query(&[]).await;
    bed.proxy().await.status().await.unwrap()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn events_that_find_the_ring_full_are_counted_one_by_one() {
    const FORKS: u64 = 6_000;
    let bed = Bed::start();
    let (all_before, pids_before) = (forks_of_the_machine(), pids());
    let before = status(&bed).await;
    let stopped = Stopped::new(&bed);
    fork(FORKS, None);
    drop(stopped);
    let after = status(&bed).await;
    let gone = u64::try_from(pids_before.difference(&pids()).count()).unwrap();
    let others = forks_of_the_machine() - all_before - FORKS - 1;

    let refused = lost(&after, &before, "process_events");
    let kept = after.resources.process_events - before.resources.process_events;
    // Each child a fork and an exit, and the shell an exec besides.
    let caused = 2 * FORKS + 3;
    println!("refused {refused} + kept {kept} = {}, caused {caused}, others' forks {others}", refused + kept);
    assert!(refused > 1_000, "the ring was not full: {refused} refused");
    assert!(refused + kept >= caused);
    // When nobody else forked or ended, this says that they are equal.
    assert!(refused + kept <= caused + 6 * others + 2 * gone);

    let findings = bed.proxy().await.findings(false).await.unwrap();
    let told = findings.iter().find(|finding| finding.kind == "lost-events").unwrap();
    assert!(told.detail.as_ref().unwrap().contains("process events"), "{told:?}");
    // It can be answered, and what is lost later is told again.
    bed.proxy().await.dismiss(told.id).await.unwrap();
    let open = bed.proxy().await.findings(false).await.unwrap();
    assert!(open.iter().all(|finding| finding.id != told.id), "{open:?}");
    let stopped = Stopped::new(&bed);
    fork(FORKS, None);
    drop(stopped);
    status(&bed).await;
    let open = bed.proxy().await.findings(false).await.unwrap();
    assert!(open.iter().any(|finding| finding.kind == "lost-events"), "{open:?}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn flows_that_find_both_tables_full_are_counted_one_by_one_and_keep_their_bytes() {
    const PEERS: u64 = 140_000;
    const FORKS: u64 = 9_000;
    let bed = Bed::start();
    let program = bed.programs.copy("many-peers");
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(receiver.local_addr().unwrap()).unwrap();
    let all_before = forks_of_the_machine();
    let before = status(&bed).await;
    let stopped = Stopped::new(&bed);
    run(&program, &["peers", &PEERS.to_string(), "3"]);
    fork(FORKS, Some(socket));
    drop(stopped);
    let others = forks_of_the_machine() - all_before - FORKS - 2;
    bed.query(&[]).await;
    let after = balanced(&bed.proxy().await).await;
    assert_sums(&after);

    let (tx, _, flows) = bed.moved(&program).await;
    assert_eq!(tx, 3 * PEERS, "no byte is lost");
    assert!(flows <= CLOSED_MAX + 100, "{flows} flows found room");
    let by_owner_only = lost(&after, &before, "flows_kept_by_owner_only");
    let without_owner = lost(&after, &before, "flows_without_owner");
    // The shell and the program of many peers are two; whoever else was started may have been refused too.
    let disturbed = others > 0;
    // The first child has the socket's own cell, which goes to the list of closed sockets.
    let children = FORKS - 1;
    let refused = PEERS - flows + children;
    println!(
        "kept by owner only {by_owner_only}, caused {refused}; without owner {without_owner}, caused {}; disturbed: {disturbed}",
        children + 1 - OVERFLOW_MAX
    );
    assert!(by_owner_only >= refused && without_owner > children - OVERFLOW_MAX);
    if !disturbed {
        assert_eq!(by_owner_only, refused);
        // The program of many peers has one of the cells, each of these children another.
        assert_eq!(without_owner, children + 1 - OVERFLOW_MAX);
        let reasons = &after.attribution.unattributed;
        assert_eq!(reasons["table-full"] - before.attribution.unattributed["table-full"], without_owner);
    }
}
