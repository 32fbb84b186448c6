//! What a wrong clock must not delete, and what it wrote.

use portolan_core::UnixMillis;
use proptest::{collection::vec, prelude::*};

use super::keeping_tests::{DAY, MINUTE, START, assert_whole, level, to_host};
use crate::{History, Question, Retention, Step, block::Level, world::Place};

const YEAR: i64 = 365 * DAY;
/// 1970, 2038, 2100.
const WRONG: [i64; 3] = [17 * DAY, 2_150_000_000_000, 4_102_444_800_000];

/// So many minutes in which something moves.
fn minutes(history: &mut History, from: i64, count: i64) {
    let records: Vec<_> = (0..count).map(|n| to_host(from + n * MINUTE, 1)).collect();
    records.chunks(9).for_each(|records| history.write(records).unwrap());
}

/// As the daemon does it.
fn retain(history: &mut History, now: i64) {
    let now = UnixMillis(now);
    let limits = Retention::default();
    let limits = if history.believes(now).unwrap() { limits } else { limits.by_size_only() };
    while history.retain(&limits, now, 50).unwrap().more {}
}

fn levels(history: &History) -> [usize; 4] {
    Level::ALL.map(|of| level(&history.connection, of).len())
}

/// Everything that moved, by each length of steps; they must agree.
fn sum(place: &Place) -> u64 {
    let sums = [Step::Auto, Step::Bucket, Step::Minute, Step::Hour, Step::Day].map(|step| {
        let series =
            place.reader().series(&Question { top: 10, ..Question::default() }, step, &Default::default());
        let series = series.unwrap();
        series.lines.iter().chain(&series.other).flat_map(|line| &line.tx).sum::<u64>()
    });
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    sums[0]
}

#[test]
fn a_clock_that_is_years_off_after_the_start_deletes_nothing() {
    for wrong in WRONG {
        let place = Place::new();
        let mut history = place.history();
        minutes(&mut history, START, 100);
        retain(&mut history, START + 100 * MINUTE);
        let before = levels(&history);
        // Some minutes, then it is set right; twice, for the machine may be started again before.
        minutes(&mut history, wrong, 20);
        retain(&mut history, wrong + 20 * MINUTE);
        minutes(&mut history, wrong + DAY, 20);
        retain(&mut history, wrong + DAY + 20 * MINUTE);
        assert!(levels(&history).iter().zip(before).all(|(now, before)| *now >= before), "{wrong}");
        assert_eq!(sum(&place), 140 * 100);
        minutes(&mut history, START + 200 * MINUTE, 100);
        retain(&mut history, START + 300 * MINUTE);
        // What the right clock labelled is there as it was counted, what the wrong one labelled by the day.
        let buckets = level(&history.connection, Level::Bucket);
        assert_eq!(buckets.len(), 200);
        assert!(buckets.keys().all(|start| (START..START + DAY).contains(start)), "{wrong}");
        assert_eq!(sum(&place), 240 * 100);
        assert_whole(&place);
    }
}

#[test]
fn an_hour_under_the_clock_is_enough_to_believe_it() {
    let place = Place::new();
    let mut history = place.history();
    minutes(&mut history, START, 59);
    assert!(!history.believes(UnixMillis(START + DAY)).unwrap());
    minutes(&mut history, START + 59 * MINUTE, 1);
    assert!(history.believes(UnixMillis(START + DAY)).unwrap());
    assert!(!history.believes(UnixMillis(START - 1)).unwrap());
    assert!(!history.believes(UnixMillis(START + 4 * DAY)).unwrap());
    // Back after a holiday.
    minutes(&mut history, START + 90 * DAY, 60);
    retain(&mut history, START + 90 * DAY + 60 * MINUTE);
    assert_eq!(level(&history.connection, Level::Bucket).len(), 60);
    assert_eq!(sum(&place), 120 * 100);
}

fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..2 * MINUTE,
        3 => 0..3 * 60 * MINUTE,
        1 => 0..20 * DAY,
        2 => -3 * 60 * MINUTE..0,
        1 => -20 * DAY..0,
        1 => prop::sample::select(vec![-20 * YEAR, -YEAR, 2 * YEAR, 30 * YEAR]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// Days are kept for ever: so every answer over all time is all that was ever counted, whatever the clock did.
    #[test]
    fn steps_of_every_length_agree_whatever_the_clock_does_and_whatever_is_deleted(
        steps in vec((step(), 1..90_i64, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let place = Place::new();
        let mut history = place.history();
        let (mut now, mut written) = (START, 0);
        for (step, count, keeps, restarts) in steps {
            now = (now + step).rem_euclid(200 * YEAR);
            minutes(&mut history, now, count);
            written += 100 * u64::try_from(count).unwrap();
            now += count * MINUTE;
            if restarts {
                drop(history);
                history = place.history();
            }
            if keeps {
                retain(&mut history, now);
            }
            prop_assert_eq!(sum(&place), written);
        }
        assert_whole(&place);
    }
}
