//! 31: multipath TCP over loopback.

use std::fs;

use anyhow::{Context as _, ensure};

use crate::{Pace, Place, Scenario, Trial, world::ip};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 31,
    name: "MPTCP",
    special: "several subflows of the kernel's own, and falling back to TCP at either end",
    pace: Pace::Quick,
    run,
}];

/// A second address to open another subflow from.
const SECOND: &str = "127.0.0.2";
/// How many connections more are made when none had time for another subflow.
const LONGER: u32 = 10;

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    trial.world.enter(Place::Host, || {
        ip("mptcp limits set subflow 4 add_addr_accepted 4")?;
        ip("mptcp endpoint flush")?;
        ip(&format!("mptcp endpoint add {SECOND} dev lo subflow"))
    })??;
    trial.stay_local();
    let before = joins(trial)?;
    for (name, server, client, address) in [
        ("both", "mptcp", "mptcp", "127.0.0.1"),
        ("both-v6", "mptcp", "mptcp", "[::1]"),
        ("server-only", "mptcp", "tcp", "127.0.0.1"),
        ("client-only", "tcp", "mptcp", "127.0.0.1"),
    ] {
        connect(trial, name, server, client, address)?;
    }
    // A subflow joins when a worker of the kernel gets to it, which may be after the last byte.
    for number in 1..=LONGER {
        if joins(trial)? > before {
            return Ok(());
        }
        connect(trial, &format!("longer-{number}"), "mptcp", "mptcp", "127.0.0.1")?;
    }
    ensure!(joins(trial)? > before, "no connection got a second subflow, so nothing was tried");
    Ok(())
}

fn connect(
    trial: &mut Trial<'_>,
    name: &str,
    server: &str,
    client: &str,
    address: &str,
) -> anyhow::Result<()> {
    let service = format!("{server}=0");
    let peer = trial.peer_at(Place::Host, &format!("{name}-server"), &[&service])?;
    let most = if name.starts_with("longer") { 60_000_000 } else { 5_000_000 };
    for number in 1..=2 {
        let words = [
            format!("to={address}:{}", peer.port(server)),
            format!("protocol={client}"),
            format!("up={}", trial.random(1..=most)),
            format!("down={}", trial.random(0..=most)),
        ];
        let name = format!("{name}-client-{number}");
        trial.generate_as(&name, &["tcp", &words[0], &words[1], &words[2], &words[3]])?;
    }
    trial.end(peer)
}

/// Subflows that have joined a connection in the namespace, up to now.
fn joins(trial: &Trial<'_>) -> anyhow::Result<u64> {
    let text = trial.world.enter(Place::Host, || fs::read_to_string("/proc/thread-self/net/netstat"))?;
    let text = text.context("cannot read the kernel's network statistics")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("MPTcpExt: "));
    let (names, numbers) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let found = names.split(' ').zip(numbers.split(' ')).find(|(name, _)| *name == "MPJoinAckRx");
    found.and_then(|(_, number)| number.parse().ok()).context("the kernel counts no MPTCP subflows")
}
