//! What is forgotten to its end although somebody is killed, or an error comes.

use std::fs;

use portolan_core::{ApplicationKey, Dimension, FindingKind, NameSource, Uid, UnixMillis};

use super::{
    forgetting_tests::forget_all,
    keeping_tests::{DAY, MINUTE, START, assert_whole, at, count, level, to_host},
};
use crate::{
    ForgetError, Limits, NewFinding, Question, Record, Subject,
    block::Level,
    language::{self, Condition, Field, Filter, MAX_CHARACTERS, Query, Wanted},
    world::{Place, endpoint, executable, lineage, name, program, record},
};

fn query(text: &str) -> Query {
    language::parse(text, &jiff::Zoned::now()).unwrap()
}

/// Whether any file of the history has this text.
fn has(place: &Place, secret: &str) -> bool {
    fs::read_dir(place.dir.path()).unwrap().any(|file| {
        let content = fs::read(file.unwrap().path()).unwrap();
        content.windows(secret.len()).any(|part| part == secret.as_bytes())
    })
}

#[test]
fn whoever_is_killed_while_forgetting_goes_on_and_then_nobody_knows_what_it_was() {
    let place = Place::new();
    let mut history = place.history();
    let batch: Vec<_> = (0..300_u32)
        .map(|n| to_host(START + i64::from(n) * 15 * MINUTE, u8::try_from(n % 2).unwrap()))
        .collect();
    history.write(&batch).unwrap();
    let domain = Wanted::Below("host-1.example.net".parse().unwrap());
    let filter = Filter::Has(Condition { field: Field::Of(Dimension::Domain), wanted: domain });
    let query = Query { filter, ..Query::default() };
    let mut steps = 0;
    let mut what = history.begin_forgetting(&query, |_, _| None, Uid(7), UnixMillis(START)).unwrap();
    loop {
        // Further each time.
        let is_done = (0..=steps).any(|_| !history.forget(&mut what).unwrap());
        drop(history);
        history = place.history();
        let Some(again) = history.resume_forgetting(|_, _| None).unwrap() else {
            assert!(is_done);
            break;
        };
        (what, steps) = (again, steps + 1);
        // What comes meanwhile is not meant.
        history.write(&[to_host(START + 100 * DAY + i64::from(steps) * 10_000, 2)]).unwrap();
    }
    assert!(steps > 4, "{steps}");
    let reader = place.reader();
    assert_eq!(reader.forgotten().unwrap().len(), 1);
    let by = vec![Dimension::Domain];
    let left = reader.answer(&Question { by, top: 9, ..Question::default() }, &Limits::default()).unwrap();
    let left: Vec<_> = left.groups.iter().map(|group| group.keys["domain"].clone()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    drop(history);
    assert!(!has(&place, "host-1.ex"));
}

/// A program that talked to one host only, with a finding about that.
fn secret(time: i64) -> (Record, NewFinding) {
    let host = || name("secret-host.example.org", NameSource::Tls, false);
    let record = Record {
        owner: program(&lineage(executable("/opt/secret-program", 9), None)),
        remote: Some(endpoint("198.51.100.9", 443)),
        name: Some(host()),
        ..at(time, record())
    };
    let subject = Subject {
        application: "path:/opt/secret-program".parse().unwrap(),
        executable: executable("/opt/secret-program", 9),
        previous_sha256: None,
        parent: None,
        uid: Uid(1000),
        remote: None,
        remote_name: Some(host()),
    };
    let detail = "it talked to secret-host.example.org".to_owned();
    let finding = NewFinding::about_the_daemon(FindingKind::NewApplication, UnixMillis(time), detail);
    (record, NewFinding { subject: Some(subject), ..finding })
}

#[test]
fn what_has_nothing_left_goes_at_whichever_step_somebody_is_killed() {
    let application: ApplicationKey = "path:/opt/secret-program".parse().unwrap();
    for killed_after in 0.. {
        let place = Place::new();
        let mut history = place.history();
        let (record, finding) = secret(START);
        history.write(&[record, to_host(START, 1), to_host(START + 2 * DAY, 1)]).unwrap();
        history.raise(&finding).unwrap();
        // What a peer has is not kept of an application: only what was deleted says whose it was.
        let by_remote = query("remote:198.51.100.9");
        let mut what =
            history.begin_forgetting(&by_remote, |_, _| None, Uid(7), UnixMillis(START + 3 * DAY)).unwrap();
        let is_done = (0..killed_after).any(|_| !history.forget(&mut what).unwrap());
        let mut gone = what.take_gone();
        drop(history);
        history = place.history();
        if let Some(mut what) = history.resume_forgetting(|_, _| None).unwrap() {
            assert!(!is_done);
            forget_all(&mut history, &mut what);
            gone.extend(what.take_gone());
        }
        assert_eq!(gone, std::slice::from_ref(&application), "{killed_after}");
        assert!(place.reader().findings(true, None).unwrap().is_empty(), "{killed_after}");
        for table in ["forgetting", "forgetting_application", "forgetting_domain"] {
            assert_eq!(count(&history.connection, table), 0, "{table} {killed_after}");
        }
        assert_whole(&place);
        drop(history);
        assert!(!has(&place, "secret"), "{killed_after}");
        if is_done {
            assert!(killed_after > 8, "{killed_after}");
            return;
        }
    }
}

#[test]
fn who_goes_on_does_not_take_what_came_after_it_was_asked() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[secret(START).0, to_host(START, 1)]).unwrap();
    let asked = UnixMillis(START + MINUTE);
    history.begin_forgetting(&query("app:secret-program"), |_, _| None, Uid(7), asked).unwrap();
    drop(history);
    history = place.history();
    history.write(&[secret(START + DAY).0]).unwrap();
    let mut what = history.resume_forgetting(|_, _| None).unwrap().unwrap();
    forget_all(&mut history, &mut what);
    let left: Vec<_> = level(&history.connection, Level::Bucket).into_iter().collect();
    assert_eq!(
        left.iter().map(|(start, rows)| (*start, rows.len())).collect::<Vec<_>>(),
        [(START, 1), (START + DAY, 1)]
    );
    assert_whole(&place);
}

