//! One question to one file, in a process of its own.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::ValueEnum;
use portolan_core::{Dimension, UnixMillis};
use portolan_history::{
    Limits, Question, Reader, Step,
    language::{Condition, Field, Filter, Pattern, Query, Wanted},
};
use rusqlite::{Connection, OpenFlags};

use crate::{figures::Rounds, process};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asked {
    Top,
    Daily,
    Hourly,
    HourlyAll,
    Remotes,
    Text,
}

/// What a process asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) asked: Asked,
    pub(crate) file: &'a Path,
    /// Whether the file is picosnitch's.
    pub(crate) is_peer: bool,
    /// From when on, milliseconds since 1970; `None` from the beginning.
    pub(crate) since: Option<i64>,
    /// How often; 0 until it is ended.
    pub(crate) times: u32,
}

/// What it found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Milliseconds of the first question.
    pub(super) first: f64,
    /// Of the others.
    pub(super) others: Rounds,
    /// The CPU time of the others, each.
    pub(super) cpu: f64,
    /// By how much the process grew at most.
    pub(super) grown_mb: f64,
    /// How many groups or points the answer has.
    pub(super) size: String,
}

/// The word that the free text looks for: it stands in one of a hundred names.
const WORD: &str = "harbor";
/// As many as there are.
const ALL: usize = 1_000_000;

impl Asked {
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How many groups and points the answer of ours has.
    fn of_us(self, reader: &Reader, since: Option<UnixMillis>) -> anyhow::Result<usize> {
        let all = Query { since, ..Query::default() };
        let question = |by, top| Question { query: all.clone(), by: vec![by], top, ..Question::default() };
        let limits = Limits::default();
        let series = |top, step| -> anyhow::Result<usize> {
            let series = reader.series(&question(Dimension::Application, top), step, &limits)?;
            Ok(series.times.len() * series.lines.len())
        };
        Ok(match self {
            Self::Top => reader.answer(&question(Dimension::Application, 20), &limits)?.groups.len(),
            Self::Daily => series(ALL, Step::Day)?,
            Self::Hourly => series(20, Step::Hour)?,
            Self::HourlyAll => series(ALL, Step::Hour)?,
            Self::Remotes => reader.answer(&question(Dimension::Remote, ALL), &limits)?.groups.len(),
            Self::Text => {
                let wanted = Wanted::Like(Pattern::new(["", WORD, ""]));
                let filter = Filter::Has(Condition { field: Field::Text, wanted });
                let query = Query { filter, ..all.clone() };
                reader.answer(&Question { query, ..question(Dimension::Domain, 100) }, &limits)?.groups.len()
            }
        })
    }

    /// As picosnitch's window and terminal ask: sums of joined rows. How many rows the answer has.
    fn of_peer(self, connection: &Connection) -> anyhow::Result<usize> {
        let by_time = |seconds| {
            format!(
                "SELECT e.exe, c.contime / {seconds} * {seconds} AS t, SUM(c.send), SUM(c.recv) FROM connections c
                    JOIN executables e ON e.id = c.exe_id GROUP BY e.exe, t"
            )
        };
        let sql = match self {
            Self::Top => "SELECT e.exe, SUM(c.send), SUM(c.recv) FROM connections c JOIN executables e ON e.id = c.exe_id
                GROUP BY e.exe ORDER BY SUM(c.send) + SUM(c.recv) DESC LIMIT 20"
                .to_owned(),
            Self::Daily => by_time(86_400),
            Self::Hourly | Self::HourlyAll => by_time(3_600),
            Self::Remotes => "SELECT a.addr, SUM(c.send), SUM(c.recv) FROM connections c JOIN addresses a ON a.id = c.raddr_id
                GROUP BY a.addr"
                .to_owned(),
            Self::Text => format!(
                "SELECT d.domain, SUM(c.send), SUM(c.recv) FROM connections c JOIN executables e ON e.id = c.exe_id
                    JOIN domains d ON d.id = c.domain_id JOIN addresses a ON a.id = c.raddr_id
                    WHERE e.exe LIKE '%{WORD}%' OR e.cmdline LIKE '%{WORD}%' OR d.domain LIKE '%{WORD}%'
                    OR a.addr LIKE '%{WORD}%' GROUP BY d.domain ORDER BY SUM(c.send) + SUM(c.recv) DESC LIMIT 100"
            ),
        };
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

/// The part of the process: prints by how many kB it grew, the size of the answer, the CPU time of each question but the first, and how
/// long each took, in milliseconds.
pub(crate) fn ask(asking: &Asking<'_>) -> anyhow::Result<()> {
    let Asking { asked, file, is_peer, since, times } = *asking;
    let own_cpu = || process::cpu_time(std::process::id());
    let before = status("VmRSS:")?;
    // From now on VmHWM is the most since now.
    fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be set back")?;
    let (mut all, mut size, mut turns, mut after_first) = (Vec::new(), 0, 0, Duration::ZERO);
    while times == 0 || turns < times {
        turns += 1;
        let begin = Instant::now();
        // Opened for a question, as the daemon does.
        size = if is_peer {
            asked.of_peer(&Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?
        } else {
            asked.of_us(&Reader::open(file)?, since.map(UnixMillis))?
        };
        if times != 0 {
            all.push(format!("{:.3}", begin.elapsed().as_secs_f64() * 1e3));
        }
        if turns == 1 {
            after_first = own_cpu()?;
        }
    }
    let grown = status("VmHWM:")?.saturating_sub(before);
    let cpu = own_cpu()?.saturating_sub(after_first) / turns.saturating_sub(1).max(1);
    println!("{grown} {size} {:.3} {}", cpu.as_secs_f64() * 1e3, all.join(" "));
    Ok(())
}

fn status(key: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB"));
    line.with_context(|| format!("/proc/self/status has no {key}"))?.parse().context("it is no number")
}

impl Asking<'_> {
    /// The process.
    pub(super) fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("ask").arg("--asked").arg(self.asked.word()).arg("--file").arg(self.file);
        command.args(["--times", &self.times.to_string()]);
        if self.is_peer {
            command.arg("--peer");
        }
        if let Some(since) = self.since {
            command.arg(format!("--since={since}"));
        }
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// Asks, and waits for the answers.
    pub(super) fn find(&self) -> anyhow::Result<Found> {
        let output = self.command()?.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut words = text.split_whitespace();
        let mut next =
            || words.next().with_context(|| format!("the child ended ({}) without an answer", output.status));
        let (grown_mb, size) = (next()?.parse::<f64>()? * 1024.0 / 1e6, next()?.to_owned());
        let (cpu, first) = (next()?.parse()?, next()?.parse()?);
        let others = words.map(str::parse).collect::<Result<Rounds, _>>()?;
        Ok(Found { first, others, cpu, grown_mb, size })
    }
}
