//! How much work programs may cause with their lists of mounts: whoever may make a user namespace may make long ones.

use portolan_core::MonotonicNs;

/// Bytes of lists that are read in a second, over time: some hundred lists of usual length.
const RATE: u64 = 2 << 20;
/// Bytes that may be read at once.
const BURST: u64 = 16 << 20;

/// What has been spent and not come back yet.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    spent: u64,
    refilled: MonotonicNs,
}

impl Allowance {
    /// Whether anything may be done; what is begun is done, and the next one waits for longer.
    pub(super) fn is_left(&self) -> bool {
        self.spent < BURST
    }

    pub(super) fn spend(&mut self, bytes: u64) {
        self.spent = self.spent.saturating_add(bytes);
    }

    /// Gives back what has come by `now`.
    pub(super) fn refill(&mut self, now: MonotonicNs) {
        let passed_us = now.0.saturating_sub(self.refilled.0) / 1000;
        self.spent = self.spent.saturating_sub(passed_us.saturating_mul(RATE) / 1_000_000);
        self.refilled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_comes_back_at_its_rate() {
        let mut allowance = Allowance::default();
        allowance.refill(MonotonicNs(7));
        allowance.spend(BURST - 1);
        assert!(allowance.is_left());
        allowance.spend(1 + 3 * RATE);
        allowance.refill(MonotonicNs(3_000_000_000));
        assert!(!allowance.is_left());
        allowance.refill(MonotonicNs(3_100_000_000));
        assert!(allowance.is_left());
    }
}