#[test]
fn all_that_was_begun_is_gone_on_with_the_oldest_first() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[to_host(START, 1), to_host(START, 2), secret(START).0]).unwrap();
    // The second one is longer than a query that is read may be, where it is written down.
    let long = format!("domain:host-2.example.net or command:\"{}\"", "\u{200b}".repeat(MAX_CHARACTERS / 2));
    let now = UnixMillis(START + DAY);
    for text in ["domain:host-1.example.net", &long, "app:secret-program"] {
        history.begin_forgetting(&query(text), |_, _| None, Uid(7), now).unwrap();
    }
    history
        .connection
        .execute(
            "UPDATE forgetting SET query = 'cuontry:(' WHERE note = (SELECT max(note) FROM forgetting)",
            [],
        )
        .unwrap();
    drop(history);
    history = place.history();
    for host in [1, 2] {
        assert!(has(&place, &format!("host-{host}.ex")), "{host}");
        let mut what = history.resume_forgetting(|_, _| None).unwrap().unwrap();
        forget_all(&mut history, &mut what);
        assert!(!has(&place, &format!("host-{host}.ex")), "{host}");
    }
    // What cannot be read is said, once.
    assert!(matches!(history.resume_forgetting(|_, _| None), Err(ForgetError::Unreadable)));
    assert!(history.resume_forgetting(|_, _| None).unwrap().is_none());
    assert_whole(&place);
}

#[test]
fn what_cannot_be_kept_is_not_begun() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[to_host(START, 1)]).unwrap();
    history
        .connection
        .execute_batch(
            "CREATE TEMP TRIGGER no BEFORE INSERT ON forgetting BEGIN SELECT RAISE(FAIL, 'no'); END",
        )
        .unwrap();
    let begun = history.begin_forgetting(&query(""), |_, _| None, Uid(7), UnixMillis(START + DAY));
    assert!(begun.is_err());
    assert_eq!(count(&history.connection, "forgotten"), 0);
}
