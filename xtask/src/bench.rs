//! `cargo xtask bench`: what Portolan costs, measured as root with the release build, into `docs/benchmarks.md`.

mod document;
mod fuzz;
mod machine;
mod peers;
mod window;

use std::{
    fs,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use portolan_testbed::unpack_places;

use crate::{packages, place::Place, tool};

/// What can be measured, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// Nanoseconds of each kernel program
    Hooks,
    /// 64-byte round trips, and connections
    Echo,
    /// Programs that start, and hashing
    Identity,
    /// iperf3, and wrk against nginx
    Throughput,
    /// CPU and memory of the daemon
    Daemon,
    /// The same traffic watched by other tools
    Peers,
    /// Look-ups of countries and networks
    Places,
    /// Reading DNS answers and what flows say first
    Names,
    /// Rows written, sizes and questions of a year, beside picosnitch's schema
    History,
    /// The parsers of foreign bytes, with bytes that are made up
    Fuzz,
    /// The window in Chromium: frames, drawing, memory
    Window,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to measure; everything when nothing is named
    names: Vec<Bench>,
    /// One short round of each: shows that it runs, writes nothing
    #[arg(long)]
    quick: bool,
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
}

impl Bench {
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A package, and where the program in it may be.
pub(crate) type Packaged = (&'static str, &'static [&'static str]);

/// A web server.
pub(crate) const NGINX: Packaged = ("nginx", portolan_testbed::NGINX);
/// A resolver.
pub(crate) const RESOLVED: Packaged = ("systemd-resolved", portolan_testbed::RESOLVED);

/// Has a program beside the build, where it is not installed.
pub(crate) fn unpack(place: &Place, (package, paths): Packaged) -> anyhow::Result<()> {
    peers::unpack(&place.target.join("bench-peers"), package, paths)
}

/// Gets what is missing, builds, measures and writes. A bench that fails keeps none of the others from being written.
pub(crate) fn bench(place: &Place, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let benches = if arguments.names.is_empty() { Bench::value_variants() } else { &arguments.names };
    packages::install(&[packages::BASE, packages::BENCH], arguments.yes)?;
    let tools = place.target.join("bench-peers");
    if benches.contains(&Bench::Throughput) {
        unpack(place, NGINX)?;
    }
    if benches.contains(&Bench::Peers) {
        peers::install(&tools)?;
    }
    // The window needs nothing of it.
    if benches.iter().any(|bench| *bench != Bench::Window) {
        build(place, benches)?;
    }
    let machine = machine::describe(place)?;
    let mut has_failed = false;
    for bench in benches {
        let word = bench.word();
        tool::say(&format!("\n{word}"));
        let tables = match bench {
            Bench::Fuzz => fuzz::run(place, arguments.quick),
            Bench::Window => window::run(place, arguments.quick),
            _ => run(place, &word, arguments.quick),
        };
        match tables {
            Ok(tables) if arguments.quick => tool::say(&tables),
            Ok(tables) => {
                tool::say(&tables);
                write(place, &word, &format!("{machine}\n\n{}", tables.trim()))?;
            }
            Err(error) => {
                has_failed = true;
                tool::warn(&format!("error: {word}: {error:#}"));
            }
        }
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn build(place: &Place, benches: &[Bench]) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "-p", "portoland", "-p", "portolan-bench"]).current_dir(&place.top);
    if benches.contains(&Bench::Peers) {
        // Its generator moves the bytes.
        cargo.args(["-p", "portolan-scenarios"]);
    }
    tool::visibly(&mut cargo)
}

/// Measures as root; what it prints.
fn run(place: &Place, word: &str, is_quick: bool) -> anyhow::Result<String> {
    let program = place.target.join("release/portolan-bench");
    let mut command = tool::as_root(&program.to_string_lossy());
    command.arg(word).arg("--tools").arg(place.target.join("bench-peers"));
    command.arg("--places").arg(unpack_places(&place.target)?);
    if is_quick {
        command.arg("--quick");
    }
    command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("{} could not be started", program.display()))?;
    if !output.status.success() {
        bail!("it failed ({})", output.status);
    }
    String::from_utf8(output.stdout).context("it printed something else than text")
}

fn write(place: &Place, word: &str, tables: &str) -> anyhow::Result<()> {
    let path = place.file("docs/benchmarks.md");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = document::replace(&text, word, tables)?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
