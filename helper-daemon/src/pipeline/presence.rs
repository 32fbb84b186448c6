//! When this daemon recorded without a break: what moved then lies in the bucket of its time.

use portolan_history::Spans;

use crate::clock::Now;

/// Between two ticks more than this is sleep, or a daemon that was stopped: when it moved what the second one finds, nobody saw. Three of the
/// longest ticks.
const BREAK_NS: u64 = 30_000_000_000;
/// A clock that was set by more has another time now. A leap second is none.
const SET_MS: u64 = 2_000;
/// The history is told at least this often where nothing moves: whoever loses the power does not know of more.
const TELL_NS: u64 = 60_000_000_000;

/// The times of ticks that followed each other.
#[derive(Debug)]
pub(super) struct Presence {
    last: Now,
    told: Now,
    spans: Spans,
}

impl Presence {
    /// It begins.
    pub(super) fn new(now: Now) -> Self {
        Self { last: now, told: now, spans: Spans::default() }
    }

    /// A tick.
    pub(super) fn ticked(&mut self, now: Now) {
        let last = std::mem::replace(&mut self.last, now);
        let passed_ns = now.monotonic.0.saturating_sub(last.monotonic.0);
        let passed_ms = i64::try_from(passed_ns / 1_000_000).unwrap_or(i64::MAX);
        let is_set = now.wall.0.abs_diff(last.wall.0.saturating_add(passed_ms)) > SET_MS;
        if passed_ns <= BREAK_NS && !is_set {
            self.spans.add(last.wall..now.wall);
        }
    }

    /// Whether the history is to be told although there is nothing else to tell.
    pub(super) fn is_due(&self) -> bool {
        self.last.monotonic.0.saturating_sub(self.told.monotonic.0) >= TELL_NS
    }

    /// What the history has not been told yet.
    pub(super) fn take(&mut self) -> Spans {
        self.told = self.last;
        std::mem::take(&mut self.spans)
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::{MonotonicNs, UnixMillis};

    use super::*;

    const START: i64 = 1_700_000_000_000;

    fn at(boot_ms: u64, wall_ms: i64) -> Now {
        let monotonic = MonotonicNs(boot_ms * 1_000_000);
        Now { monotonic, stamp: monotonic, wall: UnixMillis(START + wall_ms) }
    }

    fn spans(presence: &mut Presence) -> Vec<(i64, i64)> {
        presence.take().iter().map(|span| (span.start.0 - START, span.end.0 - START)).collect()
    }

    #[test]
    fn ticks_that_follow_each_other_are_one_stretch() {
        let mut presence = Presence::new(at(5000, 0));
        for tick in 1..=20 {
            // Slewed, a leap second, and late now and then.
            let late = if tick % 5 == 0 { 900 } else { 0 };
            presence.ticked(at(5000 + tick * 1000 + late, i64::try_from(tick * 1001 + late).unwrap()));
        }
        presence.ticked(at(5000 + 22_000, 21_000));
        assert_eq!(spans(&mut presence), [(0, 21_000)]);
        presence.ticked(at(5000 + 23_000, 22_000));
        assert_eq!(spans(&mut presence), [(21_000, 22_000)], "it goes on where it was told");
    }

    #[test]
    fn sleep_and_a_clock_that_is_set_end_one_and_begin_another() {
        let mut presence = Presence::new(at(0, 0));
        presence.ticked(at(1000, 1000));
        // Asleep for an hour.
        presence.ticked(at(3_600_000, 3_600_000));
        presence.ticked(at(3_601_000, 3_601_000));
        // Set forward by a day, and back by a week.
        presence.ticked(at(3_602_000, 90_002_000));
        presence.ticked(at(3_603_000, 90_003_000));
        presence.ticked(at(3_604_000, -514_800_000));
        presence.ticked(at(3_605_000, -514_799_000));
        let expected =
            [(-514_800_000, -514_799_000), (0, 1000), (3_600_000, 3_601_000), (90_002_000, 90_003_000)];
        assert_eq!(spans(&mut presence), expected);
    }

    #[test]
    fn it_is_told_each_minute() {
        let mut presence = Presence::new(at(0, 0));
        presence.ticked(at(59_999, 59_999));
        assert!(!presence.is_due());
        presence.ticked(at(60_000, 60_000));
        assert!(presence.is_due());
        presence.take();
        assert!(!presence.is_due());
    }
}
