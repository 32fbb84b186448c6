//! Times of which not everything is kept, and answers over time.

use std::ops::ControlFlow;

use portolan_core::{Bytes, Dimension, Uid, UnixMillis};
use portolan_history::{
    Limits, Question, ReadError, Record, Step,
    language::{Field, Query},
};

use crate::world::{Place, between, everything, has, record, which};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn at(start: i64, tx: u64) -> Record {
    let start = UnixMillis(start);
    Record { bucket_start: start, first: start, last: start, bytes: Bytes { tx, rx: 1 }, ..record() }
}

/// Ten days with 1 byte in each tenth minute, of which buckets are kept for the last day, minutes for three, hours for six.
fn aged() -> Place {
    let place = Place::new();
    let all: Vec<Record> = (0..1440).map(|number| at(number * 10 * MINUTE, 1)).collect();
    place.history().write(&all).unwrap();
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    for (level, days) in [(0, 9), (1, 7), (2, 4)] {
        connection
            .execute("DELETE FROM block WHERE level = ?1 AND start_ms < ?2", (level, days * DAY))
            .unwrap();
        connection.execute("INSERT INTO deleted VALUES (?1, ?2)", (level, days * DAY)).unwrap();
    }
    place
}

#[test]
fn where_finer_sums_are_gone_the_answer_says_what_it_covers() {
    let reader = aged().reader();
    let ask = |since, until| {
        let answer = reader.answer(&between(since, until), &Limits::default()).unwrap();
        let time = |time: Option<UnixMillis>| time.map(|time| time.0);
        (answer.total.bytes.tx, time(answer.covered.since), time(answer.covered.until), answer.covered.finest)
    };
    assert_eq!(ask(None, None), (1440, None, None, "bucket"));
    assert_eq!(ask(None, Some(9 * DAY)), (1296, None, Some(9 * DAY), "day"));
    // Whole days where nothing else is left.
    assert_eq!(ask(Some(DAY + HOUR), Some(2 * DAY)), (144, Some(DAY), Some(2 * DAY), "day"));
    assert_eq!(ask(Some(DAY + HOUR), Some(DAY + 2 * HOUR)), (144, Some(DAY), Some(2 * DAY), "day"));
    assert_eq!(
        ask(Some(DAY + 1), Some(5 * DAY + HOUR)),
        (4 * 144 + 6, Some(DAY), Some(5 * DAY + HOUR), "hour")
    );
    // Whole hours, minutes, buckets.
    assert_eq!(ask(Some(5 * DAY + 1), Some(6 * DAY)), (144, Some(5 * DAY), Some(6 * DAY), "hour"));
    assert_eq!(
        ask(Some(5 * DAY + HOUR + 1), Some(5 * DAY + 3 * HOUR - 1)),
        (12, Some(5 * DAY + HOUR), Some(5 * DAY + 3 * HOUR), "hour")
    );
    assert_eq!(
        ask(Some(7 * DAY + 10 * MINUTE), Some(8 * DAY)),
        (143, Some(7 * DAY + 10 * MINUTE), Some(8 * DAY), "minute")
    );
    assert_eq!(
        ask(Some(9 * DAY + 1), Some(9 * DAY + HOUR)),
        (5, Some(9 * DAY + 1), Some(9 * DAY + HOUR), "bucket")
    );
    assert_eq!(ask(Some(3 * DAY), Some(3 * DAY)), (0, Some(3 * DAY), Some(3 * DAY), "day"));
}

#[test]
fn ports_are_told_as_far_back_as_they_are_kept() {
    let reader = aged().reader();
    let by_port = |since, until| Question { by: vec![Dimension::RemotePort], ..between(since, until) };
    let answer = reader.answer(&by_port(None, None), &Limits::default()).unwrap();
    assert_eq!((answer.total.bytes.tx, answer.covered.since), (144, Some(UnixMillis(9 * DAY))));
    assert_eq!((answer.covered.finest, answer.groups[0].keys["remote_port"].as_str()), ("bucket", "443"));
    let old = reader.answer(&by_port(None, Some(9 * DAY)), &Limits::default());
    assert!(matches!(old, Err(ReadError::EndsNotKept)), "{old:?}");
    let filtered = which([has(Field::AnyPort, "443")]);
    assert_eq!(reader.answer(&filtered, &Limits::default()).unwrap().total.bytes.tx, 144);
    // The port of the service is that of the other side, and kept.
    let service = which([has(Field::Of(Dimension::Port), "443")]);
    assert_eq!(reader.answer(&service, &Limits::default()).unwrap().total.bytes.tx, 1440);
}

