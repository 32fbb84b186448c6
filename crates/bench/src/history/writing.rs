//! How fast rows are written: many at once, and bucket by bucket as the daemon does.

use std::{fs, io::Write as _, path::Path, time::Instant};

use portolan_fixture::{Days, Plan};
use portolan_history::{History, Record};
use portolan_places::Places;

use crate::{
    figures::{Rounds, figure},
    table::Table,
};

/// Everything of one thread, each transaction on the disk before the next begins (`synchronous=FULL`).
pub(super) fn measure(plan: Plan, rounds: u32, places: &Places, folder: &Path) -> anyhow::Result<Table> {
    let mut days = Days::new(plan, places)?;
    let mut all = Vec::new();
    while let Some(day) = days.next(None)? {
        all.push(day);
    }
    let mut speed = Rounds::default();
    for round in 0..rounds {
        let path = folder.join(format!("writing-{round}.sqlite"));
        let mut history = History::open(&path)?;
        let (begin, mut rows) = (Instant::now(), 0);
        for day in &all {
            portolan_fixture::write_day(&mut history, day)?;
            rows += day.len();
        }
        speed.push(figure(u64::try_from(rows)?) / begin.elapsed().as_secs_f64());
        drop(history);
        fs::remove_file(path)?;
    }
    let buckets = all.last().map(Vec::as_slice).unwrap_or_default();
    let [ours, alone] = commits(buckets, &folder.join("commits.sqlite"))?;
    let mut table = Table::new(&["", "measured", "target"]);
    let mut row =
        |what: &str, figure: String, target: &str| table.row(&[what.to_owned(), figure, target.to_owned()]);
    row("rows a second, in transactions of an hour", speed.show(|speed| format!("{speed:.0}")), "≥ 400,000");
    row("a transaction of one bucket, median", milliseconds(ours[0]), "≤ 1 ms");
    row("the same, 95 of 100", milliseconds(ours[1]), "–");
    row("the disk alone: 4 KiB appended and fdatasync, median", milliseconds(alone[0]), "–");
    row("the same, 95 of 100", milliseconds(alone[1]), "–");
    Ok(table)
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

/// Of each bucket's transaction, and of what the disk itself takes, in turns: the median, and what 95 of 100 keep.
fn commits(records: &[Record], path: &Path) -> anyhow::Result<[[f64; 2]; 2]> {
    let mut history = History::open(path)?;
    let mut file = fs::File::create(path.with_extension("disk"))?;
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for bucket in records.chunk_by(|one, other| one.bucket_start == other.bucket_start).take(3_000) {
        let begin = Instant::now();
        history.write(bucket)?;
        ours.push(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        alone.push(begin.elapsed().as_secs_f64());
    }
    Ok([ours, alone].map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        [2, 20].map(|part| {
            seconds.get(seconds.len() - 1 - seconds.len().saturating_sub(1) / part).copied().unwrap_or(0.0)
        })
    }))
}
