//! 27: one socket, three programs.

use std::time::Duration;

use crate::{Pace, Place, Scenario, Trial, address::PEER_V4};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 27,
    name: "one socket, three programs",
    special: "passed by fork and exec and by SCM_RIGHTS; each is charged for its own use",
    pace: Pace::Quick,
    run,
}];

const PATIENCE: Duration = Duration::from_secs(30);

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0", "udp=0"])?;
    for (kind, port, most) in [("tcp", peer.port("tcp"), 400_000), ("udp", peer.port("udp"), 1500)] {
        let (owner, heir) = (trial.copy(&format!("{kind}-owner"))?, trial.copy(&format!("{kind}-heir"))?);
        let guest = trial.copy(&format!("{kind}-guest"))?;
        let door = format!("door={}", trial.folder().join(format!("{kind}-door")).display());
        let kind = format!("kind={kind}");
        let mut amount = |name: &str| format!("{name}={}", trial.random(1..=most));
        let of_guest = [amount("up"), amount("down")];
        let mut words = vec![
            format!("to={PEER_V4}:{port}"),
            kind.clone(),
            door.clone(),
            format!("heir={}", heir.display()),
            format!("guest-{}", of_guest[0]),
            format!("guest-{}", of_guest[1]),
        ];
        words.extend(["up", "down", "heir-up", "heir-down"].map(amount));
        let mut guest =
            trial.start(Place::Host, &guest, &["guest", &door, &kind, &of_guest[0], &of_guest[1]])?;
        guest.wait_for_line("its door", PATIENCE, |line| (line == "ready").then_some(()))?;
        let words: Vec<&str> = std::iter::once("share").chain(words.iter().map(String::as_str)).collect();
        let program = trial.start(Place::Host, &owner, &words)?;
        trial.finish(program)?;
        trial.finish(guest)?;
        trial.expected(&heir)?.parent = Some(owner);
    }
    trial.end(peer)
}
