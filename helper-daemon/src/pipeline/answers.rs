//! What the history answers, as the bus carries it.

use std::sync::{Arc, atomic::AtomicBool};

use portolan_bus::{Access, Column, Error, Groups, Other, PlaceData, QueryResult, QueryRow, SeriesResult};
use portolan_core::Dimension;
use portolan_history::{Answer, Covered, Group, Line, Question, Series, Step, Sum, language::Field};

use super::{archive::Archive, atlas::Atlas};
use crate::dbus::Viewer;

impl Archive {
    /// Sums by group.
    ///
    /// # Errors
    /// The history cannot be read, or gives no answer.
    pub async fn query(
        &self,
        viewer: Viewer,
        question: Question,
        atlas: &Atlas,
        cancelled: Arc<AtomicBool>,
    ) -> Result<QueryResult, Error> {
        let atlas = atlas.clone();
        let ask = move |reader: &_, limits: &_| {
            let Answer { groups: found, other, total, covered } =
                portolan_history::Reader::answer(reader, &question, limits)?;
            Ok(QueryResult {
                groups: groups(found, other),
                total: sum(total),
                covered: self::covered(covered),
                places: places(&question.by, &atlas),
                access: viewer.access,
            })
        };
        self.ask(viewer.uid, cancelled, ask).await
    }

    /// What moved in each step of time.
    ///
    /// # Errors
    /// The history cannot be read, or gives no answer.
    pub async fn series(
        &self,
        viewer: Viewer,
        question: Question,
        step: Step,
        atlas: &Atlas,
        cancelled: Arc<AtomicBool>,
    ) -> Result<SeriesResult, Error> {
        let atlas = atlas.clone();
        let ask = move |reader: &_, limits: &_| {
            let found = portolan_history::Reader::series(reader, &question, step, limits)?;
            Ok(series(found, places(&question.by, &atlas), viewer.access))
        };
        self.ask(viewer.uid, cancelled, ask).await
    }

    /// Values of a field that begin with `prefix`.
    ///
    /// # Errors
    /// The history cannot be read, or gives no answer.
    pub async fn values(
        &self,
        viewer: Viewer,
        field: Field,
        prefix: String,
        limit: usize,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Vec<String>, Error> {
        let ask = move |reader: &portolan_history::Reader, limits: &_| {
            reader.values(field, &prefix, limit, viewer.only(), limits)
        };
        self.ask(viewer.uid, cancelled, ask).await
    }
}

pub(super) fn groups(groups: Vec<Group>, other: Option<(Sum, u64)>) -> Groups {
    let row = |Group { keys, sum }: Group| QueryRow {
        keys,
        tx_bytes: sum.bytes.tx,
        rx_bytes: sum.bytes.rx,
        flows: sum.flows,
        first_unix_ms: sum.first.map_or(0, |first| first.0),
        last_unix_ms: sum.last.map_or(0, |last| last.0),
    };
    let other = other.map(|(other, groups)| Other { groups, sum: sum(other) });
    Groups::new(groups.into_iter().map(row).collect(), other)
}

pub(super) fn sum(sum: Sum) -> portolan_bus::Sum {
    portolan_bus::Sum {
        tx_bytes: sum.bytes.tx,
        rx_bytes: sum.bytes.rx,
        flows: sum.flows,
        first_unix_ms: sum.first.map(|first| first.0),
        last_unix_ms: sum.last.map(|last| last.0),
    }
}

pub(super) fn covered(covered: Covered) -> portolan_bus::Covered {
    portolan_bus::Covered {
        since_unix_ms: covered.since.map(|since| since.0),
        until_unix_ms: covered.until.map(|until| until.0),
        finest: covered.finest.to_owned(),
    }
}

fn series(series: Series, places: Vec<PlaceData>, access: Access) -> SeriesResult {
    let Series { step_ms, times, lines, other, covered } = series;
    let line = |line: Line| portolan_bus::Line { tx_bytes: line.tx, rx_bytes: line.rx, flows: line.flows };
    SeriesResult {
        step_ms,
        times_unix_ms: times,
        keys: Column::of(lines.iter().map(|line| line.keys.clone()).collect()),
        lines: lines.into_iter().map(line).collect(),
        other: other.map(line),
        covered: self::covered(covered),
        places,
        access,
    }
}

/// Whose countries and networks an answer shows.
fn places(by: &[Dimension], atlas: &Atlas) -> Vec<PlaceData> {
    let shows = by.iter().any(|by| matches!(by, Dimension::Country | Dimension::Asn));
    if shows { atlas.sources() } else { Vec::new() }
}
