//! `cargo xtask scenarios`: the traffic that everything is judged on, as root, against the daemon of this checkout.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::{packages, place::Place, tool};

#[derive(clap::Args)]
#[command(
    after_help = "The table, its columns explained below it, goes to stdout, what goes on meanwhile to stderr. The exit code is 0 \
                        when every scenario that this kernel can run agrees in every trial. Repeat one trial: N --trials 1 --seed SEED"
)]
pub(crate) struct Arguments {
    /// Numbers of scenarios, as --list shows them; all of them when there are none
    numbers: Vec<u8>,
    /// How often each is run, in other sizes each time [default: 5]
    #[arg(long, value_name = "N")]
    trials: Option<u16>,
    /// Sizes come from it; a random one is taken and printed when there is none
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Only name the scenarios
    #[arg(long)]
    list: bool,
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
}

impl Arguments {
    /// The same for the scenarios' own program, which is not built yet when they are read.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self.numbers.iter().map(u8::to_string).collect();
        words.extend(self.trials.map(|trials| format!("--trials={trials}")));
        words.extend(self.seed.map(|seed| format!("--seed={seed}")));
        words.extend(self.json.then(|| "--json".to_owned()));
        words.extend(self.list.then(|| "--list".to_owned()));
        words
    }
}

/// Builds the daemon and the scenarios and runs them.
pub(crate) fn run(place: &Place, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    packages::install(&[packages::BASE, packages::SCENARIOS], arguments.yes)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "-p", "portoland", "-p", "portolan-scenarios"]).current_dir(&place.top);
    // The table alone goes to stdout.
    cargo.arg("--quiet");
    let status = cargo.status().context("cargo could not be started")?;
    if !status.success() {
        return Ok(ExitCode::FAILURE);
    }
    let mut command = tool::as_root(&place.built("portolan-scenarios").to_string_lossy());
    let status = command.args(arguments.words()).status().context("the scenarios could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
