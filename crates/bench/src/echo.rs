//! 64-byte round trips and connections: the worst case, where a call moves next to nothing.

use std::time::Duration;

use crate::{
    Effort,
    bed::Bed,
    connections::{self, Ipv4OrV6, Paced},
    cores::Cores,
    figures::{Rounds, growth},
    say,
    table::Table,
};

struct Load {
    name: &'static str,
    /// How much longer it may take with Portolan.
    target: Option<f64>,
    run: fn(Cores, Duration) -> anyhow::Result<Paced>,
    is_on_one_core: bool,
}

fn udp(cores: Cores, time: Duration) -> anyhow::Result<Paced> {
    connections::udp(cores, time, Ipv4OrV6::V4)
}

const fn load(name: &'static str, target: f64, run: fn(Cores, Duration) -> anyhow::Result<Paced>) -> Load {
    Load { name, target: Some(target), run, is_on_one_core: false }
}

const fn on_one_core(name: &'static str, run: fn(Cores, Duration) -> anyhow::Result<Paced>) -> Load {
    Load { name, target: None, run, is_on_one_core: true }
}

const LOADS: [Load; 6] = [
    load("UDP echo", 1.07, udp),
    load("TCP echo", 1.05, connections::tcp),
    load("connection", 1.07, connections::connections),
    on_one_core("UDP echo, one core", udp),
    on_one_core("TCP echo, one core", connections::tcp),
    on_one_core("connection, one core", connections::connections),
];

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let rounds = effort.choose(11, 1);
    let time = effort.choose(Duration::from_millis(800), Duration::from_millis(200));
    let (bed, cores) = (Bed::start()?, Cores::find()?);
    let mut without = [const { Vec::new() }; LOADS.len()];
    let mut with = [const { Vec::new() }; LOADS.len()];
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}"));
        // In turn, so that neither always follows the other.
        let turns = if round % 2 == 0 { [true, false] } else { [false, true] };
        for is_with in turns {
            let daemon = if is_with { Some(bed.daemon()?) } else { None };
            for (load, (with, without)) in LOADS.iter().zip(with.iter_mut().zip(&mut without)) {
                let cores = if load.is_on_one_core { cores.together() } else { cores };
                // The first of them warm up.
                (load.run)(cores, time / 8)?;
                let figures = if is_with { with } else { without };
                figures.push((load.run)(cores, time)?.micros());
            }
            drop(daemon);
        }
    }
    let mut table = Table::new(&["64 bytes", "without, µs", "with, µs", "growth", "target"]);
    let micros = |figure: f64| format!("{figure:.2}");
    for (load, (with, without)) in LOADS.iter().zip(with.into_iter().zip(without)) {
        let (with, without): (Rounds, Rounds) = (with.into_iter().collect(), without.into_iter().collect());
        table.row(&[
            load.name.to_owned(),
            without.show(micros),
            with.show(micros),
            with.over(&without).show(growth),
            load.target.map_or("–".to_owned(), |target| format!("≤ {}", growth(target))),
        ]);
    }
    table.note(format!(
        "Medians of {rounds} rounds, least and most in brackets; the growth is that of each round."
    ));
    if cores.client == cores.server {
        table.note("This machine has one core: client and server share it.");
    }
    Ok(vec![table])
}
