//! Questions that are given up, and blocks that are damaged.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use portolan_core::{Dimension, Direction, Uid, UnixMillis};
use portolan_history::{Group, Limits, Question, ReadError, Reader, Record, Step, language::Field};

use crate::world::{Place, between, everything, has, record, which};

/// A history whose sums take seconds: many blocks, and many texts to be looked at.
fn large(place: &Place) {
    drop(place.history());
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    place.history().write(&[record()]).unwrap();
    connection
        .execute_batch(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400000)
                INSERT INTO block (level, start_ms, part, width_ms, rows, data)
                    SELECT level, start_ms + 10000 * n, 0, width_ms, rows, data FROM block, n WHERE level = 0;
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400000)
                INSERT INTO domain SELECT 1000 + n, 'name-' || n || '.example', NULL FROM n",
        )
        .unwrap();
}

/// How long it takes from giving up to the error.
fn given_up(path: &std::path::Path, ask: impl Fn(&Reader, &Limits) -> ReadError + Send + Sync) {
    let limits = Limits::default();
    let reader = Reader::open(path).unwrap();
    let cancelled = Arc::clone(&limits.cancelled);
    let (error, late) = thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let error = ask(&reader, &limits);
            (error, Instant::now(), reader)
        });
        thread::sleep(Duration::from_millis(30));
        assert!(!asked.is_finished(), "the question is too small to be given up");
        let given_up = Instant::now();
        cancelled.store(true, Ordering::Relaxed);
        let (error, ended, reader) = asked.join().unwrap();
        // The reader is free again: it answers, and holds no old state.
        assert_eq!(reader.answer(&between(Some(0), Some(1)), &Limits::default()).unwrap().groups.len(), 1);
        (error, ended - given_up)
    });
    assert!(matches!(error, ReadError::Cancelled), "{error:?}");
    assert!(late < Duration::from_millis(50), "{late:?}");
    let limits = Limits { deadline: Some(Instant::now() + Duration::from_millis(20)), ..Limits::default() };
    let error = ask(&Reader::open(path).unwrap(), &limits);
    assert!(matches!(error, ReadError::TookTooLong), "{error:?}");
    assert!(limits.deadline.unwrap().elapsed() < Duration::from_millis(50));
}

#[test]
fn a_question_is_given_up_at_once() {
    let place = Place::new();
    large(&place);
    let path = place.path();
    let by_port = Question { by: vec![Dimension::LocalPort], ..everything() };
    given_up(&path, |reader, limits| reader.answer(&by_port, limits).unwrap_err());
    given_up(&path, |reader, limits| reader.series(&by_port, Step::Bucket, limits).unwrap_err());
    let domains = (0..20).map(|number| has(Field::Of(Dimension::Domain), &format!("*{number}*x")));
    let text = which(domains);
    given_up(&path, |reader, limits| reader.answer(&text, limits).unwrap_err());
}

#[test]
fn a_damaged_block_is_named_and_the_rest_can_be_asked_for() {
    let place = Place::new();
    let at = |start| Record { bucket_start: UnixMillis(start), bucket_ms: 10_000, ..record() };
    let day = 86_400_000;
    place.history().write(&[at(0), at(day), at(2 * day), at(3 * day)]).unwrap();
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let damage = |column: &str| {
        let cut = format!("CAST(substr({column}, 1, length({column}) - 1) || 'x' AS BLOB)");
        let sql = format!("UPDATE block SET {column} = {cut} WHERE level = 3 AND start_ms = ?1");
        assert_eq!(connection.execute(&sql, [day]).unwrap(), 1);
    };
    let reader = place.reader();
    let limits = Limits::default();
    damage("data");
    let by_remote = Question { by: vec![Dimension::Remote], ..everything() };
    assert!(matches!(reader.answer(&by_remote, &limits), Err(ReadError::DamagedInterval { .. })));
    // The sums of each actor are there still.
    assert_eq!(reader.answer(&everything(), &limits).unwrap().total.flows, 4 * record().flows_opened);
    damage("actors");
    let error = reader.answer(&everything(), &limits).unwrap_err();
    assert!(
        matches!(error, ReadError::DamagedInterval { level: "day", start: UnixMillis(start) } if start == day)
    );
    let said = "what the history holds of the day from 1970-01-02T00:00:00Z on is damaged; ask for the time before or after it";
    assert_eq!(error.to_string(), said);
    assert!(matches!(
        reader.series(&everything(), Step::Day, &limits),
        Err(ReadError::DamagedInterval { .. })
    ));
    for (since, until) in
        [(None, Some(day)), (Some(2 * day), None), (Some(day + 1), None), (Some(day), Some(2 * day - 1))]
    {
        reader.answer(&between(since, until), &limits).unwrap();
    }
}

#[test]
fn what_an_unknown_number_moved_counts_as_nobody_elses() {
    for (table, by) in
        [("peer", Dimension::Remote), ("actor", Dimension::User), ("actor", Dimension::Command)]
    {
        let place = Place::new();
        let last = Record { uid: Uid(7), direction: Direction::Inbound, ..record() };
        place.history().write(&[record(), last]).unwrap();
        let question = Question { by: vec![by], ..everything() };
        let ask = || place.reader().answer(&question, &Limits::default());
        let told = |groups: &[Group]| groups.iter().map(|group| group.sum.flows).sum::<u64>();
        assert_eq!(told(&ask().unwrap().groups), 2);
        let connection = rusqlite::Connection::open(place.path()).unwrap();
        assert_eq!(connection.execute(&format!("DELETE FROM {table} WHERE id = 1"), []).unwrap(), 1);
        assert!(matches!(ask(), Err(ReadError::NumberUnknown(1))), "{table}");
        let series = place.reader().series(&question, Step::Minute, &Limits::default());
        assert!(matches!(series, Err(ReadError::NumberUnknown(1))), "{table}");
    }
}

#[test]
fn a_block_that_is_larger_than_any_of_ours_is_not_read_into_memory() {
    let place = Place::new();
    place.history().write(&[record()]).unwrap();
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    connection.execute("UPDATE block SET data = zeroblob(65 << 20)", []).unwrap();
    let error = place.reader().answer(&everything(), &Limits::default()).unwrap_err();
    let ReadError::Failed(error) = error else { panic!("{error:?}") };
    assert_eq!(error.0.sqlite_error_code(), Some(rusqlite::ErrorCode::TooBig));
}
