//! What is neither TCP nor UDP.

use crate::{Device, Pace, Scenario, Trial, address};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        number: 5,
        name: "ICMP echo, raw and ping sockets",
        special: "neither TCP nor UDP",
        pace: Pace::Quick,
        run: icmp,
    },
    Scenario { number: 8, name: "SCTP", special: "where the kernel has it", pace: Pace::Quick, run: sctp },
    Scenario {
        number: 10,
        name: "raw IP, protocol 253",
        special: "no ports",
        pace: Pace::Quick,
        run: raw_ip,
    },
    Scenario {
        number: 12,
        name: "AF_PACKET frames",
        special: "bypasses the IP socket path",
        pace: Pace::Quick,
        run: frames,
    },
];

/// The kernel at the other end answers.
fn icmp(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    for (name, kind, to) in [
        ("raw-v4", "raw", address::PEER_V4.to_owned()),
        ("ping-v4", "ping", address::PEER_V4.to_owned()),
        ("raw-v6", "raw", format!("[{}]", address::PEER_V6)),
        ("ping-v6", "ping", format!("[{}]", address::PEER_V6)),
    ] {
        let (count, size) = (trial.random(1..=50), trial.random(100..=9000));
        let kind = format!("kind={kind}");
        let words =
            ["icmp", &format!("to={to}:0"), &kind, &format!("count={count}"), &format!("size={size}")];
        trial.generate_as(name, &words)?;
    }
    Ok(())
}

fn sctp(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["sctp=0"])?;
    let to = format!("to={}:{}", address::PEER_V4, peer.port("sctp"));
    let (up, down) = (trial.random(1..=1_000_000), trial.random(1..=1_000_000));
    trial.generate(&["tcp", &to, "protocol=sctp", &format!("up={up}"), &format!("down={down}")])?;
    trial.end(peer)
}

fn raw_ip(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["raw=253"])?;
    for kind in ["plain", "connected", "header"] {
        let (count, size) = (trial.random(1..=500), trial.random(8..=1400));
        let to = format!("to={}:0", address::PEER_V4);
        let (count, size) = (format!("count={count}"), format!("size={size}"));
        let kind_word = format!("kind={kind}");
        let words = ["raw", &to, "protocol=253", &kind_word, &count, &size, "answers=1", "answer_size=700"];
        trial.generate_as(kind, &words)?;
    }
    trial.end(peer)?;
    let (count, size) = (trial.random(1..=500), trial.random(8..=1400));
    let to = format!("to=[{}]:0", address::PEER_V6);
    let (count, size) = (format!("count={count}"), format!("size={size}"));
    trial.generate_as("v6", &["raw", &to, "protocol=253", &count, &size]).map(drop)
}

fn frames(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&[&format!("packet={}", Device::PEER)])?;
    let device = format!("device={}", Device::HOST);
    for kind in ["whole", "content", "ring"] {
        let (count, size) = (trial.random(1..=500), trial.random(46..=1500));
        let (count, size) = (format!("count={count}"), format!("size={size}"));
        trial.generate_as(kind, &["packet", &device, &format!("kind={kind}"), &count, &size])?;
    }
    trial.end(peer)
}
