//! Whether all owners add up to the truth: what the kernel programs counted before they asked whose it was.

use std::collections::VecDeque;

use portolan_bus::{Ledger, LedgerState, ProtocolBytes};
use portolan_core::{Bytes, MonotonicNs};

use crate::monitor::Truth;

/// How late a byte may come: a socket may be missed by one reading, and what is known by owner only waits for three.
const LATE_READINGS: usize = 8;
const LATE_NS: u64 = 5_000_000_000;
/// Readings that come faster say nothing new about lateness.
const APART_NS: u64 = 100_000_000;
/// Readings in a row that must disagree before it is told.
const SURE_AFTER: u32 = 2;

/// The truth at each of the last readings, against what the tally holds.
#[derive(Debug)]
pub(super) struct Conservation {
    /// The truth when this daemon began to compare; `None` after a takeover, until a quiet moment says which it is: what the
    /// daemon before had accounted for is in no tally of this one.
    base: Option<Truth>,
    /// What the tally held then.
    earlier: u64,
    /// The tally of the last reading.
    tally: u64,
    /// After the last reading.
    now: Truth,
    /// When a reading began, and the truth then; the oldest must be in the tally by now.
    began: VecDeque<(MonotonicNs, u64)>,
    self_test: u64,
    /// Readings in a row that disagreed.
    disagreed: u32,
}

impl Conservation {
    /// Starts with an empty tally; `base` is what the kernel programs had counted by then, `None` when they go on where another
    /// daemon ended.
    pub(super) fn new(base: Option<Truth>) -> Self {
        let now = base.unwrap_or_default();
        Self { base, earlier: 0, tally: 0, now, began: VecDeque::new(), self_test: 0, disagreed: 0 }
    }

    /// Between two readings in which nothing moved, the tally is complete.
    fn find_base(&mut self, before: Truth, after: Truth, tally: u64) {
        let is_quiet = before == after && before == self.now && tally == self.tally;
        (self.now, self.tally) = (after, tally);
        if self.base.is_none() && is_quiet {
            self.base = Some(after);
            self.earlier = tally.saturating_add(self.self_test);
        }
    }

    /// Bytes of the daemon's own self-test, which are in no tally.
    pub(super) fn self_test_moved(&mut self, bytes: Bytes) {
        self.self_test = self.self_test.saturating_add(bytes.total());
    }

    /// Takes in a reading of all counters, which the tally holds by now; the truth from before and after it.
    ///
    /// Returns the sentence of a difference that no delay explains.
    pub(super) fn read(
        &mut self,
        at: MonotonicNs,
        before: Truth,
        after: Truth,
        tally: u64,
    ) -> Option<String> {
        self.find_base(before, after, tally);
        let base = self.base?;
        if self.began.back().is_none_or(|(last, _)| last.0.saturating_add(APART_NS) <= at.0) {
            self.began.push_back((at, self.earlier.saturating_add(before.growth_since(&base).sum().total())));
        }
        while self.began.len() > LATE_READINGS
            && self.began.get(1).is_some_and(|(next, _)| next.0.saturating_add(LATE_NS) <= at.0)
        {
            self.began.pop_front();
        }
        self.disagreed = match self.difference(tally) {
            difference if self.is_explained(difference, at) => 0,
            _ => self.disagreed.saturating_add(1),
        };
        (self.disagreed == SURE_AFTER).then(|| {
            format!(
                "{} bytes were counted at sockets, but all owners add up to {}. This is a fault of portoland; please \
                 report it.",
                self.truth(),
                tally.saturating_add(self.self_test)
            )
        })
    }

    pub(super) fn to_wire(&self, tally: u64) -> Ledger {
        let Some(base) = self.base else {
            let truth = tally.saturating_add(self.self_test);
            let protocols = vec![earlier(truth)];
            let (state, self_test) = (LedgerState::InFlight, self.self_test);
            return Ledger { state, truth, protocols, self_test, difference: 0 };
        };
        let truth = self.now.growth_since(&base);
        let difference = self.difference(tally);
        let protocols = [("tcp", truth.tcp), ("udp", truth.udp), ("other", truth.other)];
        Ledger {
            state: match difference {
                0 => LedgerState::Balanced,
                _ if self.disagreed >= SURE_AFTER => LedgerState::Unbalanced,
                _ => LedgerState::InFlight,
            },
            truth: self.truth(),
            protocols: protocols
                .into_iter()
                .map(|(protocol, bytes)| ProtocolBytes {
                    protocol: protocol.to_owned(),
                    tx_bytes: bytes.tx,
                    rx_bytes: bytes.rx,
                })
                .chain((self.earlier > 0).then(|| earlier(self.earlier)))
                .collect(),
            self_test: self.self_test,
            difference,
        }
    }

    fn truth(&self) -> u64 {
        let growth = self.base.map_or(0, |base| self.now.growth_since(&base).sum().total());
        self.earlier.saturating_add(growth)
    }

    /// What the tally is short of the truth; negative when it holds more.
    fn difference(&self, tally: u64) -> i64 {
        let parts = tally.saturating_add(self.self_test);
        i64::try_from(i128::from(self.truth()) - i128::from(parts)).unwrap_or(i64::MAX)
    }

