//! What a person does not want to be known any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use portolan_core::{
    ApplicationKey, Bytes, Dimension, FindingKind, NameSource, ReviewState, Uid, UnixMillis,
};

use super::keeping_tests::{DAY, MINUTE, START, assert_whole, at, count, level, to_host};
use crate::{
    ForgetError, Forgetting, History, NewFinding, Record, Subject,
    block::Level,
    forget::{Fits, Meant},
    language::{self, Condition, Field, Filter, Query, Wanted},
    world::{Place, executable, lineage, name, program, record},
};

fn rows(times: std::ops::Range<i64>, fits: Fits) -> Meant {
    Meant { times, fits, applications: BTreeSet::new(), domains: BTreeSet::new() }
}

fn begin(history: &mut History, meant: Meant, by: Uid, now: UnixMillis) -> Forgetting {
    history.begin_forgetting_what(meant, &Query::default(), by, now).unwrap()
}

pub(super) fn forget_all(history: &mut History, what: &mut Forgetting) {
    for _ in 0..100_000 {
        if !history.forget(what).unwrap() {
            return;
        }
    }
    panic!("it never ends");
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
        name: Some(name(&format!("secret-host-{n}.example.org"), NameSource::Tls, false)),
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
    let mut what = begin(&mut history, rows(i64::MIN..i64::MAX, fits), Uid(1000), UnixMillis(7));
    let mut steps = 0;
    while history.forget(&mut what).unwrap() {
        steps += 1;
        assert!(steps < 10_000);
        if steps % 5 == 0 {
            history.write(&[to_host(START + 400 * 20 * MINUTE, 250)]).unwrap();
        }
    }
    assert!(!has_secret(), "after {steps} steps");
    assert_eq!(what.take_gone(), [application]);
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
fn a_name_that_is_forgotten_as_a_whole_is_in_no_finding_of_another_application() {
    let place = Place::new();
    let mut history = place.history();
    let named = |time, n: u32| Record {
        name: Some(name(&format!("secret-host-{n}.example.org"), NameSource::Tls, false)),
        ..at(time, record())
    };
    history.write(&[named(START, 1), named(START, 2), named(START + DAY, 2)]).unwrap();
    for n in 1..=2 {
        let subject = Subject {
            application: format!("path:/usr/bin/other-{n}").parse().unwrap(),
            executable: executable(&format!("/usr/bin/other-{n}"), 3),
            previous_sha256: None,
            parent: None,
            uid: Uid(1000),
            remote: None,
            remote_name: Some(name(&format!("secret-host-{n}.example.org"), NameSource::Tls, true)),
        };
        let detail = format!("it ran curl https://secret-host-{n}.example.org/");
        let finding =
            NewFinding::about_the_daemon(FindingKind::ChangedExecutable, UnixMillis(i64::from(n)), detail);
        let mut finding = NewFinding { subject: Some(subject), ..finding };
        finding.evidence.unidentified = vec![format!("https://secret-host-{n}.example.org:443/").into()];
        history.raise(&finding).unwrap();
    }
    let has = |secret: &str| {
        let wal = place.dir.path().join("history.sqlite-wal");
        let both = [fs::read(place.path()).unwrap(), fs::read(wal).unwrap()].concat();
        both.windows(secret.len()).any(|bytes| bytes == secret.as_bytes())
    };
    assert!(has("secret-host-1") && has("secret-host-2"));
    let query = |text: &str| language::parse(text, &jiff::Zoned::now()).unwrap();
    let mut forget = |times: std::ops::Range<i64>, text: &str| {
        let query = Query {
            since: Some(UnixMillis(times.start)).filter(|since| since.0 > i64::MIN),
            until: Some(UnixMillis(times.end)).filter(|until| until.0 < i64::MAX),
            ..query(text)
        };
        let mut what = history.begin_forgetting(&query, |_, _| None, Uid(0), UnixMillis(i64::MAX)).unwrap();
        forget_all(&mut history, &mut what);
        what.take_gone().len()
    };
    assert_eq!(forget(i64::MIN..i64::MAX, "domain:secret-host-1.example.org"), 0);
    assert!(!has("secret-host-1"));
    // Of the other one, a part is still there.
    assert_eq!(forget(i64::MIN..START + DAY / 2, "domain:secret-host-2.example.org"), 0);
    assert!(has("secret-host-2"));
    let findings = place.reader().findings(true, None).unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|row| {
            let name = row.finding.subject.as_ref().unwrap().remote_name.as_ref();
            (row.finding.detail.clone().unwrap(), name.is_some())
        })
        .collect();
    assert!(told.contains(&("it ran curl https://***/".to_owned(), false)), "{told:?}");
    assert!(told.iter().any(|(_, has_name)| *has_name), "{told:?}");
    assert_eq!(forget(i64::MIN..i64::MAX, "domain:secret-host-2.example.org"), 1, "who talked with it alone");
    assert!(!has("secret-host"));
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
    let meant = rows(times.clone(), Box::new(move |_, of| of == peer));
    let mut what = begin(&mut history, meant, Uid(0), UnixMillis(0));
    forget_all(&mut history, &mut what);
    let kept = |n: usize, record: &Record| n.is_multiple_of(2) || !times.contains(&record.bucket_start.0);
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

#[test]
fn what_a_query_finds_is_forgotten() {
    let place = Place::new();
    let mut history = place.history();
    history
        .write(&[to_host(START, 1), to_host(START, 2), to_host(START + DAY, 1), to_host(START + 2 * DAY, 2)])
        .unwrap();
    let query = |field, wanted| Query {
        filter: Filter::Has(Condition { field, wanted }),
        until: Some(UnixMillis(START + DAY)),
        ..Query::default()
    };
    let by_port = query(Field::AnyPort, Wanted::Known);
    let refused = history.begin_forgetting(&by_port, |_, _| None, Uid(0), UnixMillis(0));
    assert!(matches!(refused, Err(ForgetError::ByEnd)), "{refused:?}");
    let domain = Wanted::Below("host-1.example.net".parse().unwrap());
    let query = query(Field::Of(Dimension::Domain), domain);
    let mut what = history.begin_forgetting(&query, |_, _| None, Uid(0), UnixMillis(0)).unwrap();
    forget_all(&mut history, &mut what);
    let rows = |of| level(&history.connection, of).values().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(rows(Level::Bucket), [1, 1, 1]);
    assert_eq!(rows(Level::Day), [1, 1]);
    assert_eq!(count(&history.connection, "forgotten"), 1);
    assert_whole(&place);
}

/// All rows of a level, as sums of the one above it.
fn summed(connection: &rusqlite::Connection, of: Level, above: Level) -> BTreeMap<(i64, u32, u32), [u64; 3]> {
    let mut sums: BTreeMap<_, [u64; 3]> = BTreeMap::new();
    for (start, rows) in level(connection, of) {
        for row in rows {
            let sum = sums.entry((above.start_of(start), row.actor, row.peer)).or_default();
            sum.iter_mut().zip([row.tx, row.rx, row.flows]).for_each(|(sum, number)| *sum += number);
        }
    }
    sums
}

#[test]
fn what_is_written_meanwhile_is_in_every_level_or_in_none() {
    let place = Place::new();
    let mut history = place.history();
    // Several steps for each level.
    let end = 3000;
    let hosts = |n| (0..30).map(move |host| to_host(START + n * 2 * MINUTE, host));
    history.write(&(0..end).flat_map(hosts).collect::<Vec<_>>()).unwrap();
    let now = START + (end - 1) * 2 * MINUTE + 5000;
    let everything = Query::default();
    let mut what = history.begin_forgetting(&everything, |_, _| None, Uid(0), UnixMillis(now)).unwrap();
    let (mut step, mut dice) = (0, crate::world::Dice(5));
    loop {
        step += 1;
        // To the open bucket, late to any of those before, and to a new one each time, so that minutes and hours end meanwhile.
        let late = START + i64::try_from(dice.below(u64::try_from(end).unwrap())).unwrap() * 2 * MINUTE;
        let new = now + 5000 + step * 7 * MINUTE;
        history.write(&[to_host(now - 5000, 1), to_host(late, 2), to_host(new, 3)]).unwrap();
        if !history.forget(&mut what).unwrap() {
            break;
        }
        assert!(step < 10_000);
    }
    assert!(step > 10, "{step}");
    history.write(&[to_host(now + 1000 * DAY, 4)]).unwrap();
    let sums: Vec<_> = Level::ALL
        .windows(2)
        .map(|pair| {
            let [below, above] = pair else { panic!() };
            (summed(&history.connection, *below, *above), summed(&history.connection, *above, *above))
        })
        .collect();
    for (at, (mut below, above)) in sums.into_iter().enumerate() {
        // The last one is open.
        below.retain(|(start, ..), _| *start < now + 999 * DAY);
        assert_eq!(below, above, "level {at}");
    }
    let begun: usize =
        level(&history.connection, Level::Bucket).range(now..).map(|(_, rows)| rows.len()).sum();
    assert_eq!(begun, usize::try_from(step).unwrap() + 1, "nothing is forgotten that began later");
    assert_whole(&place);
}

#[test]
fn what_a_clock_that_was_ahead_wrote_is_forgotten_too() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[to_host(START, 1), to_host(START + 5 * DAY, 1)]).unwrap();
    let mut what =
        history.begin_forgetting(&Query::default(), |_, _| None, Uid(0), UnixMillis(START + MINUTE)).unwrap();
    forget_all(&mut history, &mut what);
    assert!(level(&history.connection, Level::Bucket).is_empty());
}

#[test]
fn who_reads_the_log_holds_up_nothing_but_the_last_traces() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[at(START, record())]).unwrap();
    let reader = rusqlite::Connection::open(place.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM block").unwrap();
    let meant = rows(i64::MIN..i64::MAX, Box::new(|_, _| true));
    let mut what = begin(&mut history, meant, Uid(0), UnixMillis(7));
    let begun = Instant::now();
    for _ in 0..100_000 {
        assert!(history.forget(&mut what).unwrap(), "it is in the log");
        if what.is_held() {
            break;
        }
    }
    assert!(what.is_held() && history.forget(&mut what).unwrap());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    history.write(&[at(START, record())]).unwrap();
    drop(reader);
    forget_all(&mut history, &mut what);
    assert!(!what.is_held());
}
