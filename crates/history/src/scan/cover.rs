use portolan_core::UnixMillis;
use rusqlite::Connection;

use crate::{
    Covered,
    block::Level,
    language::Query,
    tables::{closed, recorded},
};

/// What of one level is there: all that was written with a start in `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    level: Level,
    from: i128,
    until: i128,
}

/// Which levels hold which time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// From the finest to the coarsest.
    windows: Vec<Window>,
    /// The start of the first block, and a time in the last; or the last at which somebody recorded, where that is later.
    ends: Option<(i64, i64)>,
}

/// What there is of a level.
#[derive(Debug, Clone, Copy)]
struct Kept {
    level: Level,
    /// The starts of its first and its last block.
    starts: Option<(i64, i64)>,
    /// How far it is closed; `None`: to the end.
    until: Option<i64>,
    /// Before when some of it was deleted for its age; `None`: nothing was.
    deleted: Option<i64>,
}

/// Blocks of one level that start in `[since, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) level: Level,
    since: i128,
    until: i128,
}

/// The blocks that answer for a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cover {
    /// The oldest first.
    pub(crate) spans: Vec<Span>,
    pub(crate) covered: Covered,
}

/// Every time that a block can start at lies in between, and both are starts of days.
const BEGINNING: i128 = -(1 << 40) * 86_400_000;
const END: i128 = -BEGINNING;

impl Span {
    /// The first and the last start, as they are bound.
    pub(crate) fn starts(self) -> (i64, i64) {
        (clamp(self.since), clamp(self.until - 1))
    }
}

fn clamp(time: i128) -> i64 {
    i64::try_from(time).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
}

fn floor(level: Level, time: i128) -> i128 {
    time - time.rem_euclid(width(level))
}

fn ceil(level: Level, time: i128) -> i128 {
    -floor(level, -time)
}

fn width(level: Level) -> i128 {
    i128::from(level.width_ms())
}

impl Window {
    /// The first interval at or after `time` that is there as a whole, by its start; `None` when it ends after `before`.
    fn first_after(self, time: i128, before: i128) -> Option<i128> {
        let start = ceil(self.level, time.max(self.from));
        (start + width(self.level) <= self.until.min(before)).then_some(start)
    }

    /// The start of the interval in which `time` lies, where that is there.
    fn around(self, time: i128) -> Option<i128> {
        let start = floor(self.level, time);
        (self.from <= start && start + width(self.level) <= self.until).then_some(start)
    }
}

