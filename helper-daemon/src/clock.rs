//! The only place that reads a clock.

use portolan_core::{MonotonicNs, UnixMillis};
use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};
use serde::{Deserialize, Serialize};

/// One instant on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For arithmetic.
    pub monotonic: MonotonicNs,
    /// See [`Moment::stamp`].
    pub stamp: MonotonicNs,
    /// For labels.
    pub wall: UnixMillis,
}

/// An instant, and which changes of files were before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: MonotonicNs,
    /// What the clock that stamps changes of files had come to by then, or less. It stands still from tick to tick (1 to 10 ms), and
    /// longer where a processor of a virtual machine waits: what has an earlier stamp was changed before, and what is changed later
    /// has none.
    pub stamp: MonotonicNs,
}

impl Now {
    /// Reads both clocks.
    #[must_use]
    pub fn read() -> Self {
        // In this order: when something comes between, what has a label of the past seems younger, not older, and so does what
        // has the stamp of a file.
        let coarse = nanoseconds(clock_gettime(ClockId::MonotonicCoarse));
        let real = clock_gettime(ClockId::Realtime);
        let boot = nanoseconds(clock_gettime(ClockId::Boottime));
        let late = nanoseconds(clock_gettime(ClockId::Monotonic)).saturating_sub(coarse);
        Self {
            monotonic: MonotonicNs(boot),
            stamp: MonotonicNs(boot.saturating_sub(late)),
            wall: UnixMillis(real.tv_sec.saturating_mul(1000).saturating_add(real.tv_nsec / 1_000_000)),
        }
    }

    /// An earlier instant with its label.
    #[must_use]
    pub fn earlier(self, Moment { at, stamp }: Moment) -> Self {
        Self { monotonic: at, stamp, wall: self.wall_at(at) }
    }

    /// This instant, without its label.
    #[must_use]
    pub const fn moment(self) -> Moment {
        Moment { at: self.monotonic, stamp: self.stamp }
    }

    /// Whether a file that has this ctime (seconds and nanoseconds) now was changed for the last time before that moment: each later
    /// change has given it another one, then, or would have.
    #[must_use]
    pub fn was_before(self, changed: (i64, u32), moment: Moment) -> bool {
        self.changed_at(changed) < moment.stamp
    }

    /// When that was, or later.
    fn changed_at(self, (seconds, nanoseconds): (i64, u32)) -> MonotonicNs {
        let changed = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        let ago = i128::from(self.wall.0) * 1_000_000 - changed;
        let at = i128::from(self.monotonic.0).saturating_sub(ago);
        MonotonicNs(u64::try_from(at.max(0)).unwrap_or(u64::MAX))
    }

    /// The label of an earlier instant of the monotonic clock; of now for a later one.
    #[must_use]
    pub fn wall_at(&self, earlier: MonotonicNs) -> UnixMillis {
        let ago_ms = self.monotonic.0.saturating_sub(earlier.0) / 1_000_000;
        UnixMillis(self.wall.0.saturating_sub(i64::try_from(ago_ms).unwrap_or(i64::MAX)))
    }
}

/// Whether the clock of labels has gone with the other one for an hour of this daemon's life since it was set last.
#[derive(Debug)]
pub struct Steady {
    last: Now,
    left_ns: u64,
}

impl Steady {
    const NEEDED_NS: u64 = 3_600_000_000_000;
    /// Slewing is no step; neither is what ages are not measured by.
    const STEP_MS: u64 = 60_000;
    /// Between two looks more than this is sleep, in which nobody sets the clock right.
    const AWAKE_NS: u64 = 120_000_000_000;

    /// From `now` on. How far it was right before is not known here.
    #[must_use]
    pub const fn new(now: Now) -> Self {
        Self { last: now, left_ns: 0 }
    }

    /// Looks again.
    pub fn look(&mut self, now: Now) -> bool {
        let last = std::mem::replace(&mut self.last, now);
        let passed_ns = now.monotonic.0.saturating_sub(last.monotonic.0);
        let expected = last.wall.0.saturating_add(i64::try_from(passed_ns / 1_000_000).unwrap_or(i64::MAX));
        self.left_ns = if now.wall.0.abs_diff(expected) > Self::STEP_MS {
            Self::NEEDED_NS
        } else {
            self.left_ns.saturating_sub(passed_ns.min(Self::AWAKE_NS))
        };
        self.left_ns == 0
    }
}

/// How long the jiffies stand still: a tick, 1 to 10 ms.
#[must_use]
pub fn tick_ns() -> u64 {
    nanoseconds(clock_getres(ClockId::MonotonicCoarse))
}

fn nanoseconds(time: Timespec) -> u64 {
    u64::try_from(time.tv_sec)
        .unwrap_or_default()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_steady_after_an_hour_awake() {
        let mut now =
            Now { monotonic: MonotonicNs(5), stamp: MonotonicNs(5), wall: UnixMillis(1_700_000_000_000) };
        let mut steady = Steady::new(now);
        let mut looks = |seconds: u64, set_ms: i64| {
            now.monotonic.0 += seconds * 1_000_000_000;
            now.wall.0 += i64::try_from(seconds).unwrap() * 1000 + set_ms;
            steady.look(now)
        };
        assert!(looks(60, 0) && looks(60, 5000) && looks(8 * 3600, -5000), "nobody set it by much");
        for set in [3_600_000, -3_600_000, 2_000_000_000_000, -60_001] {
            assert!(!looks(60, set));
            assert!(!looks(8 * 3600, 0), "asleep");
            assert!((0..57).all(|_| !looks(60, 30)));
            assert!(looks(60, 0));
        }
    }
}
