//! How long buckets are, and from when on they are of another length.

use std::time::Duration;

use portolan_core::UnixMillis;

/// The length of buckets now and, until both kinds begin at the same time, the next one: so no two buckets overlap.
#[derive(Debug)]
pub(super) struct BucketWidth {
    ms: u32,
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    ms: u32,
    /// Both lengths begin together each so many milliseconds.
    meets_each_ms: u32,
    /// When they did so last before the change was asked for.
    met: UnixMillis,
}

impl BucketWidth {
    pub(super) fn new(width: Duration) -> Self {
        Self { ms: milliseconds(width), next: None }
    }

    pub(super) fn ms(&self) -> u32 {
        self.ms
    }

    /// Another length is wanted.
    pub(super) fn change(&mut self, width: Duration, now: UnixMillis) {
        let ms = milliseconds(width);
        self.next = (ms != self.ms).then(|| {
            let meets_each_ms = least_common_multiple(self.ms, ms);
            Next { ms, meets_each_ms, met: now.bucket_start(meets_each_ms) }
        });
    }

    /// It is this late: the next length begins if it can.
    pub(super) fn at(&mut self, now: UnixMillis) {
        if let Some(Next { ms, meets_each_ms, met }) = self.next
            && now.bucket_start(meets_each_ms) != met
        {
            (self.ms, self.next) = (ms, None);
        }
    }
}

/// Both are whole parts of an hour, so this is one, too.
fn least_common_multiple(one: u32, other: u32) -> u32 {
    let (mut a, mut b) = (one, other);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (one / a.max(1)).saturating_mul(other)
}

pub(super) fn milliseconds(width: Duration) -> u32 {
    // Bounded by the reading of the configuration.
    u32::try_from(width.as_millis()).unwrap_or(u32::MAX).max(1)
}

pub(super) fn nanoseconds(tick: Duration) -> u64 {
    u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buckets of a day's seconds from `begin` on, of which the length changes at each of `changes`.
    fn buckets(begin: i64, changes: &[(i64, u64)]) -> Vec<(i64, u32)> {
        let mut width = BucketWidth::new(Duration::from_secs(10));
        let mut buckets = Vec::new();
        for second in begin..begin + 2 * 3600 {
            let now = UnixMillis(second * 1000);
            width.at(now);
            let bucket = (now.bucket_start(width.ms()).0, width.ms());
            if buckets.last() != Some(&bucket) {
                buckets.push(bucket);
            }
            for (at, seconds) in changes {
                if begin + at == second {
                    width.change(Duration::from_secs(*seconds), now);
                }
            }
        }
        buckets
    }

    #[test]
    fn buckets_of_several_lengths_follow_each_other_without_gap_or_overlap() {
        for changes in [
            &[][..],
            &[(7, 60)],
            &[(7, 60), (333, 1)],
            &[(7, 15), (100, 20), (200, 12), (300, 3600)],
            &[(7, 3600), (8, 10)],
            &[(7, 1800), (20, 60), (3000, 1)],
        ] {
            let buckets = buckets(1_700_000_003, changes);
            for pair in buckets.windows(2) {
                assert_eq!(pair[0].0 + i64::from(pair[0].1), pair[1].0, "{changes:?}");
            }
            if let Some((_, last)) = changes.last() {
                assert_eq!(u64::from(buckets.last().unwrap().1), last * 1000, "{changes:?}");
            }
        }
    }
}
