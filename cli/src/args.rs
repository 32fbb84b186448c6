//! The command line's grammar.

use std::{ffi::OsString, net::IpAddr};

mod history;
mod review;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portolan_bus::Filter;
use portolan_core::{Dimension, Only, ParseError, ReviewState};

pub(crate) use history::{Export, ExportFormat, History, HistoryAction, Import, Recorder};
pub(crate) use review::{Decision, Review, ReviewAction};

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 arguments not understood, 3 daemon or bus not there, 4 access \
                          denied, 5 no such application or finding, 6 `status --check` or `--self-test` found a problem.";

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
    after_help = "WHEN is how long ago (90s, 15m, 1h, 7d, 2w), a local date or date and time (2026-03-01, \
                        \"2026-03-01 14:30\"), RFC 3339, @ and the seconds since 1970, now, today or yesterday."
)]
pub(crate) struct Query {
    /// Only what was recorded after this; `all` from the beginning. The history keeps sums over some seconds: one that
    /// holds this moment is taken whole, and a line below the table says so.
    #[arg(long, value_name = "WHEN", default_value = "1h", allow_hyphen_values = true)]
    pub(crate) since: String,
    /// Only what was recorded before this.
    #[arg(long, value_name = "WHEN", default_value = "now", allow_hyphen_values = true)]
    pub(crate) until: String,
    /// One row for each: application, executable, script, parent, user, protocol, direction, remote, domain,
    /// registrable_domain, range, country, asn, port, service, remote_port, local_port, command, unit, container, namespace, time;
    /// several with commas. `none` for one row with the total.
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',', default_value = "executable", value_parser = dimension)]
    pub(crate) by: Vec<Grouping>,
    /// Only what has this value of a dimension, such as country=DE, domain=*.example.org or port=443; an empty value for what is
    /// not known. Given several times: of each dimension any of its values.
    #[arg(long, value_name = "DIMENSION=VALUE", value_parser = only)]
    pub(crate) only: Vec<Filter>,
    /// At most so many rows, largest first; 0 for as many as the daemon gives.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) limit: u32,
    /// Show every digit of the bytes, in groups of three.
    #[arg(long)]
    pub(crate) bytes: bool,
}

/// One dimension of `--by`, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    By(Dimension),
    None,
}

fn dimension(word: &str) -> Result<Grouping, String> {
    match word {
        "none" => Ok(Grouping::None),
        _ => word.parse().map(Grouping::By).map_err(|error: ParseError| format!("{error}; or none")),
    }
}

/// A condition, in the words that the daemon reads.
fn only(text: &str) -> Result<Filter, ParseError> {
    text.parse::<Only>()?;
    let (dimension, value) = text.split_once('=').unwrap_or((text, ""));
    Ok(Filter { dimension: dimension.to_owned(), value: value.to_owned() })
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
