//! 34: the daemon is killed with SIGKILL at random moments under the traffic of 1 to 7, and started again at once.

use std::{thread, time::Duration};

use anyhow::Context as _;

use crate::{
    Pace, Place, Scenario, Trial,
    address::{PEER_V4, PEER_V6},
};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 34,
    name: "the daemon killed under traffic",
    special: "SIGKILL at random moments, started again at once: nothing lost",
    pace: Pace::Slow,
    run,
}];

/// At least so often; more when the traffic lasts longer.
const KILLS: u64 = 5;

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0", "udp=0", "udp=443"])?;
    let (tcp, udp) = (peer.port("tcp"), peer.port("udp"));
    let traffic = [
        ("tcp-down", format!("tcp to={PEER_V4}:{tcp} up=0 down=SIZE")),
        ("tcp-up", format!("tcp to={PEER_V4}:{tcp} up=SIZE down=0")),
        ("tcp-duplex", format!("tcp to={PEER_V4}:{tcp} up=SIZE down=SIZE")),
        ("udp", format!("udp to={PEER_V4}:{udp} count=200 size=FEW answers=2 answer_size=FEW connected=no")),
        ("icmp-raw", format!("icmp to={PEER_V4}:0 kind=raw count=20 size=FEW")),
        ("icmp-ping", format!("icmp to={PEER_V4}:0 kind=ping count=20 size=FEW")),
        (
            "udp-443",
            format!("udp to={PEER_V4}:443 count=100 size=1200 answers=2 answer_size=FEW connected=yes"),
        ),
        ("tcp-v6", format!("tcp to=[{PEER_V6}]:{tcp} up=SIZE down=SIZE")),
        ("tcp-mapped", format!("tcp to=[::ffff:{PEER_V4}]:{tcp} up=SIZE down=SIZE")),
    ];
    let mut running = Vec::new();
    // One connection that lives through all of it.
    let path = trial.copy("lasting")?;
    let words =
        ["tcp-drip", &format!("to={PEER_V4}:{tcp}"), "rate=80000", "seconds=12", "pause_after=6", "pause=1"];
    running.push(trial.start(Place::Host, &path, &words)?);
    let mut children = Vec::new();
    for (name, words) in traffic {
        let (spawner, child) = (trial.copy(&format!("{name}-spawner"))?, trial.copy(name)?);
        let size = trial.random(1..=3_000_000).to_string();
        let few = trial.random(8..=1400).to_string();
        let count = format!("count={}", trial.random(20..=60));
        let words = words.replace("SIZE", &size).replace("FEW", &few);
        let child_path = child.to_string_lossy().into_owned();
        let words = ["spawn", &count, "at_once=no", "--", &child_path].into_iter().chain(words.split(' '));
        running.push(trial.start(Place::Host, &spawner, &words.collect::<Vec<_>>())?);
        children.push((child, spawner));
    }
    let mut kills = 0;
    loop {
        let mut is_moving = false;
        for program in &mut running {
            is_moving |= program.try_status()?.is_none();
        }
        if !is_moving && kills >= KILLS {
            break;
        }
        thread::sleep(Duration::from_millis(trial.random(0..=900)));
        trial.bed.daemon.program().kill();
        trial.bed.start_again().context("after it was killed, the daemon does not start")?;
        kills += 1;
    }
    for program in running {
        trial.finish(program)?;
    }
    for (child, spawner) in children {
        trial.expected(&child)?.parent = Some(spawner);
    }
    trial.end(peer)
}