impl Held {
    /// Reads what there is.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut bounds =
            connection.prepare("SELECT min(start_ms), max(start_ms) FROM block WHERE level = ?1")?;
        let mut levels = Vec::new();
        for level in Level::ALL {
            let (first, last): (Option<i64>, Option<i64>) =
                bounds.query_row([level.number()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let until = match level {
                Level::Bucket => None,
                _ => Some(closed::until(connection, level)?.unwrap_or(i64::MIN)),
            };
            let deleted = closed::deleted(connection, level)?;
            levels.push(Kept { level, starts: first.zip(last), until, deleted });
        }
        let mut held = Self::of(&levels);
        let last = recorded::last(connection)?.map_or(i64::MIN, |UnixMillis(until)| until.saturating_sub(1));
        held.ends = held.ends.map(|ends| (ends.0, ends.1.max(last)));
        Ok(held)
    }

    /// What there is, by what is kept of each level.
    fn of(levels: &[Kept]) -> Self {
        let windows = levels.iter().enumerate().map(|(at, kept)| {
            let Kept { level, starts, until, deleted } = *kept;
            let coarser = levels.get(at + 1..).unwrap_or_default();
            let from = deleted.map_or(BEGINNING, i128::from);
            // Deleted because it was labelled far ahead is what a coarser level has on a later day.
            let last_day = starts.map(|(_, last)| ceil(Level::Day, i128::from(last) + 1));
            let is_cut_ahead = |day: &i128| {
                coarser.iter().any(|kept| kept.starts.is_some_and(|(_, last)| i128::from(last) >= *day))
            };
            let ahead = last_day.filter(is_cut_ahead).unwrap_or(END);
            let until = until.map_or(END, |until| floor(level, until.into())).min(ahead);
            Window { level, from, until }
        });
        let ends = levels.iter().filter_map(|kept| {
            let width = i64::from(kept.level.width_ms());
            kept.starts.map(|(first, last)| (first, last.saturating_add(width - 1)))
        });
        let ends = ends.reduce(|ends, other| (ends.0.min(other.0), ends.1.max(other.1)));
        Self { windows: windows.collect(), ends }
    }

    /// When the first block starts, and a time in the last one, or when somebody recorded after it; `None` while there is none.
    pub(crate) fn ends(&self) -> Option<(i64, i64)> {
        self.ends
    }

    /// The fewest blocks, none of them longer than `coarsest` allows, that are exactly the range. Where the finer ones were deleted
    /// they are longer, and may reach beyond the range; not so when `only` that level is of use.
    pub(crate) fn cover(&self, query: &Query, coarsest: Level, only: bool) -> Cover {
        let since = query.since.map_or(BEGINNING, |since| since.0.into());
        let until = query.until.map_or(END, |until| until.0.into());
        let allowed = |window: &&Window| window.level <= coarsest;
        let mut spans: Vec<Span> = Vec::new();
        let mut at = since;
        while at < until {
            let fits = self.windows.iter().rev().filter(allowed);
            let fit =
                fits.filter_map(|window| (window.first_after(at, until)? == at).then_some(*window)).next();
            let (window, start) = match fit {
                Some(window) => (window, at),
                None => match self.windows.iter().find_map(|window| Some((*window, window.around(at)?))) {
                    Some((window, start)) if !only || window.level <= coarsest => (window, start),
                    _ => match self.next(at, until, only.then_some(coarsest)) {
                        Some(next) => {
                            at = next;
                            continue;
                        }
                        None => break,
                    },
                },
            };
            let end = self.end_of(window, start, until, coarsest);
            spans.push(Span { level: window.level, since: start, until: end });
            at = end;
        }
        let finest = spans.iter().map(|span| span.level).min().unwrap_or(coarsest);
        let first = spans.first().map_or(since, |span| span.since);
        let last = spans.last().map_or(until, |span| span.until);
        let covered = Covered {
            since: (first > BEGINNING).then(|| UnixMillis(clamp(first))),
            until: (last < END).then(|| UnixMillis(clamp(last))),
            finest: finest.as_str(),
        };
        Cover { spans, covered }
    }

    /// Up to where blocks of this level, the first of which starts at `start`, are the best ones.
    fn end_of(&self, window: Window, start: i128, until: i128, coarsest: Level) -> i128 {
        let width = width(window.level);
        let others = self.windows.iter().filter(|other| other.level != window.level);
        let stops = others.filter_map(|other| {
            if other.level < window.level {
                // From here on the finer one was not deleted.
                (other.from > start).then(|| ceil(window.level, other.from))
            } else {
                (other.level <= coarsest).then(|| other.first_after(start + 1, until)).flatten()
            }
        });
        let own =
            if window.level == Level::Bucket { until } else { floor(window.level, until).max(start + width) };
        stops.chain([own, window.until]).min().unwrap_or(own).max(start + width)
    }

    /// The next time at which there is anything.
    fn next(&self, at: i128, until: i128, coarsest: Option<Level>) -> Option<i128> {
        let windows =
            self.windows.iter().filter(|window| coarsest.is_none_or(|coarsest| window.level <= coarsest));
        windows.filter_map(|window| window.first_after(at + 1, END)).min().filter(|next| *next < until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    /// Of what is closed far ahead, the finer levels end with these days.
    fn cut_ahead(mut held: Held, days: [i64; 3]) -> Held {
        for (window, days) in held.windows.iter_mut().zip(days) {
            window.until = i128::from(days) * width(Level::Day);
        }
        held
    }

    fn windows(from: [i64; 4], until: [i64; 3]) -> Held {
        let windows = Level::ALL.into_iter().enumerate().map(|(at, level)| Window {
            level,
            from: ceil(level, from[at].into()),
            until: at.checked_sub(1).map_or(END, |at| floor(level, until[at].into())),
        });
        Held { windows: windows.collect(), ends: None }
    }

    /// Whatever is kept: no time is summed twice, the order is that of time, and what is kept as buckets is answered exactly.
    ///
    /// `kept`: how much longer each coarser level is kept than the one before. Times are multiples of `round`.
    fn assert_follow(
        since: Option<i64>,
        length: i64,
        kept: [i64; 4],
        closed: i64,
        coarsest: usize,
        round: i64,
    ) -> Result<(), TestCaseError> {
        let coarsest = Level::ALL[coarsest];
        let from = [kept[0] + kept[1] + kept[2], kept[0] + kept[1], kept[0], 0];
        let held = windows(from, [closed; 3]);
        let since = since.map(|since| since - since % round);
        let until = since.unwrap_or(0) + length - length % round;
        let query =
            Query { since: since.map(UnixMillis), until: Some(UnixMillis(until)), ..Query::default() };
        let cover = held.cover(&query, coarsest, false);
        prop_assert!(cover.spans.iter().all(|span| span.since < span.until));
        prop_assert!(cover.spans.windows(2).all(|two| two[0].until == two[1].since), "{cover:?}");
        prop_assert!(cover.spans.len() < 20, "{cover:?}");
        for span in &cover.spans {
            let is_whole = |time| floor(span.level, time) == time;
            prop_assert!(is_whole(span.since) && is_whole(span.until));
            let window = held.windows[usize::from(span.level.number())];
            prop_assert!(window.from <= span.since && span.until <= window.until, "{cover:?}");
            // Longer than allowed is only what is not kept otherwise.
            let allowed = held.windows[usize::from(coarsest.number())];
            prop_assert!(span.level <= coarsest || span.since < allowed.from.max(i128::from(from[0])));
        }
        let (first, last) = (cover.spans.first(), cover.spans.last());
        if since.is_some_and(|since| since >= from[0]) && length >= round {
            prop_assert_eq!(first.map(|span| span.since), since.map(i128::from));
        }
        // A day in which the finer ones begin may be needed as a whole.
        if i128::from(until) >= ceil(Level::Day, from[0].into()) && since.is_none_or(|since| since < until) {
            prop_assert_eq!(last.map(|span| span.until), Some(i128::from(until)));
        }
        if let (Some(since), Some(first)) = (since, first) {
            prop_assert!(first.since <= since.into());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn spans_follow_each_other_and_are_exact_where_they_can_be(
            since in proptest::option::of(0_i64..5 * 1440 * MINUTE),
            length in 0_i64..4 * 1440 * MINUTE,
            kept in proptest::array::uniform4(0_i64..1440 * MINUTE),
            closed in 4 * 1440 * MINUTE..5 * 1440 * MINUTE,
            coarsest in 0_usize..4,
            round in prop_oneof![Just(1), Just(MINUTE), Just(60 * MINUTE), Just(1440 * MINUTE)],
        ) {
            assert_follow(since, length, kept, closed, coarsest, round)?;
        }
    }

    #[test]
    fn a_range_from_the_beginning_ends_where_it_is_to() {
        assert_follow(None, 47_972_645, [1, 0, 0, 0], 345_600_000, 0, 1).unwrap();
    }

    #[test]
    fn where_the_finer_ones_were_deleted_ahead_the_coarser_ones_go_on() {
        let day = 1440 * MINUTE;
        let held = cut_ahead(windows([0; 4], [100 * day; 3]), [3, 4, 5]);
        for since in [None, Some(5 * MINUTE), Some(3 * day), Some(4 * day + 7), Some(50 * day)] {
            for coarsest in Level::ALL {
                let query = Query { since: since.map(UnixMillis), ..Query::default() };
                let spans = held.cover(&query, coarsest, false).spans;
                assert!(spans.windows(2).all(|two| two[0].until == two[1].since), "{spans:?}");
                assert!(spans.iter().all(|span| span.since < span.until));
                let days = spans.iter().find(|span| span.level == Level::Day).unwrap();
                assert!(
                    days.until == 100 * i128::from(day)
                        && (days.since <= 5 * i128::from(day)
                            || since.is_some_and(|since| i128::from(since) >= days.since)),
                    "{spans:?}"
                );
            }
        }
    }

    #[test]
    fn a_range_is_covered_from_coarse_to_fine() {
        let held = windows([-1440 * MINUTE; 4], [10 * 1440 * MINUTE; 3]);
        let query = Query {
            since: Some(UnixMillis(1430 * MINUTE - 1)),
            until: Some(UnixMillis(2880 * MINUTE + 61 * MINUTE + 1)),
            ..Query::default()
        };
        let levels = |coarsest| -> Vec<Level> {
            held.cover(&query, coarsest, false).spans.iter().map(|span| span.level).collect()
        };
        use Level::{Bucket, Day, Hour, Minute};
        assert_eq!(levels(Day), [Bucket, Minute, Day, Hour, Minute, Bucket]);
        assert_eq!(levels(Hour), [Bucket, Minute, Hour, Minute, Bucket]);
        assert_eq!(levels(Bucket), [Bucket]);
    }
}
