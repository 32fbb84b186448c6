//! 35: the ways in which connections end.

use std::time::Duration;

use crate::{Pace, Place, Scenario, Trial, address::PEER_V4, world::ip};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 35,
    name: "closing paths",
    special: "half-closed, reset, SO_LINGER 0, timed out, shutdown in all orders",
    pace: Pace::Quick,
    run,
}];

const PATIENCE: Duration = Duration::from_secs(30);
/// Beside `s`, `l`, `L` and `u`: see the generator.
const WAYS: [&str; 11] = ["s", "l", "L", "u", "0", "1", "2", "3", "4", "5", "6"];

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let path = trial.copy("peer")?;
    let words = ["close-peer", &format!("listen={PEER_V4}:0"), &format!("connections={}", WAYS.len())];
    let mut peer = trial.start(Place::Peer, &path, &words)?;
    let port: u16 =
        peer.wait_for_line("its port", PATIENCE, |line| line.strip_prefix("ready tcp=")?.parse().ok())?;
    for how in WAYS {
        let words = [
            format!("how={how}"),
            format!("to={PEER_V4}:{port}"),
            format!("up={}", trial.random(2..=300_000)),
            format!("down={}", trial.random(2..=30_000)),
        ];
        let name = format!("close-{}{how}", if how == "L" { "by-server-" } else { "" });
        let path = trial.generate_as(&name, &["close", &words[0], &words[1], &words[2], &words[3]])?;
        trial.expected(&path)?.flows = Some(1);
        trial.out_of_sight(&path);
    }
    trial.finish(peer)?;
    trial.out_of_sight(&path);
    // Everything behind the peer is swallowed: it forwards nothing.
    trial.world.enter(Place::Host, || ip(&format!("route replace 10.64.0.0/10 via {PEER_V4}")))??;
    let path = trial.generate_as("swallowed", &["swallowed", "to=10.64.0.1:9"])?;
    trial.expected(&path)?.flows = Some(2);
    Ok(())
}
