//! Many processes.

use crate::{Pace, Scenario, Trial, address};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        number: 11,
        name: "200 short-lived processes",
        special: "gone before /proc is read",
        pace: Pace::Quick,
        run: one_after_the_other,
    },
    Scenario {
        number: 20,
        name: "a burst from 50 processes at once",
        special: "many owners in one instant",
        pace: Pace::Quick,
        run: at_once,
    },
];

fn one_after_the_other(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    spawn(trial, 200, "at_once=no")
}

fn at_once(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    spawn(trial, 50, "at_once=yes")
}

/// Each process is one connection, and a child of a program that moves nothing itself.
fn spawn(trial: &mut Trial<'_>, count: u64, order: &str) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let (up, down) = (trial.random(1..=200_000), trial.random(0..=200_000));
    let child = trial.copy("child")?;
    let spawner = trial.generate_as(
        "spawner",
        &[
            "spawn",
            &format!("count={count}"),
            order,
            "--",
            &child.to_string_lossy(),
            "tcp",
            &format!("to={}:{}", address::PEER_V4, peer.port("tcp")),
            &format!("up={up}"),
            &format!("down={down}"),
        ],
    )?;
    trial.end(peer)?;
    trial.expect_flows(count);
    trial.expected(&spawner)?.flows = Some(0);
    trial.expected(&child)?.parent = Some(spawner);
    Ok(())
}
