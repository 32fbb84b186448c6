//! What is deleted, and what must not be.

use std::{collections::BTreeMap, time::Duration};

use portolan_core::{NameSource, UnixMillis};
use rusqlite::Connection;

use crate::{
    History, Record, Retention,
    block::{Level, Moved},
    tables::block,
    world::{Dice, Place, endpoint, name, record, records},
};

pub(super) const MINUTE: i64 = 60_000;
pub(super) const DAY: i64 = 86_400_000;
pub(super) const START: i64 = 1_699_920_000_000;

pub(super) fn at(time: i64, record: Record) -> Record {
    let start = UnixMillis(time - time.rem_euclid(10_000));
    Record { bucket_start: start, first: start, last: start, ..record }
}

/// All of a level, by interval.
pub(super) fn level(connection: &Connection, level: Level) -> BTreeMap<i64, Vec<Moved>> {
    let mut all: BTreeMap<i64, Vec<Moved>> = BTreeMap::new();
    block::each(connection, level, i64::MIN..=i64::MAX, |head, rows| {
        all.entry(head.start_ms).or_default().extend(rows?);
        Ok(())
    })
    .unwrap();
    all
}

fn retain_all(history: &mut History, limits: &Retention, now: i64) -> usize {
    retain_in_steps(history, limits, now, 50)
}

fn retain_in_steps(history: &mut History, limits: &Retention, now: i64, step: usize) -> usize {
    let mut deleted = 0;
    for _ in 0..100_000 {
        let retained = history.retain(limits, UnixMillis(now), step).unwrap();
        deleted += retained.deleted_blocks;
        if !retained.more {
            return deleted;
        }
    }
    panic!("it never ends");
}

pub(super) fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Every actor and every peer of every block has its row, and the tables among themselves are whole.
pub(super) fn assert_whole(place: &Place) {
    place.assert_sound();
    let connection = Connection::open(place.path()).unwrap();
    for of in Level::ALL {
        for row in level(&connection, of).into_values().flatten() {
            for (table, number) in [("actor", row.actor), ("peer", row.peer)] {
                let sql = format!("SELECT 1 FROM {table} WHERE id = ?1");
                assert!(
                    connection.prepare_cached(&sql).unwrap().exists([number]).unwrap(),
                    "{table} {number} {of:?}"
                );
            }
        }
    }
}

/// Curl, to a host of its own.
pub(super) fn to_host(time: i64, host: u8) -> Record {
    Record {
        remote: Some(endpoint(&format!("203.0.113.{host}"), 443)),
        name: Some(name(&format!("host-{host}.example.net"), NameSource::Tls, false)),
        ..at(time, record())
    }
}