    /// Whether the bytes that are missing may have moved too late to be in the tally.
    fn is_explained(&self, difference: i64, at: MonotonicNs) -> bool {
        let due = match self.began.front() {
            Some((began, truth)) if self.is_late(*began, at) => *truth,
            _ => 0,
        };
        let in_flight = self.truth().saturating_sub(due);
        u64::try_from(difference).is_ok_and(|missing| missing <= in_flight)
    }

    fn is_late(&self, began: MonotonicNs, at: MonotonicNs) -> bool {
        self.began.len() >= LATE_READINGS && began.0.saturating_add(LATE_NS) <= at.0
    }
}

/// What was accounted for before this daemon could compare.
fn earlier(bytes: u64) -> ProtocolBytes {
    ProtocolBytes { protocol: "before-takeover".to_owned(), tx_bytes: bytes, rx_bytes: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(bytes: u64) -> Truth {
        Truth { tcp: Bytes { tx: bytes, rx: 0 }, ..Truth::default() }
    }

    /// Readings a second apart, each with the truth around it and the tally; the sentences.
    fn told(readings: impl IntoIterator<Item = (u64, u64, u64)>) -> (Conservation, Vec<String>) {
        let mut conservation = Conservation::new(Some(truth(0)));
        let mut told = Vec::new();
        for (second, (before, after, tally)) in (1_u64..).zip(readings) {
            let at = MonotonicNs(second * 1_000_000_000);
            told.extend(conservation.read(at, truth(before), truth(after), tally));
        }
        (conservation, told)
    }

    #[test]
    fn equal_sums_are_balanced_also_when_the_programs_counted_before() {
        let mut conservation = Conservation::new(Some(truth(1000)));
        conservation.self_test_moved(Bytes { tx: 10, rx: 20 });
        assert_eq!(conservation.read(MonotonicNs(0), truth(1100), truth(1130), 100), None);
        let ledger = conservation.to_wire(100);
        assert_eq!((ledger.state, ledger.difference), (LedgerState::Balanced, 0));
        assert_eq!((ledger.truth, ledger.self_test, ledger.protocols[0].tx_bytes), (130, 30, 130));
    }

    #[test]
    fn what_moves_during_a_reading_is_in_flight_for_as_long_as_it_goes_on() {
        let (conservation, told) =
            told((1..100).map(|second| (second * 100, second * 100 + 7, second * 100 - 50)));
        assert!(told.is_empty(), "{told:?}");
        let ledger = conservation.to_wire(99 * 100 - 50);
        assert_eq!((ledger.state, ledger.difference), (LedgerState::InFlight, 57));
    }

    #[test]
    fn a_byte_that_never_comes_is_told_once() {
        let lost_at_10 = (1..40).map(|second| {
            let truth = second * 100;
            (truth, truth, truth - u64::from(second > 10))
        });
        let (conservation, told) = told(lost_at_10);
        // While others move, one byte could be among them; what was missed is told when they stand still.
        assert!(told.is_empty(), "{told:?}");
        let (_, told) = self::told((1..40).map(|_| (500, 500, 499)));
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("500 bytes were counted at sockets, but all owners add up to 499"));
        assert_eq!(conservation.to_wire(3899).state, LedgerState::InFlight);
    }

    #[test]
    fn a_byte_too_many_is_told_even_under_traffic() {
        let (conservation, told) = told((1..5).map(|second| (second * 100, second * 101, second * 101 + 1)));
        assert_eq!(told.len(), 1);
        let ledger = conservation.to_wire(4 * 101 + 1);
        assert_eq!((ledger.state, ledger.difference), (LedgerState::Unbalanced, -1));
    }

    #[test]
    fn after_a_takeover_it_compares_from_the_first_quiet_moment() {
        let mut conservation = Conservation::new(None);
        let mut read = |second: u64, before, after, tally| {
            let at = MonotonicNs(second * 1_000_000_000);
            assert_eq!(conservation.read(at, truth(before), truth(after), tally), None);
            let ledger = conservation.to_wire(tally);
            (ledger.state, ledger.truth, ledger.difference)
        };
        assert_eq!(read(1, 5000, 5010, 30), (LedgerState::InFlight, 30, 0));
        assert_eq!(read(2, 5020, 5020, 55), (LedgerState::InFlight, 55, 0));
        assert_eq!(read(3, 5020, 5020, 55), (LedgerState::Balanced, 55, 0));
        assert_eq!(read(4, 5030, 5030, 65), (LedgerState::Balanced, 65, 0));
        assert_eq!(read(5, 5040, 5040, 70), (LedgerState::InFlight, 75, 5));
    }

    #[test]
    fn fast_readings_are_no_delay() {
        let mut conservation = Conservation::new(Some(truth(0)));
        for ms in 0..1000 {
            let at = MonotonicNs(ms * 1_000_000);
            assert_eq!(conservation.read(at, truth(10), truth(10), 9), None);
        }
        assert!(conservation.began.len() <= 11);
    }
}
