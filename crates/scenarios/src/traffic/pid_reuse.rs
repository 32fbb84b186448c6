//! 33: the same pid again before anybody looked.

use crate::{Pace, Place, Scenario, Trial, address::PEER_V4};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 33,
    name: "pid reuse within a tick",
    special: "never the old owner",
    pace: Pace::Quick,
    run,
}];

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let launcher = trial.copy("launcher")?;
    let programs = [trial.copy("first")?, trial.copy("second")?, trial.copy("third")?];
    let list: Vec<String> = programs.iter().map(|path| path.display().to_string()).collect();
    let words = [
        format!("programs={}", list.join(",")),
        format!("rounds={}", trial.random(30..=100)),
        format!("to={PEER_V4}:{}", peer.port("tcp")),
        format!("up={}", trial.random(1..=20_000)),
        format!("down={}", trial.random(0..=20_000)),
    ];
    let words: Vec<&str> = std::iter::once("reuse").chain(words.iter().map(String::as_str)).collect();
    let program = trial.start(Place::Host, &launcher, &words)?;
    trial.finish(program)?;
    trial.expected(&launcher)?.flows = Some(0);
    for path in programs {
        trial.expected(&path)?.parent = Some(launcher.clone());
    }
    trial.end(peer)
}
