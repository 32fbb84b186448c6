//! What runs inside: the daemon's tests on real traffic.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::machine::Outcome;
use crate::{place::Place, tool};

/// A cold build on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);

/// What runs when nothing is asked for: whatever depends on the kernel, and not the same many times; an emulated machine is slow.
const CHOSEN: [&str; 12] = [
    "exec_facts::",
    "exec_arguments::",
    "calls::",
    "unusual::a_",
    "unusual::an_",
    "unusual::what_",
    "sockets::",
    "nothing_of_it_stays",
    "a_new_program_is_told",
    "whose_file_is_deleted",
    "what_is_attributed",
    "makes_room_for_another",
];

/// The part of cargo's messages that is read.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds the daemon and its tests; the shell command that runs those whose names hold one of the words, or the chosen ones.
pub(super) fn command(place: &Place, only: &[String]) -> anyhow::Result<String> {
    tool::say("Building the daemon and its tests …");
    cargo(
        place,
        &["build", "--quiet", "-p", "portoland", "-p", "portolan-testbed", "-p", "portolan-cli", "--bins"],
    )?;
    let mut arguments = vec!["test", "-p", "portoland", "--test", "traffic", "--no-run"];
    arguments.push("--message-format=json-render-diagnostics");
    let messages = cargo(place, &arguments)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let program = messages
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == "traffic"))
        .find_map(|message| message.executable)
        .context("cargo named no test program of the daemon")?;
    let dir = place.file("helper-daemon");
    let chosen = CHOSEN.map(str::to_owned);
    let only = if only.is_empty() { &chosen } else { only };
    let words = only.iter().map(|word| format!(" '{word}'")).collect::<String>();
    Ok(format!(
        "cd '{0}'\nexport CARGO_MANIFEST_DIR='{0}'\nexec '{1}' --ignored --test-threads=1{words}\n",
        dir.display(),
        program.display(),
    ))
}

/// Nothing failed, and something ran.
pub(super) fn judge(outcome: &Outcome) -> anyhow::Result<String> {
    let counts = crate::test::counts(&outcome.output);
    match counts {
        Some((passed, 0)) if passed > 0 && outcome.code == 0 => Ok(format!("{passed} tests passed")),
        _ => bail!("the tests ended with {}:\n{}", outcome.code, outcome.output),
    }
}

fn cargo(place: &Place, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(&place.top);
    tool::output_of(command, BUILD_LIMIT)
}
