use std::time::Duration;

use portolan_core::{MonotonicNs, UnixMillis};

/// So much that was learned may be forgotten with the daemon.
const NOTED_EVERY: Duration = Duration::from_secs(600);
/// Between two looks more than this is sleep, in which nothing talks.
const AWAKE_NS: u64 = 120_000_000_000;

/// How long Portolan has learned what talks on this machine. Only time that it ran awake counts, whatever the clock of labels says.
#[derive(Debug)]
pub(super) struct Learning {
    learned: Duration,
    noted: Duration,
    last: MonotonicNs,
}

impl Learning {
    /// Goes on after so much was learned.
    pub(super) fn new(learned: Duration, now: MonotonicNs) -> Self {
        Self { learned, noted: learned, last: now }
    }

    /// Looks at the clock: whether it is over, which lasts for `period`.
    pub(super) fn look(&mut self, now: MonotonicNs, period: Duration) -> bool {
        let last = std::mem::replace(&mut self.last, now);
        self.learned += Duration::from_nanos(now.0.saturating_sub(last.0).min(AWAKE_NS));
        self.learned >= period
    }

    /// When it is over, if the machine does not sleep until then.
    pub(super) fn until(&self, now: UnixMillis, period: Duration) -> UnixMillis {
        let left = period.saturating_sub(self.learned).as_millis();
        UnixMillis(now.0.saturating_add(i64::try_from(left).unwrap_or(i64::MAX)))
    }

    /// How long it has lasted, where that is to be noted by now.
    pub(super) fn take_note(&mut self) -> Option<Duration> {
        let is_due = self.learned.saturating_sub(self.noted) >= NOTED_EVERY;
        is_due.then(|| self.note())
    }

    /// How long it has lasted, to be noted.
    pub(super) fn note(&mut self) -> Duration {
        self.noted = self.learned;
        self.learned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const MINUTE_NS: u64 = 60_000_000_000;

    #[test]
    fn it_lasts_as_long_as_the_daemon_runs_awake_whatever_the_clock_says() {
        const PERIOD: Duration = Duration::from_secs(3600);
        let mut learning = Learning::new(MINUTE * 10, MonotonicNs(7));
        let at = |minutes: u64| MonotonicNs(7 + minutes * MINUTE_NS);
        assert!((1..=20).all(|minutes| !learning.look(at(minutes), PERIOD)));
        // The machine began in 1970, and then somebody set its clock.
        assert_eq!(learning.until(UnixMillis(0), PERIOD), UnixMillis(30 * 60_000));
        assert_eq!(
            learning.until(UnixMillis(1_700_000_000_000), PERIOD),
            UnixMillis(1_700_000_000_000 + 30 * 60_000)
        );
        assert!(!learning.look(at(1000), PERIOD), "two minutes at most of what was sleep");
        assert!((1001..1028).all(|minutes| !learning.look(at(minutes), PERIOD)));
        assert!(learning.look(at(1028), PERIOD));
        assert!(!learning.look(at(1028), PERIOD * 2));
        assert_eq!(learning.until(UnixMillis(i64::MAX), PERIOD * 2), UnixMillis(i64::MAX));
    }

    #[test]
    fn it_is_noted_now_and_then() {
        let mut learning = Learning::new(MINUTE, MonotonicNs(0));
        let mut notes = Vec::new();
        for minutes in 1..=25 {
            learning.look(MonotonicNs(minutes * MINUTE_NS), MINUTE * 60);
            notes.extend(learning.take_note());
        }
        assert_eq!(notes, [MINUTE * 11, MINUTE * 21]);
        assert_eq!(learning.note(), MINUTE * 26);
    }
}
