//! `cargo xtask history-fixture`: a history that is made up (docs/fixture.md), by the release build of `portolan-fixture`.

use std::{path::PathBuf, process::Command};

use portolan_testbed::unpack_places;

use crate::{place::Place, tool};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many days
    #[arg(long, default_value_t = 365)]
    days: u16,
    /// What all chance follows from: the same seed gives the same history
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The last day; a fixed one where none is named
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Builds what writes it, and starts that.
pub(crate) fn write(place: &Place, arguments: &Arguments) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "-p", "portolan-fixture"]).current_dir(&place.top);
    tool::visibly(&mut cargo)?;
    let Arguments { days, seed, until, out } = arguments;
    let mut fixture = Command::new(place.target.join("release/portolan-fixture"));
    fixture.args(["--days", &days.to_string(), "--seed", &seed.to_string()]);
    fixture.arg("--places").arg(unpack_places(&place.target)?).arg("--out").arg(out);
    if let Some(until) = until {
        fixture.args(["--until", until]);
    }
    tool::visibly(&mut fixture)
}
