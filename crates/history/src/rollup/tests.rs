use proptest::{collection::vec, prelude::*};

use super::*;
use crate::migrations::migrate;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// A bucket as somebody wrote it, with one row.
type Written = (i64, u32, Moved);
/// Sums by interval, actor and peer.
type Sums = BTreeMap<(i64, u32, u32), [u64; 3]>;

fn row() -> impl Strategy<Value = Moved> {
    let numbers = (0..3_u32, 0..3_u32, 0..2_u32, 0..2_u16, 0..1000_u64, 0..1000_u64, 0..3_u64, 0..10_000_u32);
    numbers.prop_map(|(actor, peer, local, port, tx, rx, flows, first_ms)| Moved {
        actor,
        peer,
        local,
        local_port: port,
        remote_port: 443,
        tx,
        rx,
        flows,
        first_ms,
        last_ms: first_ms + 1,
    })
}

/// How far the clock goes from one write to the next: mostly on, sometimes far, sometimes back, and once to the end of time.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => 0..20_000_i64,
        4 => 0..3 * MINUTE,
        3 => 0..2 * HOUR,
        2 => 0..2 * DAY,
        1 => YEAR..3 * YEAR,
        2 => -2 * HOUR..0,
        1 => -2 * DAY..0,
        1 => -3 * YEAR..-YEAR,
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
    ]
}

fn width() -> impl Strategy<Value = u32> {
    proptest::sample::select(&[1000_u32, 10_000, 7000, 60_000, 3_600_000])
}

/// Calls of a writer: each has buckets around the time that its clock shows.
fn calls() -> impl Strategy<Value = Vec<Vec<Written>>> {
    let bucket = (-3..3_i64, row());
    vec((step(), width(), vec(bucket, 0..5)), 1..40).prop_map(|calls| {
        let mut clock = 1_700_000_000_000_i64;
        let call = |(step, width, buckets): (i64, u32, Vec<(i64, Moved)>)| {
            // To the end of time and back.
            clock = if clock == i64::MAX || clock == i64::MIN {
                1_700_000_000_000
            } else {
                clock.saturating_add(step)
            };
            let start = clock.saturating_sub(clock.rem_euclid(i64::from(width)));
            let bucket = |(at, row)| (start.saturating_add(at * i64::from(width)), width, row);
            buckets.into_iter().map(bucket).collect()
        };
        calls.into_iter().map(call).collect()
    })
}

fn sums(rows: impl IntoIterator<Item = (i64, Moved)>, level: Level) -> Sums {
    let mut sums = Sums::new();
    for (start, row) in rows {
        let sum = sums.entry((level.start_of(start), row.actor, row.peer)).or_default();
        for (sum, number) in sum.iter_mut().zip([row.tx, row.rx, row.flows]) {
            *sum += number;
        }
    }
    sums
}

fn stored(connection: &Connection, level: Level) -> Vec<(i64, Moved)> {
    let mut all = Vec::new();
    table::each(connection, level, i64::MIN..=i64::MAX, |head, rows| {
        if level != Level::Bucket {
            assert_eq!((head.width_ms, level.start_of(head.start_ms)), (level.width_ms(), head.start_ms));
        }
        all.extend(rows?.iter().map(|row| (head.start_ms, *row)));
        Ok(())
    })
    .unwrap();
    all
}

fn assert_sums(connection: &Connection, written: &[(i64, Moved)]) {
    let buckets = sums(written.iter().copied(), Level::Bucket);
    assert_eq!(sums(stored(connection, Level::Bucket), Level::Bucket), buckets);
    let newest = written.iter().map(|(start, _)| *start).max();
    for level in Level::SUMS {
        let until = closed::until(connection, level).unwrap();
        assert_eq!(until, newest.map(|newest| level.start_of(newest)));
        let before = written.iter().copied().filter(|(start, _)| Some(*start) < until);
        assert_eq!(sums(stored(connection, level), level), sums(before, level), "{level:?}");
    }
    let most: i64 = connection
        .query_row(
            "SELECT ifnull(max(n), 0) FROM (SELECT count(*) AS n FROM block GROUP BY level, start_ms)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(most <= PARTS_MAX, "{most} parts");
}

fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection).unwrap();
    connection
}

fn write(connection: &Connection, call: &[Written]) {
    let mut batch = Batch::default();
    call.iter().for_each(|(start, width, row)| batch.add(*start, *width, *row));
    batch.write(connection).unwrap();
    while close_more(connection).unwrap() {}
}

/// What is summed is the sum of all before, however far that is.
fn assert_sums_so_far(connection: &Connection, written: &[(i64, Moved)]) -> Vec<Option<i64>> {
    let until = |level| closed::until(connection, level).unwrap();
    for level in Level::SUMS {
        let before = written.iter().copied().filter(|(start, _)| Some(*start) < until(level));
        assert_eq!(sums(stored(connection, level), level), sums(before, level), "{level:?}");
    }
    Level::SUMS.map(until).into()
}

