//! Power that fails while rows are written.

use std::{
    env,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use portolan_core::{Bytes, Dimension, UnixMillis};
use portolan_history::{Checkpoint, History, Limits, Question, Reader, Record};

use crate::{
    disk::Disk,
    world::{BUCKET_MS, Dice, everything, record, service},
};

/// Rows of one transaction.
const ROWS: u64 = 50;

/// Where the command line says which transaction it was, and the bytes which row.
fn transaction(number: u64) -> (Vec<Record>, Checkpoint) {
    let start = UnixMillis(i64::try_from(number).unwrap() * i64::from(BUCKET_MS));
    let records = (0..ROWS).map(|row| Record {
        bucket_start: start,
        first: start,
        last: start,
        command_line: Some(format!("transaction {number}").into()),
        service_port: Some(u16::try_from(number % 1000 * 60 + row).unwrap()),
        bytes: Bytes { tx: number + 1, rx: row },
        ..record()
    });
    let checkpoint = Checkpoint {
        journal: 1,
        epoch: number,
        tables: 1,
        accounted: Bytes::default(),
        waiting: Bytes::default(),
    };
    (records.collect(), checkpoint)
}

/// The transactions that are there, each of which must be whole and there once; and the checkpoint.
fn found(path: &Path) -> (u64, Option<u64>) {
    let history = History::open(path).unwrap();
    let epoch = history.checkpoint().unwrap().map(|checkpoint| checkpoint.epoch);
    let question = Question { by: vec![Dimension::Command], ..everything() };
    let rows = Reader::open(path)
        .unwrap()
        .naming_services(service)
        .unwrap()
        .answer(&question, &Limits::default())
        .unwrap()
        .groups;
    let mut numbers: Vec<u64> = rows
        .iter()
        .map(|row| {
            let number: u64 = row.keys["command"].strip_prefix("transaction ").unwrap().parse().unwrap();
            let whole = Bytes { tx: ROWS * (number + 1), rx: ROWS * (ROWS - 1) / 2 };
            assert_eq!((row.sum.bytes, row.sum.flows), (whole, ROWS), "transaction {number}");
            number
        })
        .collect();
    numbers.sort_unstable();
    let count = u64::try_from(numbers.len()).unwrap();
    assert!(numbers.into_iter().eq(1..=count), "one is missing");
    (count, epoch)
}

/// `PORTOLAN_POWER_CUTS=200` for more of them.
#[test]
#[ignore = "needs root"]
fn no_power_cut_loses_an_acknowledged_row_or_doubles_one() {
    let cuts: u64 = env::var("PORTOLAN_POWER_CUTS").map_or(15, |cuts| cuts.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of_blocks(folder.path(), 512);
    let path = disk.path().join("history.sqlite");
    let seed = u64::from(std::process::id()) << 20 | 0x9e37;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let acknowledged = AtomicU64::new(0);
    let (mut written, mut beyond, mut late, mut unsound) = (0, 0, 0, 0);
    for cut in 0..cuts {
        let patience = Duration::from_micros(dice.below(if cut % 4 == 0 { 20_000 } else { 250_000 }));
        let fuse = disk.fuse();
        let promised = thread::scope(|scope| {
            scope.spawn(|| {
                // The cut may come while it is opened.
                let Ok(mut history) = History::open(&path) else { return };
                let end = Instant::now() + Duration::from_secs(20);
                for number in written + 1.. {
                    assert!(Instant::now() < end, "the power was never cut");
                    let (records, checkpoint) = transaction(number);
                    if history.write_up_to(&records, Some(checkpoint)).is_err() {
                        return;
                    }
                    acknowledged.store(number, Ordering::Release);
                }
            });
            // Not waiting for luck: the moment is random.
            let begun = Instant::now();
            while begun.elapsed() < patience {
                thread::yield_now();
            }
            // What is acknowledged later is so by a machine that has no power: on its way out, ext4 lets a waiting fsync succeed.
            let promised = acknowledged.load(Ordering::Acquire);
            fuse.blow();
            promised
        });
        disk.power_on();
        let last = acknowledged.load(Ordering::Acquire);
        let (count, epoch) = found(&path);
        assert!(count >= promised, "cut {cut}: {promised} were acknowledged, {count} are there");
        assert!(count <= last + 1, "cut {cut}: {count} are there, {last} were acknowledged in the end");
        assert_eq!(epoch.unwrap_or_default(), count, "cut {cut}: the checkpoint is of another transaction");
        beyond += u64::from(count > last);
        late += u64::from(count < last);
        written = count;
        acknowledged.store(count, Ordering::Release);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let verdict: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
        unsound += u64::from(verdict != "ok");
    }
    assert_eq!(unsound, 0);
    println!(
        "{cuts} cuts, {written} transactions of {ROWS} rows are there, {beyond} of them without having been \
         acknowledged; {late} acknowledged without power are not"
    );
    assert!(written > cuts, "it hardly wrote: {written}");
}
