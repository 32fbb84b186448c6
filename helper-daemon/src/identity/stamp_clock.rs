use portolan_bpf::Event;
use portolan_core::MonotonicNs;

use crate::clock::{self, Moment};

/// By how much stamps are late at most, where nobody looked at that clock.
const LATE_NS: u64 = 1_000_000_000;

/// The clock that stamps changes of files, as it was at an event. The kernel's programs cannot read it, but the jiffies, which the same
/// interrupt takes forward, just before: by whole ticks of the monotonic clock, however late it comes. The other one then has come to
/// within a tick of that time.
#[derive(Debug)]
pub(super) struct StampClock {
    tick_ns: u64,
    /// When, on the monotonic clock, the jiffies were 0: no later than any event has shown, so less than a tick too late.
    zero_ns: Option<i64>,
}

impl Default for StampClock {
    fn default() -> Self {
        Self { tick_ns: clock::tick_ns(), zero_ns: None }
    }
}

impl StampClock {
    /// Takes in what an event shows of the jiffies.
    pub(super) fn see(&mut self, event: &Event) {
        let shown = event.jiffies.and_then(|jiffies| self.zero_of(jiffies, event.monotonic_ns));
        self.zero_ns = self.zero_ns.into_iter().chain(shown).min();
    }

    /// When an event was, which was seen.
    pub(super) fn moment_of(&self, event: &Event) -> Moment {
        let late = || {
            let shown = self.zero_of(event.jiffies?, event.monotonic_ns)?;
            let since_jiffies = u64::try_from(shown.checked_sub(self.zero_ns?)?).ok()?;
            since_jiffies.checked_add(2 * self.tick_ns)
        };
        let stamp = event.at.0.saturating_sub(late().unwrap_or(LATE_NS));
        Moment { at: event.at, stamp: MonotonicNs(stamp) }
    }

    fn zero_of(&self, jiffies: u64, monotonic_ns: u64) -> Option<i64> {
        let gone = jiffies.checked_mul(self.tick_ns)?;
        i64::try_from(monotonic_ns).ok()?.checked_sub(i64::try_from(gone).ok()?)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use portolan_bpf::{Environment, EventKind};
    use portolan_core::Uid;

    use super::*;

    const TICK_NS: u64 = 4_000_000;

    /// The end of nobody known.
    pub(in crate::identity) fn event(at_ns: u64, monotonic_ns: u64, jiffies: Option<u64>) -> Event {
        Event {
            kind: EventKind::Exit,
            process: None,
            parent: None,
            uid: Uid(0),
            at: MonotonicNs(at_ns),
            monotonic_ns,
            jiffies,
            file: None,
            has_let_go: false,
            arguments: Vec::new(),
            arguments_truncated: false,
            name: Vec::new(),
            script_name: None,
            cgroup: None,
            mount_namespace: None,
            mounting_users: None,
            root: None,
            working_directory: None,
            environment: Environment::default(),
            code_variables: Vec::new(),
        }
    }

    #[test]
    fn a_stamp_is_as_late_as_the_last_tick_and_two_more() {
        let mut clock = StampClock { tick_ns: TICK_NS, zero_ns: None };
        let slept = 50 * TICK_NS;
        // The jiffies began at a great number, long before the machine.
        let jiffies = |ticks: u64| Some(4_294_892_296 + ticks);
        for (monotonic, ticks) in [(3, 0), (4, 1), (11, 2)] {
            let at = monotonic * 1_000_000;
            clock.see(&event(at, at, jiffies(ticks)));
        }
        let stamp = |at: u64, ticks| {
            let (at, clock) = (at * 1_000_000, &clock);
            clock.moment_of(&event(at + slept, at, jiffies(ticks))).stamp.0 - slept
        };
        assert_eq!(stamp(100, 25), 92_000_000);
        assert_eq!(stamp(103, 25), 92_000_000);
        assert_eq!(stamp(123, 25), 92_000_000, "no tick for 20 ms");
    }

    #[test]
    fn where_nobody_looked_it_is_a_second() {
        let clock = StampClock { tick_ns: TICK_NS, zero_ns: Some(0) };
        let at = 5_000_000_000;
        assert_eq!(clock.moment_of(&event(at, at, None)).stamp, MonotonicNs(at - LATE_NS));
        assert_eq!(clock.moment_of(&event(5, 5, Some(u64::MAX))).stamp, MonotonicNs(0));
    }
}