#[test]
fn a_long_history_without_sums_gets_them_day_by_day() {
    let connection = database();
    let row = Moved { actor: 1, peer: 1, tx: 1, ..Moved::default() };
    let mut written = Vec::new();
    // As an old version left it: buckets alone, of ten days, in two years.
    for day in [0, 1, 2, 3, 4, 365, 366, 367, 368, 369] {
        for hour in [0, 1, 23] {
            let start = day * DAY + hour * HOUR;
            let mut rows: Vec<Moved> = (0..7000).map(|peer| Moved { peer, ..row }).collect();
            written.extend(rows.iter().map(|row| (start, *row)));
            append(&connection, Level::Bucket, start, 10_000, &mut rows).unwrap();
        }
    }
    let mut batch = Batch::default();
    batch.add(400 * DAY, 10_000, row);
    batch.write(&connection).unwrap();
    written.push((400 * DAY, row));
    assert_eq!(assert_sums_so_far(&connection, &written), [Some(DAY); 3]);
    let mut steps = 1;
    while close_more(&connection).unwrap() {
        assert_sums_so_far(&connection, &written);
        steps += 1;
    }
    assert_eq!(steps, 10);
    assert_sums(&connection, &written);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_level_is_the_sum_of_all_before_its_end(calls in calls()) {
        let connection = database();
        let mut written = Vec::new();
        for call in calls {
            write(&connection, &call);
            written.extend(call.iter().map(|(start, _, row)| (*start, *row)));
            assert_sums(&connection, &written);
        }
    }
}

#[test]
fn a_bucket_that_is_written_a_thousand_times_has_few_parts_and_one_when_its_minute_is_over() {
    let connection = database();
    let row = Moved { actor: 1, peer: 1, tx: 1, first_ms: 7, last_ms: 9, ..Moved::default() };
    let mut written = Vec::new();
    for _ in 0..1000 {
        write(&connection, &[(0, 10_000, row), (HOUR, 1000, row)]);
        written.extend([(0, row), (HOUR, row)]);
    }
    assert_sums(&connection, &written);
    write(&connection, &[(2 * HOUR, 1000, row)]);
    let parts: Vec<(i64, i64)> =
        [0, HOUR].map(|start| table::parts(&connection, Level::Bucket, start).unwrap()).into();
    assert_eq!(parts[1], (1, 1));
    assert!(parts[0].0 <= PARTS_MAX);
    let (_, bucket) = stored(&connection, Level::Bucket)[0];
    assert_eq!((bucket.tx > 0, bucket.first_ms, bucket.last_ms), (true, 7, 9));
}

#[test]
fn sums_stop_at_the_largest_number() {
    let connection = database();
    let row = Moved { actor: 1, peer: 1, tx: u64::MAX - 1, ..Moved::default() };
    write(&connection, &[(0, 1, row), (1, 1, row), (DAY, 1, row)]);
    assert_eq!(stored(&connection, Level::Day), [(0, Moved { tx: u64::MAX, ..row })]);
}

#[test]
fn the_first_and_the_last_of_all_times_are_no_exception() {
    let row = Moved { tx: 1, ..Moved::default() };
    for times in [[i64::MIN, 0, i64::MAX], [i64::MAX, 0, i64::MIN], [0, i64::MIN, i64::MAX]] {
        let (connection, mut written) = (database(), Vec::new());
        for time in times {
            write(&connection, &[(time, 1, row)]);
            written.push((time, row));
            assert_sums(&connection, &written);
        }
    }
}

#[test]
fn what_is_too_much_for_one_block_is_in_several() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection).unwrap();
    let row = |peer| Moved { actor: 1, peer, tx: 1, ..Moved::default() };
    let rows = u32::try_from(block::ROWS_MAX).unwrap() + 1;
    for round in 1..=2_u64 {
        let mut batch = Batch::default();
        (0..rows).for_each(|peer| batch.add(0, 1000, row(peer)));
        batch.write(&connection).unwrap();
        unite(&connection, Level::Bucket, 0).unwrap();
        let mut found = Vec::new();
        table::each(&connection, Level::Bucket, 0..=0, |head, rows| {
            let rows = rows.unwrap();
            found.push((head.part, head.width_ms, rows.len(), rows.iter().map(|row| row.tx).sum::<u64>()));
            Ok(())
        })
        .unwrap();
        let most = u64::try_from(block::ROWS_MAX).unwrap();
        assert_eq!(found, [(0, 1000, block::ROWS_MAX, most * round), (1, 1000, 1, round)]);
    }
}
