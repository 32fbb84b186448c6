//! What moved over time, as JSON and as a table.

use std::collections::BTreeMap;

use portolan_bus::{Access, Column, Covered, Gap, Line, PlaceData, QueryRow, SeriesResult};
use portolan_core::{Dimension, UnixMillis};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    query::{Asked, covered, marks, whose},
    query_row::{Look, StepRow, keys, over_time},
};
use crate::show::{places::source, wrap::wrap};

/// More of them are counted.
const GAPS_SAID: usize = 3;

/// The JSON document.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    query: &'a str,
    by: Vec<&'static str>,
    access: Access,
    covered: &'a Covered,
    step_ms: i64,
    times_unix_ms: &'a [i64],
    lines: Vec<JsonLine<'a>>,
    other: Option<Amounts<'a>>,
    gaps: &'a [Gap],
    places: &'a [PlaceData],
}

impl<'a> Answer<'a> {
    pub(crate) fn new(asked: &'a Asked, result: &'a SeriesResult) -> Self {
        let lines = result.lines.iter().enumerate();
        let amounts = |line| Amounts { line, of: result };
        let line = |(at, line)| {
            let keys = Column::keys_at(&result.keys, at);
            JsonLine { by: &asked.by, keys, amounts: amounts(line) }
        };
        Self {
            query: &asked.request.query,
            by: asked.by.iter().map(|dimension| dimension.as_str()).collect(),
            access: result.access,
            covered: &result.covered,
            step_ms: result.step_ms,
            times_unix_ms: &result.times_unix_ms,
            lines: lines.map(line).collect(),
            other: result.other.as_ref().map(amounts),
            gaps: &result.gaps,
            places: &result.places,
        }
    }
}

/// A line: its keys as those of a row, then what moved in each step.
struct JsonLine<'a> {
    by: &'a [Dimension],
    keys: BTreeMap<String, String>,
    amounts: Amounts<'a>,
}

/// What moved in each step; `null` where nobody recorded.
#[derive(Clone, Copy)]
struct Amounts<'a> {
    line: &'a Line,
    of: &'a SeriesResult,
}

impl Amounts<'_> {
    fn columns(&self) -> [(&'static str, Vec<Option<u64>>); 3] {
        let Line { tx_bytes, rx_bytes, flows } = self.line;
        let known = |numbers: &[u64]| {
            let steps = numbers.iter().zip(&self.of.times_unix_ms);
            steps.map(|(number, start)| (!self.of.is_gap(*start)).then_some(*number)).collect()
        };
        [("tx_bytes", known(tx_bytes)), ("rx_bytes", known(rx_bytes)), ("flows", known(flows))]
    }
}

impl Serialize for Amounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns())
    }
}

impl Serialize for JsonLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        keys(self.by, &self.keys, &mut map)?;
        for (name, amounts) in self.amounts.columns() {
            map.serialize_entry(name, &amounts)?;
        }
        map.end()
    }
}

/// A row for each step of each line in which something moved, and for each time in which nobody recorded.
pub(crate) fn page(asked: &Asked, result: &SeriesResult, look: &Look) -> String {
    let mut rows = Vec::new();
    let mut gaps = result.gaps.iter().peekable();
    for (step, time) in result.times_unix_ms.iter().enumerate() {
        while let Some(gap) = gaps.next_if(|gap| gap.from_unix_ms <= *time) {
            rows.push(StepRow::Gap(*gap));
        }
        for (at, line) in result.lines.iter().enumerate() {
            let keys = Column::keys_at(&result.keys, at);
            rows.extend(row(line, step, *time, keys).map(StepRow::Line));
        }
        let other = result.other.as_ref().and_then(|other| row(other, step, *time, BTreeMap::new()));
        rows.extend(other.map(StepRow::Others));
    }
    let whose = whose(result.access);
    if !rows.iter().any(|row| !matches!(row, StepRow::Gap(_))) {
        return format!("Nothing was recorded of that{whose}.\n");
    }
    let mut page = over_time(&asked.by, &rows, look).render(look.terminal_width);
    let count = result.lines.len();
    let plural = if count == 1 { "" } else { "s" };
    let lines = format!("{count} line{plural} in steps of {}{whose}", length(result.step_ms));
    let rows: Vec<QueryRow> = rows.into_iter().filter_map(StepRow::into_moved).collect();
    let sources = result.places.iter().map(|places| source(places, &look.clock));
    let below = [Some(lines), covered(&result.covered, look), unrecorded(&result.gaps, look), marks(&rows)];
    for line in below.into_iter().flatten().chain(sources) {
        page.push_str(&(wrap(&line, look.terminal_width, 0) + "\n"));
    }
    page
}

/// When nobody recorded; `None` when somebody did at all times.
fn unrecorded(gaps: &[Gap], look: &Look) -> Option<String> {
    let instant = |unix_ms: i64| look.clock.full(UnixMillis(unix_ms));
    let said = gaps.iter().take(GAPS_SAID);
    let said =
        said.map(|gap| format!("from {} to {}", instant(gap.from_unix_ms), instant(gap.until_unix_ms)));
    let more = gaps.len().saturating_sub(GAPS_SAID);
    let more = (more > 0).then(|| format!("{more} times more"));
    let said: Vec<String> = said.chain(more).collect();
    (!said.is_empty()).then(|| format!("Not recorded {}.", said.join(", ")))
}

fn length(step_ms: i64) -> String {
    match step_ms {
        60_000 => "a minute".to_owned(),
        3_600_000 => "an hour".to_owned(),
        86_400_000 => "a day of UTC".to_owned(),
        _ => format!("{} s", step_ms / 1000),
    }
}

/// What moved in one step of a line; `None` when nothing did.
fn row(line: &Line, step: usize, time: i64, keys: BTreeMap<String, String>) -> Option<QueryRow> {
    let (tx_bytes, rx_bytes) = (*line.tx_bytes.get(step)?, *line.rx_bytes.get(step)?);
    let flows = *line.flows.get(step)?;
    let row = QueryRow { keys, tx_bytes, rx_bytes, flows, first_unix_ms: time, last_unix_ms: time };
    ((tx_bytes, rx_bytes, flows) != (0, 0, 0)).then_some(row)
}
