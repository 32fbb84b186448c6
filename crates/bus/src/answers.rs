//! What the history answers, as the bus carries it: for whoever asks a history itself.

use std::ops::Range;

use portolan_core::UnixMillis;
use portolan_history::{Answer, Covered, Forgotten, Group, Info, Keys, LevelInfo, Line, Series, Sum};

use crate::{
    Access, Column, ForgottenPart, Gap, Groups, HistoryContents, HistoryLevel, Other, PlaceData, QueryResult,
    SeriesResult, groups, query,
};

impl From<Sum> for groups::Sum {
    fn from(sum: Sum) -> Self {
        Self {
            tx_bytes: sum.bytes.tx,
            rx_bytes: sum.bytes.rx,
            flows: sum.flows,
            first_unix_ms: sum.first.map(|first| first.0),
            last_unix_ms: sum.last.map(|last| last.0),
        }
    }
}

impl From<Covered> for query::Covered {
    fn from(covered: Covered) -> Self {
        Self {
            since_unix_ms: covered.since.map(|since| since.0),
            until_unix_ms: covered.until.map(|until| until.0),
            finest: covered.finest.to_owned(),
        }
    }
}

impl From<Line> for query::Line {
    fn from(line: Line) -> Self {
        Self { tx_bytes: line.tx, rx_bytes: line.rx, flows: line.flows }
    }
}

impl HistoryContents {
    /// What a file holds; how long it is kept is the daemon's to say.
    #[must_use]
    pub fn found(path: String, info: &Info, levels: &[LevelInfo], forgotten: &[Forgotten]) -> Self {
        let level = |level: &LevelInfo| HistoryLevel {
            level: level.level.to_owned(),
            intervals: Some(level.intervals),
            rows: Some(level.rows),
            bytes: Some(level.bytes),
            first_unix_ms: level.first.map(|first| first.0),
            last_unix_ms: level.last.map(|last| last.0),
            kept: String::new(),
        };
        Self {
            path,
            file_bytes: Some(info.file_bytes),
            log_bytes: Some(info.log_bytes),
            max_bytes: None,
            levels: levels.iter().map(level).collect(),
            forgotten: forgotten.iter().map(ForgottenPart::from).collect(),
        }
    }

    /// What a user may know of it who sees only their own traffic: nothing that others' traffic changes.
    #[must_use]
    pub fn of_one_user(levels: &[&str], forgotten: &[Forgotten]) -> Self {
        let level = |level: &&str| HistoryLevel { level: (*level).to_owned(), ..HistoryLevel::default() };
        Self {
            levels: levels.iter().map(level).collect(),
            forgotten: forgotten.iter().map(ForgottenPart::from).collect(),
            ..Self::default()
        }
    }
}

impl From<&Forgotten> for ForgottenPart {
    fn from(part: &Forgotten) -> Self {
        Self { unix_ms: part.at.0, by: part.by.0, rows: part.rows, bytes: part.bytes }
    }
}

impl Groups {
    /// The groups of an answer.
    #[must_use]
    pub fn found(groups: Vec<Group>, other: Option<(Sum, u64)>) -> Self {
        let ms = |time: Option<UnixMillis>| time.map_or(0, |time| time.0);
        Self {
            keys: Column::of(groups.iter().map(|group| words(&group.keys))),
            tx_bytes: groups.iter().map(|group| group.sum.bytes.tx).collect(),
            rx_bytes: groups.iter().map(|group| group.sum.bytes.rx).collect(),
            flows: groups.iter().map(|group| group.sum.flows).collect(),
            first_unix_ms: groups.iter().map(|group| ms(group.sum.first)).collect(),
            last_unix_ms: groups.iter().map(|group| ms(group.sum.last)).collect(),
            other: other.map(|(sum, groups)| Other { groups, sum: sum.into() }),
        }
    }
}

fn words(keys: &Keys) -> impl Iterator<Item = (&str, &str)> {
    keys.iter().map(|(key, word)| (key, word.as_str()))
}

impl QueryResult {
    /// An answer.
    #[must_use]
    pub fn found(answer: Answer, places: Vec<PlaceData>, access: Access) -> Self {
        let Answer { groups, other, total, covered } = answer;
        let groups = Groups::found(groups, other);
        Self { groups, total: total.into(), covered: covered.into(), places, access }
    }
}

impl SeriesResult {
    /// A series.
    #[must_use]
    pub fn found(series: Series, places: Vec<PlaceData>, access: Access) -> Self {
        let Series { step_ms, times, lines, other, gaps, covered } = series;
        let gap = |gap: Range<UnixMillis>| Gap { from_unix_ms: gap.start.0, until_unix_ms: gap.end.0 };
        Self {
            step_ms,
            times_unix_ms: times,
            keys: Column::of(lines.iter().map(|line| words(&line.keys))),
            lines: lines.into_iter().map(Into::into).collect(),
            other: other.map(Into::into),
            gaps: gaps.into_iter().map(gap).collect(),
            covered: covered.into(),
            places,
            access,
        }
    }
}
