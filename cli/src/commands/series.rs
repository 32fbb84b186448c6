//! What moved over time, as JSON and as a table.

use std::collections::BTreeMap;

use portolan_bus::{Access, Column, Covered, Line, PlaceData, QueryRow, SeriesResult};
use portolan_core::Dimension;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    query::{Asked, covered, marks, whose},
    query_row::{Look, keys, over_time},
};
use crate::show::{places::source, wrap::wrap};

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
    other: Option<&'a Line>,
    places: &'a [PlaceData],
}

impl<'a> Answer<'a> {
    pub(crate) fn new(asked: &'a Asked, result: &'a SeriesResult) -> Self {
        let lines = result.lines.iter().enumerate();
        let line = |(at, line)| JsonLine { by: &asked.by, keys: Column::keys_at(&result.keys, at), line };
        Self {
            query: &asked.request.query,
            by: asked.by.iter().map(|dimension| dimension.as_str()).collect(),
            access: result.access,
            covered: &result.covered,
            step_ms: result.step_ms,
            times_unix_ms: &result.times_unix_ms,
            lines: lines.map(line).collect(),
            other: result.other.as_ref(),
            places: &result.places,
        }
    }
}

/// A line: its keys as those of a row, then what moved in each step.
struct JsonLine<'a> {
    by: &'a [Dimension],
    keys: BTreeMap<String, String>,
    line: &'a Line,
}

impl Serialize for JsonLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        keys(self.by, &self.keys, &mut map)?;
        map.serialize_entry("tx_bytes", &self.line.tx_bytes)?;
        map.serialize_entry("rx_bytes", &self.line.rx_bytes)?;
        map.serialize_entry("flows", &self.line.flows)?;
        map.end()
    }
}

/// A row for each step of each line in which something moved.
pub(crate) fn page(asked: &Asked, result: &SeriesResult, look: &Look) -> String {
    let mut rows = Vec::new();
    for (step, time) in result.times_unix_ms.iter().enumerate() {
        for (at, line) in result.lines.iter().enumerate() {
            rows.extend(row(line, step, *time, Column::keys_at(&result.keys, at)).map(|row| (row, false)));
        }
        let other = result.other.as_ref().and_then(|other| row(other, step, *time, BTreeMap::new()));
        rows.extend(other.map(|row| (row, true)));
    }
    let whose = whose(result.access);
    if rows.is_empty() {
        return format!("Nothing was recorded of that{whose}.\n");
    }
    let mut page = over_time(&asked.by, &rows, look).render(look.terminal_width);
    let count = result.lines.len();
    let plural = if count == 1 { "" } else { "s" };
    let lines = format!("{count} line{plural} in steps of {}{whose}", length(result.step_ms));
    let rows: Vec<QueryRow> = rows.into_iter().map(|(row, _)| row).collect();
    let sources = result.places.iter().map(|places| source(places, &look.clock));
    let below = [Some(lines), covered(&result.covered, look), marks(&rows)];
    for line in below.into_iter().flatten().chain(sources) {
        page.push_str(&(wrap(&line, look.terminal_width, 0) + "\n"));
    }
    page
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
