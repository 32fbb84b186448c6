//! The machine, the day and the commit that figures belong to.

use std::{fs, process::Command, thread, time::Duration};

use anyhow::Context as _;

use crate::{place::Place, tool};

/// `MODEL, N cores, Linux RELEASE; DATE; commit HASH`.
pub(super) fn describe(place: &Place) -> anyhow::Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores =
        thread::available_parallelism().context("the kernel does not say how many cores there are")?;
    let kernel =
        fs::read_to_string("/proc/sys/kernel/osrelease").context("the kernel does not say its release")?;
    let date = answer(place, "date", &["--utc", "+%Y-%m-%d"])?;
    let commit = answer(place, "git", &["rev-parse", "--short", "HEAD"])?;
    // The page itself changes with each bench.
    let changed = answer(place, "git", &["status", "--porcelain", "--", ".", ":!docs"])?;
    let changed = if changed.is_empty() { "" } else { ", with changes" };
    let model = model.unwrap_or("a CPU without a name");
    Ok(format!("{model}, {cores} cores, Linux {}; {date}; commit {commit}{changed}", kernel.trim()))
}

fn answer(place: &Place, program: &str, words: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(words).current_dir(&place.top);
    Ok(tool::output_of(command, Duration::from_secs(30))?.trim().to_owned())
}
