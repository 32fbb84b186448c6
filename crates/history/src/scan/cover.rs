use portolan_core::UnixMillis;
use rusqlite::{Connection, OptionalExtension};

use crate::{Covered, block::Level, language::Query};

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
    /// The start of the first block, and of the last.
    ends: Option<(i64, i64)>,
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
        let mut closed = connection.prepare("SELECT until_ms FROM closed WHERE level = ?1")?;
        let mut levels = Vec::new();
        for level in Level::ALL {
            let (first, last): (Option<i64>, Option<i64>) =
                bounds.query_row([level.number()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let until = match level {
                Level::Bucket => None,
                _ => {
                    Some(closed.query_row([level.number()], |row| row.get(0)).optional()?.unwrap_or(i64::MIN))
                }
            };
            levels.push((level, first.zip(last), until));
        }
        Ok(Self::of(&levels))
    }

    /// Each level with the starts of its first and its last block, and how far it is closed (`None`: to the end).
    fn of(levels: &[(Level, Option<(i64, i64)>, Option<i64>)]) -> Self {
        let windows = levels.iter().enumerate().map(|(at, (level, starts, until))| {
            let coarser = levels.get(at + 1..).unwrap_or_default();
            let first = starts.map(|(first, _)| i128::from(first));
            // Deleted by its age is what a coarser level begins with earlier.
            let is_cut = coarser.iter().any(|(coarser, starts, _)| {
                starts.is_some_and(|(start, _)| {
                    first.is_none_or(|first| i128::from(start) < floor(*coarser, first))
                })
            });
            let from = match first {
                _ if !is_cut => BEGINNING,
                Some(first) => first,
                None => coarser.first().and_then(|(.., until)| *until).map_or(BEGINNING, i128::from),
            };
            Window { level: *level, from, until: until.map_or(END, |until| floor(*level, until.into())) }
        });
        let ends = levels.iter().filter_map(|(level, starts, _)| {
            let width = i64::from(level.width_ms());
            starts.map(|(first, last)| (first, last.saturating_add(width - 1)))
        });
        let ends = ends.reduce(|ends, other| (ends.0.min(other.0), ends.1.max(other.1)));
        Self { windows: windows.collect(), ends }
    }

    /// When the first block starts, and a time in the last one; `None` while there is none.
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
