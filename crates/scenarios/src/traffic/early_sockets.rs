//! 28: sockets that were open before the daemon was there.

use std::time::Duration;

use crate::{
    Pace, Place, Scenario, Trial,
    address::{HOST_V4, PEER_V4},
};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 28,
    name: "sockets older than the daemon",
    special: "TCP in both directions, a listener, UDP: counted from the daemon's start on",
    pace: Pace::Quick,
    run,
}];

const PATIENCE: Duration = Duration::from_secs(30);

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    trial.bed.stop()?;
    let peer = trial.peer(&["tcp=0", "udp=0"])?;
    let early = format!("early={}", trial.random(1..=200_000));
    let late = format!("late={}", trial.random(1..=900_000));
    let (old, visiting) = (trial.copy("old")?, trial.copy("visitor")?);
    let words = [
        format!("listen={HOST_V4}:0"),
        format!("tcp={PEER_V4}:{}", peer.port("tcp")),
        format!("udp={PEER_V4}:{}", peer.port("udp")),
        // Lies in the socket's buffer when the daemon starts, and is taken afterwards.
        format!("waiting={}", trial.random(1..=20_000)),
    ];
    let mut program = trial.start(
        Place::Host,
        &old,
        &["before", &words[0], &words[1], &words[2], &words[3], &early, &late],
    )?;
    let port: u16 = program
        .wait_for_line("its port", PATIENCE, |line| line.strip_prefix("listening tcp=")?.parse().ok())?;
    let to = format!("to={HOST_V4}:{port}");
    let mut visitor = trial.start(Place::Peer, &visiting, &["visitor", &to, &early, &late])?;
    for program in [&mut program, &mut visitor] {
        program.wait_for_line("its early bytes", PATIENCE, |line| (line == "ready").then_some(()))?;
    }
    trial.bed.start_again()?;
    // Its end is what each waits for.
    program.close_stdin();
    trial.finish(visitor)?;
    trial.finish(program)
    // Of the peer's bytes nobody knows which were early.
}