#[test]
fn what_is_too_old_goes_and_its_sums_stay() {
    let place = Place::new();
    let mut history = place.history();
    let batch: Vec<_> = (0..4000_u32)
        .map(|n| to_host(START + i64::from(n) * 15 * MINUTE, u8::try_from(n / 200).unwrap()))
        .collect();
    batch.chunks(100).for_each(|batch| history.write(batch).unwrap());
    let other = Connection::open(place.path()).unwrap();
    let before = Level::ALL.map(|of| level(&other, of));
    let pages = |history: &History| -> i64 {
        history.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
    };
    let size = pages(&history);
    let now = START + 42 * DAY;
    let limits = Retention { hour: Some(Duration::from_secs(40 * 86_400)), ..Retention::default() };
    assert!(retain_all(&mut history, &limits, now) > 3000);
    let after = Level::ALL.map(|of| level(&other, of));
    for (of, days) in [(0, 7), (1, 30), (2, 40), (3, 10_000)] {
        let width = [MINUTE, 60 * MINUTE, DAY, 1][of];
        let cut = (now - days * DAY).div_euclid(width) * width;
        let expected: BTreeMap<_, _> =
            before[of].range(cut..).map(|(start, rows)| (*start, rows.clone())).collect();
        assert!(after[of] == expected && (of == 3 || expected.len() < before[of].len()), "level {of}");
    }
    assert_eq!(count(&other, "domain"), 20, "days know them still");
    assert!(pages(&history) < size);
    assert_whole(&place);
    let info = place.reader().info().unwrap();
    assert_eq!(info.first_bucket, Some(UnixMillis(START)), "the day knows when it began");
    let held = place.reader().levels().unwrap();
    for (of, held) in Level::ALL.into_iter().zip(held) {
        let level = &after[usize::from(of.number())];
        assert_eq!(
            (held.first, held.blocks),
            (level.keys().next().copied().map(UnixMillis), u64::try_from(level.len()).unwrap())
        );
        assert!(held.bytes > held.blocks * 20, "{held:?}");
    }

    // The days go, too: what only they named goes with them, but not the program, which was sighted.
    let limits = Retention {
        day: Some(Duration::from_secs(20 * 86_400)),
        hour: limits.bucket,
        minute: limits.bucket,
        ..limits
    };
    retain_all(&mut history, &limits, now + DAY);
    assert_eq!([count(&other, "domain"), count(&other, "peer"), count(&other, "actor")], [9, 9, 1]);
    // 9 remote ones and the machine's own.
    assert_eq!(count(&other, "address"), 10);
    assert_eq!([count(&other, "application"), count(&other, "executable")], [1, 2]);
    assert_whole(&place);
    history.write(&batch[..50]).unwrap();
    assert_whole(&place);
}

#[test]
fn nothing_goes_before_its_sum_is_made() {
    let place = Place::new();
    let mut history = place.history();
    history
        .write(&[to_host(START, 1), to_host(START + 5 * MINUTE, 2), to_host(START + 5 * MINUTE + 20_000, 3)])
        .unwrap();
    let none = Some(Duration::ZERO);
    let limits = Retention { bucket: none, minute: none, hour: none, day: none, max_bytes: 0 };
    retain_all(&mut history, &limits, START + 4000 * DAY);
    let left = |of| level(&history.connection, of).into_keys().collect::<Vec<_>>();
    assert_eq!(left(Level::Bucket), [START + 5 * MINUTE, START + 5 * MINUTE + 20_000]);
    assert_eq!(left(Level::Minute), [START]);
    assert_whole(&place);
}

#[test]
fn a_file_that_is_too_large_loses_the_oldest_of_the_finest_first() {
    let place = Place::new();
    let mut history = place.history();
    for n in 0..40 {
        let mut batch = records(&mut Dice(u64::try_from(n).unwrap() + 1), 200);
        batch.iter_mut().for_each(|record| *record = at(START + n * 7 * 60 * MINUTE, record.clone()));
        history.write(&batch).unwrap();
    }
    let newest = *level(&history.connection, Level::Bucket).last_key_value().unwrap().0;
    let days = level(&history.connection, Level::Day);
    let ages = Retention { bucket: None, minute: None, hour: None, day: None, max_bytes: 0 };
    let used = || {
        let connection = Connection::open(place.path()).unwrap();
        connection
            .query_row(
                "SELECT 4096 * (page_count - freelist_count) FROM pragma_page_count, pragma_freelist_count",
                [],
                |row| row.get::<_, i64>(0),
            )
            .unwrap()
    };
    let limits = Retention { max_bytes: u64::try_from(used()).unwrap() - 50_000, ..ages };
    retain_in_steps(&mut history, &limits, START, 2);
    assert!(u64::try_from(used()).unwrap() <= limits.max_bytes);
    let left = [Level::Bucket, Level::Minute, Level::Hour, Level::Day]
        .map(|of| level(&history.connection, of).len());
    assert!(left[0] > 1 && left[0] < 40 && left[1] == 39, "{left:?}");
    assert_eq!(level(&history.connection, Level::Bucket).last_key_value().unwrap().0, &newest);
    retain_all(&mut history, &ages, START);
    assert_eq!(
        *level(&history.connection, Level::Day).keys().next_back().unwrap(),
        *days.keys().next_back().unwrap()
    );
    assert_eq!(level(&history.connection, Level::Bucket).keys().next_back().unwrap(), &newest);
    assert_whole(&place);
}

