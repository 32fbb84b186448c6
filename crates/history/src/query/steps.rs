//! How long the intervals of an answer are.

use rusqlite::{Connection, OptionalExtension};

use super::Step;
use crate::{ReadError, block::Level, language::Query, scan::Held};

/// The most intervals that are chosen for a range by themselves.
const POINTS: i128 = 500;
/// The most intervals that a series has.
pub(super) const POINTS_MAX: i128 = 20_000;
/// Where no bucket says how long it is.
const BUCKET_MS: i64 = 10_000;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What is chosen from: at most eight times the one before, so that there are 60 to 500 of one of them.
const STEPS: [i64; 13] = [
    30_000,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
    180 * DAY,
];

/// Intervals of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) step_ms: i64,
    /// The longest blocks of which they can be summed.
    pub(super) coarsest: Level,
    /// Where the first one starts.
    pub(super) first_ms: i64,
    /// How many there are.
    pub(super) count: usize,
}

/// How exact groups by time are, and the longest blocks for that: the buckets' own starts, or as for a series.
pub(super) fn of_groups(
    connection: &Connection,
    held: &Held,
    query: &Query,
    step: Step,
) -> Result<(i64, Level), ReadError> {
    if step == Step::Bucket {
        return Ok((1, Level::Bucket));
    }
    let steps = of_series(connection, held, query, step, i128::MAX)?;
    Ok((steps.step_ms, steps.coarsest))
}

/// The intervals of a series, at most `most`.
pub(super) fn of_series(
    connection: &Connection,
    held: &Held,
    query: &Query,
    step: Step,
    most: i128,
) -> Result<Steps, ReadError> {
    let last_bucket = "SELECT width_ms FROM block WHERE level = 0 ORDER BY start_ms DESC LIMIT 1";
    let bucket_ms =
        connection.query_row(last_bucket, [], |row| row.get(0)).optional()?.unwrap_or(BUCKET_MS).max(1);
    let all = [bucket_ms].into_iter().chain(STEPS.into_iter().filter(|step| *step > bucket_ms));
    let (shortest, most) = match step {
        Step::Auto => (bucket_ms, most.min(POINTS)),
        Step::Bucket => (bucket_ms, most),
        Step::Minute => (MINUTE, most),
        Step::Hour => (HOUR, most),
        Step::Day => (DAY, most),
    };
    let mut all = all.filter(|step_ms| *step_ms >= shortest).peekable();
    loop {
        let Some(step_ms) = all.next() else { return Ok(longest(held, query, most)) };
        let steps = Steps::of(held, query, step_ms);
        let longest = held.cover(query, steps.coarsest, false).spans.iter().map(|span| span.level).max();
        let is_kept = longest.is_none_or(|level| level <= steps.coarsest);
        let fits = i128::try_from(steps.count).unwrap_or(i128::MAX) <= most;
        if (is_kept && fits) || all.peek().is_none() && fits {
            return Ok(steps);
        }
    }
}

/// Whole days, so many that the range has no more than `most` intervals.
fn longest(held: &Held, query: &Query, most: i128) -> Steps {
    let (first, end) = range(held, query);
    let days = (end - first) / i128::from(DAY) / most.max(1) + 2;
    let step_ms = i64::try_from(days).ok().and_then(|days| days.checked_mul(DAY)).unwrap_or(i64::MAX);
    Steps::of(held, query, step_ms)
}

/// When the range begins, and where it ends: what is open goes as far as something is recorded.
fn range(held: &Held, query: &Query) -> (i128, i128) {
    let (first, last) = held.ends().unwrap_or((0, -1));
    let covered = held.cover(query, Level::Bucket, false).covered;
    let since = query.since.map(|since| since.0.min(covered.since.unwrap_or(since).0)).unwrap_or(first);
    let until = query
        .until
        .map_or(i128::from(last) + 1, |until| i128::from(until.0.max(covered.until.unwrap_or(until).0)));
    (since.into(), until.max(since.into()))
}

impl Steps {
    fn of(held: &Held, query: &Query, step_ms: i64) -> Self {
        let (first, end) = range(held, query);
        let first_ms = super::sums::floor(i64::try_from(first).unwrap_or(i64::MIN), step_ms);
        let count = (end - i128::from(first_ms) + i128::from(step_ms) - 1) / i128::from(step_ms);
        let levels = Level::ALL.into_iter().rev();
        let coarsest = levels
            .filter(|level| *level != Level::Bucket)
            .find(|level| step_ms % i64::from(level.width_ms()) == 0)
            .unwrap_or(Level::Bucket);
        Self { step_ms, coarsest, first_ms, count: usize::try_from(count).unwrap_or(usize::MAX) }
    }
}
