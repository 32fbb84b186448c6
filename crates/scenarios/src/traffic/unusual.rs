//! 36: calls that return what they did not move.

use crate::{Pace, Place, Scenario, Trial, address::PEER_V4};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 36,
    name: "PEEK, TRUNC, OOB, ZEROCOPY, empty",
    special: "counted once, or not at all",
    pace: Pace::Quick,
    run,
}];

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let count = format!("count={}", trial.random(2..=200));
    for (name, word) in [("peek", None), ("trunc", None), ("urgent", None), ("mixed", Some(&count))] {
        let size = format!("size={}", trial.random(10..=30_000));
        let path = trial.copy(name)?;
        // Over loopback, where the wire's witness sees nothing of it.
        let program = trial.start(Place::Machine, &path, &[name, word.unwrap_or(&size)])?;
        trial.finish(program)?;
    }
    let peer = trial.peer(&["tcp=0", "udp=0"])?;
    let words = [
        format!("tcp={PEER_V4}:{}", peer.port("tcp")),
        format!("udp={PEER_V4}:{}", peer.port("udp")),
        format!("size={}", trial.random(1400..=60_000)),
        format!("count={}", trial.random(1..=10)),
    ];
    trial.generate_as("zerocopy", &["zerocopy", &words[0], &words[1], &words[2], &words[3]])?;
    // Without a byte, but a fact: who sends it is known, by one flow with nothing moved.
    let to = format!("to={PEER_V4}:{}", peer.port("udp"));
    let path = trial.generate_as("empty", &["empty", &to, &count])?;
    trial.expected(&path)?.flows = Some(1);
    trial.end(peer)
}