#[test]
fn flows_are_told_oldest_first_as_finely_as_they_are_kept() {
    let reader = aged().reader();
    let mut rows = Vec::new();
    let mut tell = |row| {
        rows.push(row);
        ControlFlow::Continue(())
    };
    let covered = reader.flows(&Query::default(), None, &Limits::default(), &mut tell).unwrap();
    assert_eq!((covered.since, covered.until, covered.finest), (None, None, "bucket"));
    assert!(rows.is_sorted_by_key(|row| row.start));
    assert_eq!(rows.iter().map(|row| row.bytes.tx).sum::<u64>(), 1440);
    let count = |width| rows.iter().filter(|row| row.width_ms == width).count();
    assert_eq!([86_400_000, 3_600_000, 60_000, 10_000].map(count), [4, 72, 288, 144]);
    let last = rows.last().unwrap();
    assert_eq!((last.local_port, last.remote_port, rows[0].remote_port), (Some(40_000), Some(443), None));
    let actor = &last.actor;
    assert_eq!(actor.application.as_deref(), Some("path:/usr/bin/curl"));
    assert_eq!(actor.parents[0].path.as_raw(), "/usr/bin/bash");
    assert_eq!(
        (actor.uid, last.peer.name.clone(), last.peer.place.clone()),
        (Uid(1000), record().name, record().place)
    );
    let mut told = 0;
    let mut stop = |_| {
        told += 1;
        ControlFlow::Break(())
    };
    reader.flows(&Query::default(), None, &Limits::default(), &mut stop).unwrap();
    assert_eq!(told, 1);
}

#[test]
fn a_series_has_gaps_as_zeros_and_its_sums_are_those_of_the_answer() {
    let place = Place::new();
    let of = |start, uid, tx| Record { uid: Uid(uid), ..at(start, tx) };
    let all = [of(0, 1, 5), of(HOUR, 2, 7), of(3 * HOUR + 1, 1, 9), of(DAY + 1, 3, 1), of(DAY + 2, 4, 1)];
    place.history().write(&all).unwrap();
    let question = Question { by: vec![Dimension::User], top: 2, ..between(Some(0), Some(DAY + HOUR)) };
    let series = place.reader().series(&question, Step::Hour, &Limits::default()).unwrap();
    assert_eq!((series.step_ms, series.times.len(), series.times[3]), (HOUR, 25, 3 * HOUR));
    let [first, second] = series.lines.as_slice() else { panic!("{series:?}") };
    assert_eq!((first.keys["user"].as_str(), second.keys["user"].as_str()), ("1", "2"));
    let shown = |tx: &[u64]| {
        tx.iter().enumerate().filter(|(_, tx)| **tx > 0).map(|(at, tx)| (at, *tx)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&first.tx), [(0, 5), (3, 9)]);
    assert_eq!(
        (shown(&second.tx), shown(&second.rx), shown(&second.flows)),
        (vec![(1, 7)], vec![(1, 1)], vec![(1, 1)])
    );
    assert_eq!(shown(&series.other.unwrap().tx), [(24, 2)]);

    let by_time = Question { by: vec![Dimension::Time], step: Step::Day, ..everything() };
    let groups = place.reader().answer(&by_time, &Limits::default()).unwrap().groups;
    let days: Vec<_> = groups.iter().map(|group| (group.keys["time"].as_str(), group.sum.bytes.tx)).collect();
    assert_eq!(days, [("0", 21), ("86400000", 2)]);
}

#[test]
fn a_step_is_chosen_by_the_range_and_never_finer_than_what_is_kept() {
    let reader = aged().reader();
    let series = |since, until, step| {
        let series = reader.series(&between(since, until), step, &Limits::default()).unwrap();
        assert_eq!(
            series.lines[0].tx.iter().sum::<u64>(),
            reader.answer(&between(since, until), &Limits::default()).unwrap().total.bytes.tx
        );
        (series.step_ms, series.times.len())
    };
    assert_eq!(series(Some(9 * DAY), Some(10 * DAY), Step::Auto), (5 * MINUTE, 288));
    assert_eq!(series(Some(9 * DAY), Some(9 * DAY + HOUR), Step::Auto), (10_000, 360));
    assert_eq!(series(Some(7 * DAY), Some(8 * DAY), Step::Bucket), (MINUTE, 1440));
    assert_eq!(series(Some(5 * DAY), Some(6 * DAY), Step::Minute), (HOUR, 24));
    assert_eq!(series(Some(0), Some(10 * DAY), Step::Auto), (DAY, 10));
    assert_eq!(series(None, None, Step::Day), (DAY, 10));
    let (_, points) = series(Some(i64::MIN), Some(i64::MAX), Step::Bucket);
    assert!(points <= 20_000, "{points}");
    let (_, points) = series(Some(i64::MIN), Some(i64::MAX), Step::Auto);
    assert!(points <= 500, "{points}");
    assert_eq!(series(Some(5), Some(5), Step::Auto).1, 0);
}
