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
    /// The truth when this daemon began.
    base: Truth,
    /// What of that comes to the tally of this daemon.
    earlier: Bytes,
    /// What the daemon before had accounted for beyond the truth: a fault, which does not go away with a takeover.
    too_much: u64,
    /// After the last reading.
    now: Truth,
    /// When a reading began, and the truth then; the oldest must be in the tally by now.
    began: VecDeque<(MonotonicNs, u64)>,
    self_test: u64,
    /// Readings in a row that disagreed.
    disagreed: u32,
}

impl Conservation {
    /// Starts with an empty tally, when the kernel programs had counted `base`. Of that, `accounted` was in rows or in a self-test
    /// of a daemon before; `rows` are those that this one has from it, whether they are of these programs or of others.
    pub(super) fn new(base: Truth, accounted: Bytes, rows: Bytes) -> Self {
        let counted = base.sum() + rows;
        Self {
            base,
            earlier: counted.growth_since(accounted),
            too_much: accounted.growth_since(counted).total(),
            now: base,
            began: VecDeque::new(),
            self_test: 0,
            disagreed: 0,
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
        self.now = after;
        if self.began.back().is_none_or(|(last, _)| last.0.saturating_add(APART_NS) <= at.0) {
            self.began.push_back((at, self.truth_at(&before)));
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

    /// What has been counted by now, for who asks before the first reading: it is in flight, and not nothing.
    pub(super) fn begin(&mut self, now: Truth) {
        if self.began.is_empty() {
            self.now = now;
        }
    }

    pub(super) fn to_wire(&self, tally: u64) -> Ledger {
        let truth = self.now.growth_since(&self.base);
        let difference = self.difference(tally);
        let protocols = [("tcp", truth.tcp), ("udp", truth.udp), ("other", truth.other)];
        let earlier = (!self.earlier.is_zero()).then_some(("before-takeover", self.earlier));
        Ledger {
            state: match difference {
                0 => LedgerState::Balanced,
                _ if self.disagreed >= SURE_AFTER => LedgerState::Unbalanced,
                _ => LedgerState::InFlight,
            },
            truth: self.truth(),
            protocols: protocols
                .into_iter()
                .chain(earlier)
                .map(|(protocol, bytes)| ProtocolBytes {
                    protocol: protocol.to_owned(),
                    tx_bytes: bytes.tx,
                    rx_bytes: bytes.rx,
                })
                .collect(),
            self_test: self.self_test,
            difference,
        }
    }

    fn truth(&self) -> u64 {
        self.truth_at(&self.now)
    }

    fn truth_at(&self, at: &Truth) -> u64 {
        (self.earlier + at.growth_since(&self.base).sum()).total().saturating_sub(self.too_much)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(bytes: u64) -> Truth {
        Truth { tcp: Bytes { tx: bytes, rx: 0 }, ..Truth::default() }
    }

    #[test]
    fn before_the_first_reading_what_was_counted_is_in_flight() {
        let mut conservation = Conservation::new(truth(0), Bytes::default(), Bytes::default());
        conservation.begin(truth(70));
        let ledger = conservation.to_wire(0);
        assert_eq!((ledger.state, ledger.truth, ledger.difference), (LedgerState::InFlight, 70, 70));
        assert_eq!(conservation.read(MonotonicNs(1), truth(80), truth(90), 90), None);
        conservation.begin(truth(95));
        assert_eq!(conservation.to_wire(90).truth, 90, "as of the reading that the tally is of");
    }

    /// Readings a second apart, each with the truth around it and the tally; the sentences.
    fn told(readings: impl IntoIterator<Item = (u64, u64, u64)>) -> (Conservation, Vec<String>) {
        let mut conservation = Conservation::new(truth(0), Bytes::default(), Bytes::default());
        let mut told = Vec::new();
        for (second, (before, after, tally)) in (1_u64..).zip(readings) {
            let at = MonotonicNs(second * 1_000_000_000);
            told.extend(conservation.read(at, truth(before), truth(after), tally));
        }
        (conservation, told)
    }

    #[test]
    fn equal_sums_are_balanced_also_when_the_programs_counted_before() {
        let mut conservation = Conservation::new(truth(1000), truth(1000).sum(), Bytes::default());
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
    fn after_a_takeover_it_goes_on_to_compare_without_a_quiet_moment() {
        // 5000 were counted; 4900 are accounted for, of which 40 are in rows that this daemon has now.
        let (accounted, rows) = (Bytes { tx: 4900, rx: 0 }, Bytes { tx: 40, rx: 0 });
        let mut conservation = Conservation::new(truth(5000), accounted, rows);
        assert_eq!(conservation.read(MonotonicNs(1), truth(5100), truth(5130), 40 + 100 + 110), None);
        let ledger = conservation.to_wire(250);
        assert_eq!((ledger.state, ledger.truth, ledger.difference), (LedgerState::InFlight, 270, 20));
        let lines: Vec<_> =
            ledger.protocols.iter().map(|line| (line.protocol.as_str(), line.tx_bytes)).collect();
        assert_eq!(lines, [("tcp", 130), ("udp", 0), ("other", 0), ("before-takeover", 140)]);
        assert_eq!(conservation.to_wire(270).state, LedgerState::Balanced);
    }

    #[test]
    fn what_was_accounted_for_twice_does_not_go_away_with_a_takeover() {
        let mut conservation = Conservation::new(truth(500), Bytes { tx: 507, rx: 0 }, Bytes::default());
        let mut told =
            |second: u64| conservation.read(MonotonicNs(second * 1_000_000_000), truth(600), truth(600), 100);
        assert_eq!((told(1).is_some(), told(2).is_some()), (false, true));
        assert_eq!(conservation.to_wire(100).difference, -7);
    }

    #[test]
    fn fast_readings_are_no_delay() {
        let mut conservation = Conservation::new(truth(0), Bytes::default(), Bytes::default());
        for ms in 0..1000 {
            let at = MonotonicNs(ms * 1_000_000);
            assert_eq!(conservation.read(at, truth(10), truth(10), 9), None);
        }
        assert!(conservation.began.len() <= 11);
    }
}
