//! 32: ten thousand programs, as fast as the machine can.

use crate::{Pace, Place, Scenario, Trial, address::PEER_V4};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 32,
    name: "10,000 execs",
    special: "each one 1 KiB connection: all named, hashed, with their parent",
    pace: Pace::Slow,
    run,
}];

const PROGRAMS: u64 = 8;
const EACH: u64 = 1250;

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    // Each leaves a closed connection behind for a minute.
    trial.world.enter(Place::Host, || {
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535")?;
        std::fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "1")
    })??;
    let peer = trial.peer(&["tcp=0"])?;
    let launcher = trial.copy("launcher")?;
    let programs: Vec<_> =
        (0..PROGRAMS).map(|number| trial.copy(&format!("short-{number}"))).collect::<Result<_, _>>()?;
    let list: Vec<String> = programs.iter().map(|path| path.display().to_string()).collect();
    let words = [
        format!("programs={}", list.join(",")),
        format!("count={}", PROGRAMS * EACH),
        format!("to={PEER_V4}:{}", peer.port("tcp")),
        // With the 16 bytes that say so: 1 KiB.
        "up=1008".to_owned(),
        format!("down={}", trial.random(0..=100)),
        format!("at-once={}", trial.random(1..=8)),
    ];
    let words: Vec<&str> = std::iter::once("execs").chain(words.iter().map(String::as_str)).collect();
    let program = trial.start(Place::Host, &launcher, &words)?;
    trial.finish(program)?;
    trial.expected(&launcher)?.flows = Some(0);
    for path in programs {
        let expected = trial.expected(&path)?;
        expected.parent = Some(launcher.clone());
        expected.flows = Some(EACH);
    }
    trial.end(peer)
}
