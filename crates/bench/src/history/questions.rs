//! The same questions to both files, each in a process of its own, and what they do to who records.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use portolan_core::{Dimension, UnixMillis};
use portolan_fixture::{Days, Plan};
use portolan_history::{
    History, Limits, Question, Reader, Record, Step,
    language::{Condition, Field, Filter, Pattern, Query, Wanted},
};
use portolan_places::Places;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Advice, fadvise};

use super::fill::Year;
use crate::{Effort, figures::Rounds, say, table::Table};

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

/// The word that the free text looks for: it stands in one of a hundred names.
const WORD: &str = "harbor";
/// As many as there are.
const ALL: usize = 1_000_000;

impl Asked {
    const EACH: [(Self, &'static str, &'static str); 6] = [
        (Self::Top, "top 20 applications", "≤ 10 ms"),
        (Self::Daily, "a series for each application, by day", "≤ 25 ms"),
        (Self::Hourly, "series of the top 20 applications and the others, by hour", "≤ 50 ms"),
        (Self::HourlyAll, "a series for each application, by hour", "≤ 50 ms"),
        (Self::Remotes, "all remote addresses", "≤ 50 ms"),
        (Self::Text, "free text, by name", "≤ 100 ms"),
    ];

    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How many groups and points the answer of ours has.
    fn of_us(self, reader: &Reader) -> anyhow::Result<usize> {
        let question = |by, top| Question { by: vec![by], top, ..Question::default() };
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
                let parts = ["", WORD, ""].map(str::to_owned).into();
                let wanted = Wanted::Like(Pattern { parts });
                let filter = Filter::Has(Condition { field: Field::Text, wanted });
                let query = Query { filter, ..Query::default() };
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

/// The part of a child: asks `times` times (0: until it is ended), and prints the milliseconds of each, and its memory at most.
pub(crate) fn ask(asked: Asked, file: &Path, is_peer: bool, times: u32) -> anyhow::Result<()> {
    let mut turns = 0;
    let (mut all, mut size) = (Vec::new(), 0);
    while times == 0 || turns < times {
        turns += 1;
        let begin = Instant::now();
        // Opened for a question, as the daemon does.
        size = if is_peer {
            asked.of_peer(&Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?
        } else {
            asked.of_us(&Reader::open(file)?)?
        };
        if times != 0 {
            all.push(format!("{:.3}", begin.elapsed().as_secs_f64() * 1e3));
        }
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    println!("{} {size} {}", peak.unwrap_or("0"), all.join(" "));
    Ok(())
}

/// What a child found.
#[derive(Debug, Default)]
struct Found {
    /// Of the first question, the file not in memory.
    cold: f64,
    warm: Rounds,
    peak_mb: f64,
    size: String,
}

fn child(asked: Asked, file: &Path, is_peer: bool, times: u32) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("ask").arg("--asked").arg(asked.word()).arg("--file").arg(file);
    command.args(["--times", &times.to_string()]);
    if is_peer {
        command.arg("--peer");
    }
    command.stdin(Stdio::null());
    Ok(command)
}

fn find(asked: Asked, file: &Path, is_peer: bool, times: u32) -> anyhow::Result<Found> {
    let open = File::open(file)?;
    fadvise(&open, 0, None, Advice::DontNeed)?;
    let output = child(asked, file, is_peer, times)?.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut next =
        || words.next().with_context(|| format!("the child ended ({}) without an answer", output.status));
    let (peak_mb, size) = (next()?.parse::<f64>()? / 1024.0, next()?.to_owned());
    let cold = next()?.parse()?;
    let warm = words.map(str::parse).collect::<Result<Rounds, _>>()?;
    Ok(Found { cold, warm, peak_mb, size })
}

/// All questions, side by side, and then what they do to the writer.
pub(super) fn measure(effort: &Effort, year: &Year) -> anyhow::Result<Vec<Table>> {
    let mut table = Table::new(&[
        "question",
        "cold, ms",
        "warm, ms",
        "target",
        "groups or points",
        "memory, MB",
        "picosnitch, cold, ms",
        "warm, ms",
        "memory, MB",
        "ratio",
    ]);
    for (asked, name, target) in Asked::EACH {
        say(&format!("asking: {name}"));
        let ours = find(asked, &year.own, false, effort.choose(12, 2))?;
        let theirs = find(asked, &year.peer, true, effort.choose(4, 2))?;
        let ratio = theirs.warm.median().unwrap_or(0.0) / ours.warm.median().unwrap_or(1.0);
        let show = |figure: f64| format!("{figure:.1}");
        table.row(&[
            name.to_owned(),
            show(ours.cold),
            ours.warm.show(show),
            target.to_owned(),
            ours.size,
            show(ours.peak_mb),
            show(theirs.cold),
            theirs.warm.show(show),
            show(theirs.peak_mb),
            format!("{ratio:.0} ×"),
        ]);
    }
    table.note("Medians of 11 (3 of picosnitch's), least and most in brackets. Cold: the first question of a process, nothing of the file in memory; each opens the file anew. Memory: the most that the process ever had (VmHWM); it does nothing else.");
    table.note("The other is asked with the SQL of its windows, on its own schema and indexes (version 4), of the same rows: one for each key and 10 seconds. Its names of applications are paths.");
    Ok(vec![table, delay(effort, year)?])
}

struct Asking(Child);

impl Drop for Asking {
    fn drop(&mut self) {
        // It runs for as long as this lives; one that has ended is only waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How long the writer's transactions take while the heaviest question is asked again and again, and while it is not.
fn delay(effort: &Effort, year: &Year) -> anyhow::Result<Table> {
    let dir = tempfile::tempdir()?;
    let places = Places::open(&[&effort.places], dir.path())?;
    let until = UnixMillis(year.plan.until.0 + 2 * 86_400_000);
    let mut days = Days::new(Plan { days: 2, until, ..year.plan }, &places)?;
    let mut records = Vec::new();
    while let Some(day) = days.next(None)? {
        records.extend(day);
    }
    let mut buckets = records.chunk_by(|one, other| one.bucket_start == other.bucket_start);
    let mut history = History::open(&year.own)?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..effort.choose(6, 1) {
        write_some(&mut history, &mut buckets, &mut alone)?;
        let asking = child(Asked::Remotes, &year.own, false, 0)?.stdout(Stdio::null()).spawn()?;
        let _asking = Asking(asking);
        std::thread::sleep(Duration::from_millis(200));
        write_some(&mut history, &mut buckets, &mut beside)?;
    }
    if beside.is_empty() {
        bail!("there were no records left to write");
    }
    let mut table = Table::new(&["transactions of a bucket", "median, ms", "99 of 100, ms", "longest, ms"]);
    for (name, mut times) in
        [("nobody asks", alone), ("all remote addresses are asked for, again and again", beside)]
    {
        times.sort_by(f64::total_cmp);
        let at =
            |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied().unwrap_or(0.0);
        table.row(&[
            name.to_owned(),
            format!("{:.2}", at(50)),
            format!("{:.2}", at(99)),
            format!("{:.2}", at(100)),
        ]);
    }
    table.note("In turns of 200, each with 10 ms of rest before it. The target: by no more than a tick, which is a second.");
    Ok(table)
}

fn write_some<'r>(
    history: &mut History,
    buckets: &mut impl Iterator<Item = &'r [Record]>,
    times: &mut Vec<f64>,
) -> anyhow::Result<()> {
    for bucket in buckets.take(200) {
        std::thread::sleep(Duration::from_millis(10));
        let begin = Instant::now();
        history.write(bucket)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}
