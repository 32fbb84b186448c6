//! Calls that are not read and write.

use crate::{Pace, Scenario, Trial, address};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        number: 13,
        name: "io_uring send",
        special: "no syscall per transfer",
        pace: Pace::Quick,
        run: uring_send,
    },
    Scenario {
        number: 14,
        name: "sendfile up",
        special: "no copy through user space",
        pace: Pace::Quick,
        run: sendfile,
    },
    Scenario { number: 15, name: "sendmmsg", special: "batches", pace: Pace::Quick, run: sendmmsg },
    Scenario {
        number: 21,
        name: "io_uring receive",
        special: "no syscall per transfer",
        pace: Pace::Quick,
        run: uring_receive,
    },
    Scenario {
        number: 22,
        name: "splice down",
        special: "no copy through user space",
        pace: Pace::Quick,
        run: splice,
    },
    Scenario { number: 23, name: "recvmmsg", special: "batches", pace: Pace::Quick, run: recvmmsg },
];

const MOST: u64 = 20_000_000;

fn uring_send(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    uring(trial, "up", &["inline", "worker", "poll", "file", "zero-copy"])
}

fn uring_receive(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    uring(trial, "down", &["inline", "worker", "poll", "file", "multishot"])
}

/// In the caller's own context, by the kernel's threads, and by other operations.
fn uring(trial: &mut Trial<'_>, way: &str, kinds: &[&str]) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0", "udp=0"])?;
    let to = format!("to={}:{}", address::PEER_V4, peer.port("udp"));
    let (count, size) = (trial.random(1..=500), trial.random(8..=9000));
    let (count, size) = (format!("count={count}"), format!("size={size}"));
    let answers: &[&str] = if way == "down" { &["answers=2", "answer_size=1111"] } else { &[] };
    trial.generate_as("datagrams", &[&["uring-udp", &to, &count, &size], answers].concat())?;
    let to = format!("to={}:{}", address::PEER_V4, peer.port("tcp"));
    for kind in kinds {
        let bytes = trial.random(1..=MOST);
        let path =
            trial.generate_as(kind, &["uring", &to, &format!("{way}={bytes}"), &format!("kind={kind}")])?;
        trial.expected(&path)?.flows = Some(1);
    }
    trial.end(peer)
}

fn sendfile(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let bytes = trial.random(1..=MOST);
    over_tcp(trial, "sendfile", &format!("up={bytes}"))
}

fn splice(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let bytes = trial.random(1..=MOST);
    over_tcp(trial, "splice", &format!("down={bytes}"))
}

fn over_tcp(trial: &mut Trial<'_>, generator: &str, bytes: &str) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    trial.generate(&[generator, &format!("to={}:{}", address::PEER_V4, peer.port("tcp")), bytes])?;
    trial.end(peer)?;
    trial.expect_flows(1);
    Ok(())
}

fn sendmmsg(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    batches(trial, "answers=0")
}

fn recvmmsg(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    batches(trial, "answers=2")
}

fn batches(trial: &mut Trial<'_>, answers: &str) -> anyhow::Result<()> {
    let peer = trial.peer(&["udp=0"])?;
    let (count, size) = (trial.random(100..=3000), trial.random(8..=9000));
    let answer_size = trial.random(0..=9000);
    trial.generate(&[
        "udp-batches",
        &format!("to={}:{}", address::PEER_V4, peer.port("udp")),
        &format!("count={count}"),
        &format!("size={size}"),
        answers,
        &format!("answer_size={answer_size}"),
    ])?;
    trial.end(peer)
}
