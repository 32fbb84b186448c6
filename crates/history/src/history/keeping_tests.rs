//! What is deleted, and what must not be.

use std::{collections::BTreeMap, fs, time::Duration};

use portolan_core::{ApplicationKey, Bytes, FindingKind, ReviewState, Uid, UnixMillis};
use rusqlite::Connection;

use crate::{
    Forgetting, History, NewFinding, Record, Retention, Subject,
    block::{Level, Moved},
    tables::block,
    world::{Dice, Place, endpoint, executable, lineage, name, program, record, records},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
const START: i64 = 1_699_920_000_000;

fn at(time: i64, record: Record) -> Record {
    let start = UnixMillis(time - time.rem_euclid(10_000));
    Record { bucket_start: start, first: start, last: start, ..record }
}

/// All of a level, by interval.
fn level(connection: &Connection, level: Level) -> BTreeMap<i64, Vec<Moved>> {
    let mut all: BTreeMap<i64, Vec<Moved>> = BTreeMap::new();
    block::each(connection, level, i64::MIN..=i64::MAX, |head, rows| {
        all.entry(head.start_ms).or_default().extend(rows?);
        Ok(())
    })
    .unwrap();
    all
}

fn retain_all(history: &mut History, limits: &Retention, now: i64) -> usize {
    let mut deleted = 0;
    for _ in 0..100_000 {
        let retained = history.retain(limits, UnixMillis(now), 50).unwrap();
        deleted += retained.deleted_blocks;
        if !retained.more {
            return deleted;
        }
    }
    panic!("it never ends");
}

fn forget_all(history: &mut History, what: &mut Forgetting) {
    for _ in 0..100_000 {
        if !history.forget(what).unwrap() {
            return;
        }
    }
    panic!("it never ends");
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Every actor and every peer of every block has its row, and the tables among themselves are whole.
fn assert_whole(place: &Place) {
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
fn to_host(time: i64, host: u8) -> Record {
    Record {
        remote: Some(endpoint(&format!("203.0.113.{host}"), 443)),
        name: Some(name(&format!("host-{host}.example.net"), portolan_core::NameSource::Tls, false)),
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

    // The days go, too: what only they named goes with them, but not the program, which was sighted.
    let limits = Retention {
        day: Some(Duration::from_secs(20 * 86_400)),
        hour: limits.bucket,
        minute: limits.bucket,
        ..limits
    };
    retain_all(&mut history, &limits, now + DAY);
    assert_eq!([count(&other, "domain"), count(&other, "peer"), count(&other, "actor")], [10, 10, 1]);
    // 10 remote ones and the machine's own.
    assert_eq!(count(&other, "address"), 11);
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
    retain_all(&mut history, &limits, START);
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
fn what_is_forgotten_is_nowhere_in_the_file() {
    let place = Place::new();
    let mut history = place.history();
    let secret = |time, n: u32| Record {
        owner: program(&lineage(
            executable("/opt/secret-program", 9),
            Some(lineage(executable("/usr/bin/bash", 1), None)),
        )),
        command_line: Some(format!("secret-program --number {n}").into()),
        name: Some(name(&format!("secret-host-{n}.example.org"), portolan_core::NameSource::Tls, false)),
        ..at(time, record())
    };
    for n in 0..400_u32 {
        let time = START + i64::from(n) * 20 * MINUTE;
        history.write(&[secret(time, n), to_host(time, u8::try_from(n % 200).unwrap())]).unwrap();
    }
    let application: ApplicationKey = "path:/opt/secret-program".parse().unwrap();
    let subject = Subject {
        application: application.clone(),
        executable: executable("/opt/secret-program", 9),
        previous_sha256: None,
        parent: None,
        uid: Uid(1000),
        remote: None,
        remote_name: None,
    };
    let finding = NewFinding::about_the_daemon(
        FindingKind::NewApplication,
        UnixMillis(START),
        "secret-detail".to_owned(),
    );
    history.raise(&NewFinding { subject: Some(subject), ..finding }).unwrap();
    history.review(&application, ReviewState::Approved, Uid(0), UnixMillis(START)).unwrap();
    let has_secret = || {
        let wal = place.dir.path().join("history.sqlite-wal");
        let both = [fs::read(place.path()).unwrap(), fs::read(wal).unwrap()].concat();
        both.windows(6).any(|bytes| bytes == b"secret")
    };
    assert!(has_secret());
    let actors: Vec<u32> = {
        let mut actors = history
            .connection
            .prepare("SELECT actor.id FROM actor JOIN application a ON a.id = application_id WHERE key LIKE '%secret%'")
            .unwrap();
        actors.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(actors.len(), 400);
    let before: Vec<_> = Level::ALL
        .map(|of| {
            level(&history.connection, of)
                .into_values()
                .flatten()
                .filter(|row| !actors.contains(&row.actor))
                .collect::<Vec<_>>()
        })
        .into();
    let secrets = actors.clone();
    let fits = Box::new(move |actor: u32, _| secrets.contains(&actor));
    let mut what = history.begin_forgetting(i64::MIN..i64::MAX, fits, Uid(1000), UnixMillis(7)).unwrap();
    let mut steps = 0;
    while history.forget(&mut what).unwrap() {
        steps += 1;
        assert!(steps < 10_000);
        if steps % 5 == 0 {
            history.write(&[to_host(START + 400 * 20 * MINUTE, 250)]).unwrap();
        }
    }
    assert!(!has_secret(), "after {steps} steps");
    let after: Vec<_> = Level::ALL
        .map(|of| level(&history.connection, of).into_values().flatten().collect::<Vec<_>>())
        .into();
    for (before, after) in before.iter().zip(&after).skip(1) {
        assert!(after.starts_with(&before[..before.len() - 1]));
    }
    assert!(place.reader().findings(true, None).unwrap().is_empty());
    assert_eq!(history.known_applications().unwrap().len(), 1);
    let [forgotten] = place.reader().forgotten().unwrap()[..] else { panic!() };
    assert_eq!((forgotten.at, forgotten.by), (UnixMillis(7), Uid(1000)));
    assert!(forgotten.rows > 1000 && forgotten.bytes > 1000, "{forgotten:?}");
    assert_whole(&place);
}

#[test]
fn a_part_of_a_day_is_forgotten_and_the_rest_of_it_is_not() {
    let place = Place::new();
    let mut history = place.history();
    let mut all = Vec::new();
    for n in 0..1000_i64 {
        let record = Record {
            bytes: Bytes { tx: u64::try_from(n).unwrap(), rx: 1 },
            ..to_host(START + n * 7 * MINUTE, u8::try_from(n % 2).unwrap())
        };
        all.push(record);
    }
    history.write(&all).unwrap();
    let peer: u32 = history
        .connection
        .query_row(
            "SELECT peer.id FROM peer JOIN domain d ON d.id = domain_id WHERE d.name LIKE 'host-1.%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let times = START + DAY + 333_333..START + 3 * DAY + 4_444_444;
    let mut what = history
        .begin_forgetting(times.clone(), Box::new(move |_, of| of == peer), Uid(0), UnixMillis(0))
        .unwrap();
    forget_all(&mut history, &mut what);
    let kept = |n: usize, record: &Record| n % 2 == 0 || !times.contains(&record.bucket_start.0);
    for of in Level::ALL {
        let mut expected: BTreeMap<(i64, bool), u64> = BTreeMap::new();
        let until = all.last().unwrap().bucket_start.0;
        let until = if of == Level::Bucket { i64::MAX } else { of.start_of(until) };
        for (n, record) in all.iter().enumerate().filter(|(n, record)| kept(*n, record)) {
            if record.bucket_start.0 < until {
                *expected.entry((of.start_of(record.bucket_start.0), n % 2 == 1)).or_default() +=
                    record.bytes.tx;
            }
        }
        let mut found: BTreeMap<(i64, bool), u64> = BTreeMap::new();
        for (start, rows) in level(&history.connection, of) {
            rows.iter().for_each(|row| *found.entry((start, row.peer == peer)).or_default() += row.tx);
        }
        assert_eq!(found, expected, "{of:?}");
    }
    assert_whole(&place);
}
