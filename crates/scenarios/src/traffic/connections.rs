//! Connections.

use crate::{Pace, Place, Scenario, Trial, address};

const MIB: u64 = 1 << 20;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { number: 1, name: "TCP down", special: "control", pace: Pace::Quick, run: down },
    Scenario { number: 2, name: "TCP up", special: "control", pace: Pace::Quick, run: up },
    Scenario {
        number: 3,
        name: "TCP full duplex",
        special: "control; also by other calls than read and write",
        pace: Pace::Quick,
        run: duplex,
    },
    Scenario {
        number: 7,
        name: "TCP over IPv6, and IPv4-mapped IPv6",
        special: "one socket family, two protocols",
        pace: Pace::Quick,
        run: over_v6,
    },
    Scenario {
        number: 16,
        name: "loopback only",
        special: "both ends are here",
        pace: Pace::Quick,
        run: loopback,
    },
    Scenario {
        number: 18,
        name: "slow drip",
        special: "idle sockets are not forgotten",
        pace: Pace::Slow,
        run: drip,
    },
    Scenario {
        number: 19,
        name: "many small connections",
        special: "each is a flow",
        pace: Pace::Quick,
        run: many,
    },
    Scenario {
        number: 25,
        name: "no payload",
        special: "connect without a byte, refused connect, listen and accept: still facts",
        pace: Pace::Quick,
        run: no_payload,
    },
];

/// One connection to `to` (without the port), and one flow at each end.
fn transfer(trial: &mut Trial<'_>, to: &str, up: u64, down: u64) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let to = format!("to={to}:{}", peer.port("tcp"));
    trial.generate(&["tcp", &to, &format!("up={up}"), &format!("down={down}")])?;
    trial.end(peer)?;
    trial.expect_flows(1);
    Ok(())
}

/// The same by other calls than read and write.
fn by_calls(trial: &mut Trial<'_>, up: u64, down: u64) -> anyhow::Result<()> {
    let peer = trial.peer_at(Place::Peer, "peer-of-calls", &["tcp=0"])?;
    let to = format!("to={}:{}", address::PEER_V4, peer.port("tcp"));
    for kind in ["vectors", "messages", "flags", "splice", "fast-open"] {
        let words = ["tcp-calls", &to, &format!("kind={kind}"), &format!("up={up}"), &format!("down={down}")];
        let path = trial.generate_as(kind, &words)?;
        trial.expected(&path)?.flows = Some(1);
    }
    trial.end(peer)
}

fn down(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let down = trial.random(MIB..=64 * MIB);
    transfer(trial, address::PEER_V4, 0, down)
}

fn up(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let up = trial.random(MIB..=64 * MIB);
    transfer(trial, address::PEER_V4, up, 0)
}

fn duplex(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let (up, down) = (trial.random(MIB..=64 * MIB), trial.random(MIB..=64 * MIB));
    transfer(trial, address::PEER_V4, up, down)?;
    let (up, down) = (trial.random(1..=8 * MIB), trial.random(1..=8 * MIB));
    by_calls(trial, up, down)
}

fn over_v6(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    for (name, to) in
        [("v6", format!("[{}]", address::PEER_V6)), ("mapped", format!("[::ffff:{}]", address::PEER_V4))]
    {
        let to = format!("to={to}:{}", peer.port("tcp"));
        let (up, down) = (trial.random(1..=8 * MIB), trial.random(1..=8 * MIB));
        let path = trial.generate_as(name, &["tcp", &to, &format!("up={up}"), &format!("down={down}")])?;
        trial.expected(&path)?.flows = Some(1);
    }
    trial.end(peer)
}

fn loopback(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    trial.stay_local();
    let peer = trial.peer_at(Place::Host, "peer", &["tcp=0", "udp=0"])?;
    for (name, host) in [("v4", "127.0.0.1"), ("v6", "[::1]")] {
        let (up, down) = (trial.random(1..=16 * MIB), trial.random(1..=16 * MIB));
        let to = format!("to={host}:{}", peer.port("tcp"));
        trial.generate_as(
            &format!("tcp-{name}"),
            &["tcp", &to, &format!("up={up}"), &format!("down={down}")],
        )?;
        let to = format!("to={host}:{}", peer.port("udp"));
        let (count, size) = (trial.random(1..=50), trial.random(8..=16_000));
        trial.generate_as(
            &format!("udp-{name}"),
            &["udp", &to, &format!("count={count}"), &format!("size={size}"), "answers=2", "answer_size=900"],
        )?;
    }
    trial.end(peer)
}

/// With buckets of two seconds, the pause is longer than one.
fn drip(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let to = format!("to={}:{}", address::PEER_V4, peer.port("tcp"));
    let rate = trial.random(1900..=2200);
    trial.generate(&["tcp-drip", &to, &format!("rate={rate}"), "seconds=8", "pause_after=4", "pause=5"])?;
    trial.end(peer)?;
    trial.expect_flows(1);
    Ok(())
}

fn many(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let to = format!("to={}:{}", address::PEER_V4, peer.port("tcp"));
    let (up, down) = (trial.random(1..=3000), trial.random(0..=3000));
    trial.generate(&["tcp-many", &to, "count=2000", &format!("up={up}"), &format!("down={down}")])?;
    trial.end(peer)?;
    trial.expect_flows(2000);
    Ok(())
}

fn no_payload(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let count = trial.random(1..=20);
    let to = format!("to={}:{}", address::PEER_V4, peer.port("tcp"));
    trial.generate_as("silent", &["tcp-connect", &to, &format!("count={count}")])?;
    trial.end(peer)?;
    trial.expect_flows(count);
    // Nobody listens any more where the peer was.
    let count = trial.random(1..=20);
    let refused = trial.generate_as("refused", &["tcp-refused", &to, &format!("count={count}")])?;
    trial.expected(&refused)?.flows = Some(count);
    Ok(())
}
