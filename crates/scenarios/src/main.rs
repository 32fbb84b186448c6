//! Runs the scenarios against the daemon that was built beside it, and prints a table. As root.
#![forbid(unsafe_code)]

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser;
use portolan_scenarios::{Bed, Outcome, Run, Scenario, World, attempt, find, is_good, print};

#[derive(Parser)]
#[command(name = "portolan-scenarios", about = "Compares what Portolan says with what programs moved")]
struct Arguments {
    /// Numbers of scenarios; all of them when there are none
    numbers: Vec<u8>,
    /// How often each is run, in other sizes each time
    #[arg(long, default_value_t = 5)]
    trials: u16,
    /// Sizes come from it; a random one is taken and printed when there is none
    #[arg(long)]
    seed: Option<u64>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Only name the scenarios
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything agreed that the kernel can run.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let scenarios = find(&arguments.numbers)?;
    if arguments.list {
        for Scenario { number, name, special, .. } in scenarios {
            writeln!(io::stdout(), "{number:>2}  {name}: {special}")?;
        }
        return Ok(true);
    }
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000_000));
    say(&format!("seed {seed}; scenarios: {}, trials of each: {}", scenarios.len(), arguments.trials));
    let world = World::new()?;
    let mut bed = Bed::start()?;
    let mut runs = Vec::new();
    for scenario in scenarios {
        let mut run = Run::of(scenario);
        for trial in 0..u64::from(arguments.trials) {
            // Each trial can be repeated by itself: `N --trials 1 --seed SEED`.
            let seed = seed + trial;
            let outcome = Outcome::new(attempt(scenario, &mut bed, &world, seed), seed);
            let refused = matches!(outcome, Outcome::CannotRun { .. });
            let faults = outcome.faults();
            run.trials.push(outcome);
            say(&format!("{} {} (seed {seed}): {}", scenario.number, scenario.name, word(refused, &faults)));
            if refused {
                break;
            }
        }
        runs.push(run);
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &runs)?;
        writeln!(out)?;
    } else {
        print(&runs, &mut out)?;
    }
    Ok(is_good(&runs))
}

fn word(refused: bool, faults: &[String]) -> String {
    match faults {
        [] if refused => "cannot run".to_owned(),
        [] => "agrees".to_owned(),
        _ => format!("DISAGREES\n  {}", faults.join("\n  ")),
    }
}

/// What goes on, for the person who waits; the table alone goes to stdout.
fn say(text: &str) {
    // Who closed stderr does not want to hear.
    let _ = writeln!(io::stderr(), "{text}");
}
