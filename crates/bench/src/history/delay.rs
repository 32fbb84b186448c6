//! What a question does to who records.

use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use portolan_core::UnixMillis;
use portolan_fixture::{Days, Plan};
use portolan_history::{History, Record};
use portolan_places::Places;

use super::{
    ask::{Asked, Asking},
    fill::Year,
};
use crate::{Effort, table::Table};

/// Buckets that are written in one turn.
const TURN: usize = 100;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It runs for as long as this lives; one that has ended is only waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How long the writer's transactions take while the heaviest question is asked again and again, and while it is not.
pub(super) fn table(effort: &Effort, year: &Year, places: &Places) -> anyhow::Result<Table> {
    let until = UnixMillis(year.plan.until.0 + 2 * 86_400_000);
    let mut days = Days::new(Plan { days: 2, until, ..year.plan }, places)?;
    let mut records = Vec::new();
    while let Some(day) = days.next(None)? {
        records.extend(day);
    }
    let mut buckets = records.chunk_by(|one, other| one.bucket_start == other.bucket_start);
    let mut history = History::open(&year.own)?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..effort.choose(5, 1) {
        write_some(&mut history, &mut buckets, &mut alone)?;
        let remotes =
            Asking { asked: Asked::Remotes, file: &year.own, is_peer: false, since: None, times: 0 };
        let _process = Process(remotes.command()?.stdout(Stdio::null()).spawn()?);
        thread::sleep(Duration::from_millis(200));
        write_some(&mut history, &mut buckets, &mut beside)?;
    }
    if beside.is_empty() {
        bail!("there were no records left to write");
    }
    let mut table =
        Table::new(&["transactions of a bucket", "median, ms", "95 of 100, ms", "longest, ms", "target"]);
    for (name, target, mut times) in [
        ("nobody asks", "–", alone),
        ("all remote addresses are asked for, again and again", "later by ≤ 1000 ms", beside),
    ] {
        times.sort_by(f64::total_cmp);
        let last = times.len().saturating_sub(1);
        let at = |part: usize| format!("{:.2}", times.get(last * part / 100).copied().unwrap_or(0.0));
        table.row(&[name.to_owned(), at(50), at(95), at(100), target.to_owned()]);
    }
    table.note(format!("In turns of {TURN}, each with 10 ms of rest before it. A tick is a second."));
    Ok(table)
}

fn write_some<'r>(
    history: &mut History,
    buckets: &mut impl Iterator<Item = &'r [Record]>,
    times: &mut Vec<f64>,
) -> anyhow::Result<()> {
    for bucket in buckets.take(TURN) {
        thread::sleep(Duration::from_millis(10));
        let begin = Instant::now();
        history.write(bucket)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}
