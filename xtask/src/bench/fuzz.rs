//! Runs the parsers of what others say with bytes that are made up.
//!
//! libFuzzer on a stable compiler: LLVM's own pass counts branches, which `-C` turns on; what needs a nightly is the address
//! sanitizer, for which code without `unsafe` has little use.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::{place::Place, tool};

/// A crate with parsers.
struct Parsers {
    /// Where they stand.
    folder: &'static str,
    /// What they begin with.
    examples: &'static str,
    targets: &'static [&'static str],
}

const ALL: [Parsers; 2] = [
    Parsers {
        folder: "crates/names/fuzz",
        examples: "crates/names/tests/messages",
        targets: &["dns", "dns-stream", "tls", "http", "quic", "opening"],
    },
    Parsers { folder: "crates/history/fuzz", examples: "crates/history/fuzz/queries", targets: &["query"] },
];
const SECONDS: u32 = 180;

const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Builds and runs each; a table of what was run.
///
/// # Errors
/// One does not build, or failed; it says where the bytes are.
pub(super) fn run(place: &Place, is_quick: bool) -> anyhow::Result<String> {
    let folder = place.target.join("fuzz");
    // With a target named, the flags are not for build scripts.
    let host = host()?;
    for parsers in ALL {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--target", &host, "--target-dir"]).arg(&folder);
        cargo.env("RUSTFLAGS", FLAGS.join(" ")).current_dir(place.file(parsers.folder));
        tool::visibly(&mut cargo)?;
    }

    let seconds = if is_quick { 2 } else { SECONDS };
    let mut table = "| parser | inputs | a second | branches |\n|---|---|---|---|\n".to_owned();
    for (parsers, target) in
        ALL.iter().flat_map(|parsers| parsers.targets.iter().map(move |target| (parsers, target)))
    {
        let program = folder.join(&host).join("release").join(target);
        let kept = folder.join("corpus").join(target);
        fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
        let said = fuzz(&program, &kept, &place.file(parsers.examples), seconds)?;
        writeln!(table, "{}", row(target, &said).with_context(|| format!("{target} said nothing"))?)?;
    }
    Ok(table)
}

/// What it printed.
fn fuzz(program: &Path, kept: &Path, examples: &Path, seconds: u32) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}-", kept.display()));
    command.args(["-max_len=4096", "-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    command.arg(kept).arg(examples);
    let output = command.output().with_context(|| format!("{} could not be started", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let end: Vec<_> = said.lines().rev().take(20).collect();
        let end: Vec<_> = end.into_iter().rev().collect();
        bail!("{} failed ({}):\n{}", program.display(), output.status, end.join("\n"));
    }
    Ok(said)
}

/// A line of the table, from the lines that libFuzzer ends with.
fn row(target: &str, said: &str) -> Option<String> {
    let figure = |word: &str| said.lines().find_map(|line| line.strip_prefix(word)).map(str::trim);
    let branches = said.lines().rev().find_map(|line| line.split_once("cov: ")?.1.split(' ').next())?;
    let (inputs, speed) =
        (figure("stat::number_of_executed_units:")?, figure("stat::average_exec_per_sec:")?);
    Some(format!("| {target} | {inputs} | {speed} | {branches} |"))
}

fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say for which machine it compiles")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn what_libfuzzer_says_becomes_a_row() {
        let said = "#2\tINITED cov: 5 ft: 6 corp: 1/1b\n#9\tDONE   cov: 40 ft: 60 corp: 3/9b\n\
                    stat::number_of_executed_units: 9\nstat::average_exec_per_sec:     3\n";
        assert_eq!(row("dns", said).as_deref(), Some("| dns | 9 | 3 | 40 |"));
        assert_eq!(row("dns", ""), None);
    }
}
