//! Measures what Portolan costs, against a machine without it in the same run, and prints a table for `docs/benchmarks.md`.
//!
//! As root. `cargo xtask bench` builds this and the daemon and runs them one after the other. Nothing stays: the daemon, its
//! programs in the kernel, every file and every program that is started are guarded by the test bed, and the statistics of
//! the kernel are on only while a descriptor is open.
#![forbid(unsafe_code)]

mod bed;
mod connections;
mod cores;
mod daemon;
mod echo;
mod empty;
mod figures;
mod history;
mod hooks;
mod identity;
mod names;
mod peers;
mod places;
mod process;
mod sockets;
mod table;
mod throughput;
mod wire;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::bail;
use clap::{Parser, ValueEnum};
use rustix::process::geteuid;

use crate::table::Table;

#[derive(Parser)]
#[command(name = "portolan-bench", about = "Measures what Portolan costs, and prints a table")]
struct Arguments {
    /// What is measured
    bench: Bench,
    /// One short round: shows that it runs, its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Where programs are that are not in PATH
    #[arg(long, value_name = "DIR", default_value = "target/bench-peers")]
    tools: PathBuf,
    /// The database of countries and networks
    #[arg(long, value_name = "FILE", default_value = "target/places.mmdb")]
    places: PathBuf,
    /// How many sockets `hold` opens
    #[arg(long, hide = true, default_value_t = 0)]
    sockets: u32,
    /// Whether something moves on them
    #[arg(long, hide = true)]
    moving: bool,
    /// What `ask` asks
    #[arg(long, hide = true, value_enum, default_value_t = history::Asked::Top)]
    asked: history::Asked,
    /// Which file
    #[arg(long, hide = true, default_value = "history.sqlite")]
    file: PathBuf,
    /// Whether that is picosnitch's
    #[arg(long, hide = true)]
    peer: bool,
    /// From when on, milliseconds since 1970
    #[arg(long, hide = true)]
    since: Option<i64>,
    /// How often; 0 until it is ended
    #[arg(long, hide = true, default_value_t = 1)]
    times: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
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
    /// Rows written, sizes and questions of a year
    History,
    /// Asks a history: a part of `history`
    #[value(hide = true)]
    Ask,
    /// Holds sockets open: a part of `daemon`
    #[value(hide = true)]
    Hold,
}

/// How much is done.
#[derive(Debug, Clone)]
struct Effort {
    is_quick: bool,
    tools: PathBuf,
    places: PathBuf,
}

impl Effort {
    /// The first in a real run, the second in one that only tries.
    fn choose<T>(&self, real: T, quick: T) -> T {
        if self.is_quick { quick } else { real }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.bench {
        Bench::Hold => sockets::hold(arguments.sockets, arguments.moving),
        Bench::Ask => {
            let Arguments { asked, file, peer, since, times, .. } = &arguments;
            history::ask(&history::Asking {
                asked: *asked,
                file,
                is_peer: *peer,
                since: *since,
                times: *times,
            })
        }
        bench => {
            let Arguments { quick: is_quick, tools, places, .. } = arguments;
            run(bench, &Effort { is_quick, tools, places })
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(bench: Bench, effort: &Effort) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        bail!("this loads programs into the kernel; run it as root");
    }
    bed::check_that_the_machine_is_without(effort)?;
    let tables: Vec<Table> = match bench {
        Bench::Hooks => hooks::run(effort)?,
        Bench::Echo => echo::run(effort)?,
        Bench::Identity => identity::run(effort)?,
        Bench::Throughput => throughput::run(effort)?,
        Bench::Daemon => daemon::run(effort)?,
        Bench::Peers => peers::run(effort)?,
        Bench::Places => places::run(effort)?,
        Bench::Names => names::run(effort)?,
        Bench::History => history::run(effort)?,
        Bench::Ask | Bench::Hold => Vec::new(),
    };
    let mut out = io::stdout().lock();
    for table in tables {
        writeln!(out, "{table}")?;
    }
    Ok(())
}

/// What goes on, for the person who waits; the tables alone go to stdout.
fn say(text: &str) {
    // Who closed stderr does not want to hear.
    let _ = writeln!(io::stderr(), "{text}");
}
