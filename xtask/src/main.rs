//! `cargo xtask run`, `test`, `scenarios`, `vm-test`, `bench`, `contracts`, `geo-update`, `history-fixture`, `env`, `install` and `uninstall`: what one does with this checkout.
//!
//! Invariant: builds with nothing but Rust, because it is what installs everything else.
#![forbid(unsafe_code)]

mod accounts;
mod bench;
mod contracts;
mod geo_update;
mod history_fixture;
mod install;
mod packages;
mod place;
mod run;
mod scenarios;
mod test;
mod tool;
mod ui;
mod vm_test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::place::Place;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, runs, tests and installs Portolan"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what is missing, builds everything and starts it; Ctrl-C ends it
    Run {
        /// Install missing packages without asking
        #[arg(long)]
        yes: bool,
    },
    /// Prints what another terminal needs to talk to a running `run`: eval "$(cargo xtask env)"
    Env,
    /// Runs every check and every test that this machine can run, and names those that it cannot
    Test {
        /// Install missing packages without asking
        #[arg(long)]
        yes: bool,
    },
    /// Runs the traffic that Portolan is judged on and compares what Portolan says with what was moved; as root
    Scenarios(scenarios::Arguments),
    /// Runs the daemon's tests on real traffic under other kernels, in qemu
    VmTest(vm_test::Arguments),
    /// Measures what Portolan costs, as root, and writes the tables of docs/benchmarks.md
    Bench(bench::Arguments),
    /// Writes the generated contracts: abi.rs, the golden D-Bus interface, the TypeScript bindings
    Contracts {
        /// Write nothing; fail when one of them is not up to date
        #[arg(long)]
        check: bool,
    },
    /// Makes the database of countries and networks again, from the newest data that Debian has
    GeoUpdate {
        /// Install missing packages without asking
        #[arg(long)]
        yes: bool,
    },
    /// Writes a history that is made up, of a desktop with 200 applications: for benchmarks, tests and pictures
    HistoryFixture(history_fixture::Arguments),
    /// Builds and puts everything in place on this machine
    Install {
        /// Put it under this folder instead, and start nothing
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Install the debug build
        #[arg(long)]
        debug: bool,
        /// Install what is built already
        #[arg(long, hide = true)]
        no_build: bool,
    },
    /// Takes away what `install` put in place
    Uninstall {
        /// Take it away from under this folder
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Remove the history and the configuration as well
        #[arg(long)]
        purge: bool,
    },
    /// The part of `run` that needs root
    #[command(hide = true)]
    Service(run::service::Arguments),
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            tool::warn(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(task: Task) -> anyhow::Result<ExitCode> {
    let place = Place::find()?;
    match task {
        Task::Run { yes } => return run::run(&place, yes),
        Task::Test { yes } => return test::test(&place, yes),
        Task::Scenarios(arguments) => return scenarios::run(&place, &arguments),
        Task::VmTest(arguments) => return vm_test::vm_test(&place, &arguments),
        Task::Bench(arguments) => return bench::bench(&place, &arguments),
        Task::HistoryFixture(arguments) => history_fixture::write(&place, &arguments)?,
        Task::Env => run::print_env(&place)?,
        Task::Contracts { check } => contracts::all(&place, check)?,
        Task::GeoUpdate { yes } => geo_update::update(&place, yes)?,
        Task::Install { root, debug, no_build } => install::install(&place, root, debug, no_build)?,
        Task::Uninstall { root, purge } => install::uninstall(root, purge)?,
        Task::Service(arguments) => run::service::serve(&place, &arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
