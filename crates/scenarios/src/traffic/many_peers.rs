//! 26: one socket and very many peers.

use crate::{
    Pace, Place, Scenario, Trial,
    address::{PEER_V4, PEER_V6},
    world::ip,
};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 26,
    name: "many peers of one UDP socket",
    special: "200,000, then 1,000,000: map pressure, totals stay exact",
    pace: Pace::Slow,
    run,
}];

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    // Everything behind the peer is swallowed: it forwards nothing.
    trial.world.enter(Place::Host, || {
        ip(&format!("route replace 10.64.0.0/10 via {PEER_V4}"))?;
        ip(&format!("-6 route replace fd99::/64 via {PEER_V6}"))
    })??;
    // Whoever is asked for the way to them first has the others wait; a small queue of the kernel would drop some.
    let peer = trial.peer(&["tcp=0"])?;
    for address in [PEER_V4.to_owned(), format!("[{PEER_V6}]")] {
        let name = if address.starts_with('[') { "first-v6" } else { "first-v4" };
        trial.generate_as(name, &["tcp", &format!("to={address}:{}", peer.port("tcp")), "up=1", "down=1"])?;
    }
    trial.end(peer)?;
    for (name, first, count) in
        [("200k", "10.64.0.1", 200_000), ("200k-v6", "fd99::1", 200_000), ("1m", "10.80.0.1", 1_000_000)]
    {
        let count = count + trial.random(0..=1000);
        let words = [
            format!("first={first}"),
            format!("count={count}"),
            format!("port={}", trial.random(1024..=65_535)),
            format!("largest={}", trial.random(1..=200)),
        ];
        trial.generate_as(name, &["many-peers", &words[0], &words[1], &words[2], &words[3]])?;
    }
    Ok(())
}
