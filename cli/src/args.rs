//! The command line's grammar.

use std::{net::IpAddr, path::PathBuf, time::Duration};

mod history;
mod report;
mod review;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portolan_core::{Dimension, ParseError, ReviewState};
use portolan_history::language::moment;

pub(crate) use history::{Export, ExportFormat, Forget, History, HistoryAction, Import, Info, Recorder};
pub(crate) use report::{Chart, Format, Report};
pub(crate) use review::{Review, ReviewAction};

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 arguments not understood, 3 daemon or bus not there, 4 access \
                          denied, 5 no such application or finding, 6 `status --check`, `--self-test` or `config check` found a problem.";

/// Which programs of this machine talk to whom, and how much.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Print JSON as docs/cli.md describes it.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how the daemon does: what it counts, what it lost, what does not work.
    Status(Status),
    /// Show the bytes as they flow.
    Watch(Watch),
    /// Ask the history.
    Query(Query),
    /// Draw the history: a month as a page, or a picture of a query.
    Report(Report),
    /// Write the history for other programs, or add what another recorder counted.
    History(History),
    /// Say what is known of addresses: where they belong, under which names who talked with them.
    Lookup(Lookup),
    /// List what a person should know: new applications, changed files, foreign code, losses; show one; snooze or dismiss some.
    Findings(Findings),
    /// List the applications that talked, with their review.
    Applications(Applications),
    /// Approve or ignore applications, or forget such an answer.
    Review(Review),
    /// End the first hours, in which what talks is learned instead of told one by one.
    Learning(Learning),
    /// Judge the configuration's files, show what is in force and why, and change it.
    Config(Config),
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// End with exit code 6 when something does not work or was lost.
    #[arg(long)]
    pub(crate) check: bool,
    /// Move known bytes through loopback now and compare with the count; nothing else is shown, and the exit code is 6 when
    /// they differ. Needs the right to see everybody's traffic.
    #[arg(long, conflicts_with = "check")]
    pub(crate) self_test: bool,
    /// Show everything: each line of the sums, also those that are 0, how bytes are counted, hooks, kinds of losses.
    #[arg(long, conflicts_with = "self_test")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// End after so many readings of the counters; lines instead of a table.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// The same as --count 1.
    #[arg(long, conflicts_with = "count")]
    pub(crate) once: bool,
    /// Lines instead of a table, also in a terminal.
    #[arg(long)]
    pub(crate) plain: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "QUERY is what docs/query.md describes: app:firefox domain:*.example.org country:DE port:443 user:alice since:7d \
                  'tx>10MB'. Quote it for the shell where it has <, >, |, !, * or parentheses."
)]
pub(crate) struct Query {
    /// Which traffic; nothing for all. Several words are one query.
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// One row for each: application, executable, script, parent, user, protocol, direction, remote, domain,
    /// registrable_domain, range, country, asn, port, service, remote_port, local_port, command, unit, container, namespace, time;
    /// up to three with commas. `none` for one row with the total.
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',', default_value = "executable", value_parser = dimension)]
    pub(crate) by: Vec<Grouping>,
    /// At most so many rows, largest first, or so many lines of a series; the others are summed up. 0 for as many as the daemon gives.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) top: u32,
    /// What moved over time, by steps of this length; `auto` for what suits the time asked for.
    #[arg(long, value_name = "STEP")]
    pub(crate) series: Option<Step>,
    /// Show every digit of the bytes, in groups of three.
    #[arg(long)]
    pub(crate) bytes: bool,
    /// Ask this history file, without a daemon and without writing anything.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// How long that may take (90s, 10m) [default: 60s]
    #[arg(long, value_name = "HOW-LONG", requires = "history", value_parser = length)]
    pub(crate) timeout: Option<Duration>,
}

fn length(text: &str) -> Result<Duration, String> {
    let length = moment::length(text).and_then(|length| Duration::try_from(length).ok());
    length.ok_or_else(|| "expected how long (90s, 10m, 1h30m)".to_owned())
}

/// The length of the steps of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// What suits the time asked for.
    Auto,
    /// As it was counted.
    Bucket,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

/// One dimension of `--by`, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    By(Dimension),
    None,
}

pub(crate) fn dimension(word: &str) -> Result<Grouping, String> {
    match word {
        "none" => Ok(Grouping::None),
        _ => word.parse().map(Grouping::By).map_err(|error: ParseError| format!("{error}; or none")),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Lookup {
    /// Which; no names.
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) addresses: Vec<IpAddr>,
    /// Also ask this machine's resolver now for the names that the addresses' owners gave them. This sends packets, and such a
    /// name need not be one that any program meant.
    #[arg(long)]
    pub(crate) reverse: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Findings {
    /// Show this one with all that it rests on.
    #[arg(value_name = "NUMBER", conflicts_with = "all")]
    pub(crate) number: Option<i64>,
    /// Also those that were answered or snoozed.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(subcommand)]
    pub(crate) action: Option<FindingsAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FindingsAction {
    /// Answer findings about the daemon itself or about several applications, by their numbers; those about one application are
    /// answered with `review`.
    Dismiss {
        /// Which.
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<i64>,
    },
    /// Keep an open finding from being shown for a time. It comes back before that when what it rests on becomes another.
    Snooze {
        /// Which.
        number: i64,
        /// How long (90m, 2h, 7d), or off.
        #[arg(value_name = "HOW-LONG")]
        until: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Learning {
    #[command(subcommand)]
    pub(crate) action: LearningAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LearningAction {
    /// What was learned so far is told as one finding, and what is new from now on as it comes.
    End,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Say what is wrong with the configuration, by line and column; the exit code is 6 when something is. Needs no daemon.
    Check {
        /// This file alone, which may be a draft [default: /etc/portolan/portolan.toml and portolan.d beside it]
        file: Option<PathBuf>,
    },
    /// Show what is in force, and where each value comes from.
    Show {
        /// Only this key, such as recording.tick, or this section.
        key: Option<String>,
    },
    /// Set a key, in a file beside those that people write (portolan.d/50-set.toml). Counts at once. Nothing is written when
    /// anything would be wrong with it.
    Set {
        /// Which, such as recording.tick.
        key: String,
        /// Its value, such as 10s, "7 days", off, 53, or a list as a file has it.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Take a key out of that file.
    Reset {
        /// Which.
        key: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Applications {
    /// Only those with this review.
    #[arg(long, value_name = "REVIEW")]
    pub(crate) state: Option<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// Nobody has looked at it.
    Unreviewed,
    /// Known and wanted.
    Approved,
    /// Recorded, never told about.
    Ignored,
}

impl State {
    pub(crate) fn state(self) -> ReviewState {
        match self {
            Self::Unreviewed => ReviewState::Unreviewed,
            Self::Approved => ReviewState::Approved,
            Self::Ignored => ReviewState::Ignored,
        }
    }
}
