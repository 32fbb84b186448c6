//! `cargo xtask scenarios`: the traffic that everything is judged on, as root, against the daemon of this checkout.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::{packages, place::Place, tool};

/// Builds the daemon and the scenarios and runs them; `words` are theirs.
pub(crate) fn run(place: &Place, words: &[String], yes: bool) -> anyhow::Result<ExitCode> {
    packages::install(&[packages::BASE, packages::SCENARIOS], yes)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "-p", "portoland", "-p", "portolan-scenarios"]).current_dir(&place.top);
    // The table alone goes to stdout.
    cargo.arg("--quiet");
    let status = cargo.status().context("cargo could not be started")?;
    if !status.success() {
        return Ok(ExitCode::FAILURE);
    }
    let mut command = tool::as_root(&place.built("portolan-scenarios").to_string_lossy());
    let status = command.args(words).status().context("the scenarios could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