#[test]
fn what_is_written_while_unused_numbers_are_looked_for_keeps_its_numbers() {
    let place = Place::new();
    let mut history = place.history();
    let mut dice = Dice(77);
    let limits = Retention {
        day: Some(Duration::from_secs(86_400)),
        bucket: Some(Duration::ZERO),
        minute: Some(Duration::ZERO),
        hour: Some(Duration::ZERO),
        ..Retention::default()
    };
    for round in 0..12 {
        let now = START + round * 3 * DAY;
        let mut batch = records(&mut dice, 150);
        batch.iter_mut().enumerate().for_each(|(n, record)| {
            *record = at(now, record.clone());
            record.command_line = Some(format!("round {} {}", dice.below(30), n % 7).into());
        });
        history.write(&batch).unwrap();
        let mut other = place.history();
        for turn in 0..400 {
            let retained = history.retain(&limits, UnixMillis(now + DAY), 3).unwrap();
            // Again what is in the caches, and may be about to go; by this writer and by another.
            let again = to_host(now + 10_000, u8::try_from(dice.below(200)).unwrap());
            let some = [again, batch[usize::try_from(dice.below(150)).unwrap()].clone()];
            match turn % 7 {
                0 | 3 => history.write(&some).unwrap(),
                5 if round % 3 == 0 && turn < 50 => other.write(&some).unwrap(),
                _ => {}
            }
            if !retained.more && turn > 100 {
                break;
            }
        }
        assert_whole(&place);
    }
    let commands: i64 = history
        .connection
        .query_row("SELECT count(*) FROM text WHERE value LIKE 'round %'", [], |row| row.get(0))
        .unwrap();
    assert!(commands < 200, "{commands}");
}

#[test]
fn numbers_that_another_writer_deleted_are_not_taken_from_the_memory() {
    let place = Place::new();
    let (mut history, mut other) = (place.history(), place.history());
    history.write(&[to_host(START, 1), to_host(START + 2 * DAY, 2), to_host(START + 3 * DAY, 2)]).unwrap();
    let none = Some(Duration::ZERO);
    let limits = Retention { bucket: none, minute: none, hour: none, day: none, ..Retention::default() };
    retain_all(&mut other, &limits, START + 10 * DAY);
    assert_eq!(count(&other.connection, "peer"), 1);
    history.write(&[to_host(START + 3 * DAY, 1)]).unwrap();
    assert_eq!(count(&other.connection, "peer"), 2);
    assert_whole(&place);
}

#[test]
fn numbers_that_are_remembered_are_forgotten_only_when_some_are_deleted() {
    let place = Place::new();
    let mut history = place.history();
    let other = Record { uid: portolan_core::Uid(7), ..record() };
    history.write(&[at(START, other), at(START + DAY, record())]).unwrap();
    history.connection.execute("DELETE FROM block WHERE start_ms < ?1", [START + DAY]).unwrap();
    history.keeping.sweep = Some(crate::unused::Sweep::new());
    let (mut marking, mut deleted) = (0, 0);
    while history.keeping.sweep.is_some() {
        assert!(!history.interner.actors.is_empty());
        let retained = history.retain(&Retention::default(), UnixMillis(START + DAY), 50).unwrap();
        assert_eq!(history.interner.actors.is_empty(), retained.deleted_numbers > 0);
        marking += usize::from(retained.deleted_numbers == 0);
        deleted += retained.deleted_numbers;
        history.write(&[at(START + DAY, record())]).unwrap();
    }
    assert!(marking > 4 && deleted > 0, "{marking} {deleted}");
}
