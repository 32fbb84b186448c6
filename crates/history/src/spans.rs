use std::{collections::BTreeMap, ops::Range};

use portolan_core::UnixMillis;

/// Stretches of time: none is empty, and no two of them touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans(BTreeMap<i64, i64>);

impl Spans {
    /// Adds a stretch, of which some may be there; nothing when it ends before it begins.
    pub fn add(&mut self, Range { start: UnixMillis(start), end: UnixMillis(end) }: Range<UnixMillis>) {
        if start >= end {
            return;
        }
        let (mut from, mut until) = (start, end);
        if let Some((before, its_end)) = self.0.range(..=start).next_back() {
            if *its_end >= end {
                return;
            }
            if *its_end >= start {
                from = *before;
            }
        }
        while let Some((next, its_end)) = self.0.range(from..=end).next() {
            let (next, its_end) = (*next, *its_end);
            until = until.max(its_end);
            self.0.remove(&next);
        }
        self.0.insert(from, until);
    }

    /// Adds all of others.
    pub fn extend(&mut self, others: &Self) {
        others.iter().for_each(|span| self.add(span));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Range<UnixMillis>> {
        self.0.iter().map(|(from, until)| UnixMillis(*from)..UnixMillis(*until))
    }

    /// What of a stretch is in none of them, the oldest first.
    pub fn missing_in(&self, within: Range<UnixMillis>) -> impl Iterator<Item = Range<UnixMillis>> {
        let mut from = within.start;
        let ends = self.iter().map(Some).chain([None]);
        ends.filter_map(move |span| {
            let (start, end) = span.map_or((within.end, within.end), |span| (span.start, span.end));
            let missing = from..start.min(within.end);
            from = from.max(end);
            (missing.start < missing.end).then_some(missing)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn milliseconds(spans: impl Iterator<Item = Range<UnixMillis>>) -> BTreeSet<i64> {
        spans.flat_map(|span| span.start.0..span.end.0).collect()
    }

    proptest! {
        #[test]
        fn they_are_the_milliseconds_that_were_added_and_the_others_are_missing(
            added in proptest::collection::vec((-60_i64..60, -5_i64..20), 0..20),
            within in (-80_i64..80, -10_i64..90),
        ) {
            let mut spans = Spans::default();
            let mut expected = BTreeSet::new();
            for (start, length) in added {
                spans.add(UnixMillis(start)..UnixMillis(start + length));
                expected.extend(start..start + length);
            }
            prop_assert_eq!(milliseconds(spans.iter()), expected.clone());
            let all: Vec<_> = spans.iter().collect();
            prop_assert!(all.iter().all(|span| span.start < span.end));
            prop_assert!(all.windows(2).all(|two| two[0].end < two[1].start), "{:?}", all);
            let (start, end) = (within.0, within.0 + within.1);
            let missing: Vec<_> = spans.missing_in(UnixMillis(start)..UnixMillis(end)).collect();
            prop_assert!(missing.windows(2).all(|two| two[0].end < two[1].start), "{:?}", missing);
            let others = (start..end).filter(|at| !expected.contains(at)).collect::<BTreeSet<_>>();
            prop_assert_eq!(milliseconds(missing.into_iter()), others);
        }
    }
}
