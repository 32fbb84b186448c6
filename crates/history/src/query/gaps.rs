//! Time in which nobody recorded, as a series tells it from time in which nothing moved.

use std::ops::Range;

use portolan_core::UnixMillis;
use rusqlite::Connection;

use super::{steps::Steps, sums::floor};
use crate::{
    block::Level,
    spans::Spans,
    tables::{closed, recorded},
};

/// The times at which nobody recorded, or of which nothing is kept, the oldest first; also what is still to come. Each has a whole step: so there are fewer than
/// steps. A step that was recorded in part is in none.
pub(super) fn gaps(connection: &Connection, steps: &Steps) -> rusqlite::Result<Vec<Range<UnixMillis>>> {
    let length = i64::try_from(steps.count).unwrap_or(i64::MAX).saturating_mul(steps.step_ms);
    let within = UnixMillis(steps.first_ms)..UnixMillis(steps.first_ms.saturating_add(length));
    let recorded = recorded::touching(connection, &within)?;
    let kept_from = closed::deleted(connection, Level::Day)?.map_or(UnixMillis(i64::MIN), UnixMillis);
    let mut kept = Spans::default();
    recorded.iter().for_each(|span| kept.add(span.start.max(kept_from)..span.end));
    Ok(kept.missing_in(within).filter(|gap| has_step(gap, steps.step_ms)).collect())
}

/// Whether a whole step lies in it: they are multiples of their length.
fn has_step(gap: &Range<UnixMillis>, step_ms: i64) -> bool {
    floor(gap.end.0, step_ms).saturating_sub(step_ms) >= gap.start.0
}
