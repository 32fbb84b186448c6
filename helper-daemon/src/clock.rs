//! The only place that reads a clock.

use portolan_core::{MonotonicNs, UnixMillis};
use rustix::time::{ClockId, clock_getres, clock_gettime};
use serde::{Deserialize, Serialize};

/// One instant on both clocks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Now {
    /// For arithmetic.
    pub monotonic: MonotonicNs,
    /// For labels.
    pub wall: UnixMillis,
}

impl Now {
    /// Reads both clocks.
    #[must_use]
    pub fn read() -> Self {
        // In this order: when something comes between the two, what has a label of the past seems younger, not older.
        let real = clock_gettime(ClockId::Realtime);
        let boot = clock_gettime(ClockId::Boottime);
        Self {
            monotonic: MonotonicNs(
                u64::try_from(boot.tv_sec)
                    .unwrap_or_default()
                    .saturating_mul(1_000_000_000)
                    .saturating_add(u64::try_from(boot.tv_nsec).unwrap_or_default()),
            ),
            wall: UnixMillis(real.tv_sec.saturating_mul(1000).saturating_add(real.tv_nsec / 1_000_000)),
        }
    }

    /// The label of an earlier instant of the monotonic clock; of now for a later one.
    #[must_use]
    pub fn wall_at(&self, earlier: MonotonicNs) -> UnixMillis {
        let ago_ms = self.monotonic.0.saturating_sub(earlier.0) / 1_000_000;
        UnixMillis(self.wall.0.saturating_sub(i64::try_from(ago_ms).unwrap_or(i64::MAX)))
    }
}

/// How long the kernel's timestamps of files stand still: a tick, 1 to 10 ms.
#[must_use]
pub fn tick_ns() -> u64 {
    let tick = clock_getres(ClockId::RealtimeCoarse);
    u64::try_from(tick.tv_nsec).unwrap_or(10_000_000)
}
