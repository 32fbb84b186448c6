use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`): the clock of all arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct MonotonicNs(pub u64);

/// Milliseconds since 1970 (UTC): the label on what is stored and shown, never used for arithmetic on intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, export_to = "evidence.ts", type = "number")]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The start of the bucket of `width_ms` that this instant falls into; buckets are aligned to 1970.
    ///
    /// A width of 0 is read as 1.
    #[must_use]
    pub fn bucket_start(self, width_ms: u32) -> Self {
        let width_ms = i64::from(width_ms.max(1));
        Self(self.0 - self.0.rem_euclid(width_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_aligned_also_before_1970() {
        assert_eq!(UnixMillis(25_999).bucket_start(10_000), UnixMillis(20_000));
        assert_eq!(UnixMillis(-1).bucket_start(10_000), UnixMillis(-10_000));
    }
}
