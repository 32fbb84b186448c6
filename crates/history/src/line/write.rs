use std::io::{self, Write};

use portolan_core::{Untrusted, harmless_json};
use serde::Serialize;

use super::FlowLine;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// One JSON object on each line.
    Json,
    /// RFC 4180 with a line of headings.
    Csv,
}

/// Writes lines. What is hostile in them is text to whoever reads them, also to a terminal and a spreadsheet.
#[derive(Debug)]
pub struct Lines {
    format: Format,
    /// Headings of columns before those of a line.
    before: &'static [&'static str],
    /// Reused from line to line.
    buffer: Vec<u8>,
}

impl Lines {
    /// Writes nothing yet.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self::after(format, &[])
    }

    /// The same, with columns before those of a line; in CSV alone.
    #[must_use]
    pub fn after(format: Format, before: &'static [&'static str]) -> Self {
        Self { format, before, buffer: Vec::new() }
    }

    /// What stands at the top of a file; nothing where the format has no headings.
    pub fn write_headings(&mut self, output: &mut impl Write) -> io::Result<()> {
        if self.format == Format::Json {
            return Ok(());
        }
        let headings = self.before.iter().chain(CELLS.iter().map(|(heading, _)| heading));
        output.write_all(&record(headings.map(|heading| (*heading).to_owned()))?)
    }

    /// Writes one line with its end, in one piece.
    pub fn write(&mut self, output: &mut impl Write, line: &FlowLine) -> io::Result<()> {
        self.write_after(&[], output, line)
    }

    /// The same, with what stands in the columns before it; what is not given is empty.
    pub fn write_after(
        &mut self,
        before: &[&str],
        output: &mut impl Write,
        line: &FlowLine,
    ) -> io::Result<()> {
        self.buffer.clear();
        match self.format {
            Format::Json => self.buffer.extend(json_line(line)?.into_bytes()),
            Format::Csv => {
                let before = before.iter().copied().chain(std::iter::repeat("")).take(self.before.len());
                let cells = CELLS.iter().map(|(_, cell)| cell(line));
                self.buffer.extend(record(before.map(str::to_owned).chain(cells))?);
            }
        }
        output.write_all(&self.buffer)
    }
}

/// One JSON document on one line, with its end.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<String> {
    Ok(harmless_json(&serde_json::to_string(value)?) + "\n")
}

/// A line of CSV.
fn record(cells: impl Iterator<Item = String>) -> io::Result<Vec<u8>> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::with_capacity(512));
    writer.write_record(cells.map(|cell| harmless_cell(&cell))).map_err(io::Error::other)?;
    writer.into_inner().map_err(|error| error.into_error())
}

/// The text without what a terminal would obey; and what a spreadsheet would take for a formula begins with `'` (OWASP, “CSV
/// Injection”).
fn harmless_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let shown = Untrusted::from(text).for_terminal();
    if is_formula { format!("'{shown}") } else { shown }
}

type Cell = (&'static str, fn(&FlowLine) -> String);

fn number<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn text(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

/// A column for each field, in the order of [`FlowLine`]; what is not known is an empty cell.
const CELLS: [Cell; 35] = [
    ("start", |line| line.start.clone()),
    ("start_unix_ms", |line| line.start_unix_ms.to_string()),
    ("width_ms", |line| line.width_ms.to_string()),
    ("first_unix_ms", |line| line.first_unix_ms.to_string()),
    ("last_unix_ms", |line| line.last_unix_ms.to_string()),
    ("owner", |line| line.owner.clone()),
    ("application", |line| text(&line.application)),
    ("executable", |line| text(&line.executable)),
    ("sha256", |line| text(&line.sha256)),
    ("script", |line| text(&line.script)),
    ("script_sha256", |line| text(&line.script_sha256)),
    ("parents", |line| {
        // A list in a cell is JSON: no character could not stand in a path.
        let paths: Vec<&str> = line.parents.iter().map(|parent| parent.path.as_str()).collect();
        if paths.is_empty() { String::new() } else { serde_json::to_string(&paths).unwrap_or_default() }
    }),
    ("command_line", |line| text(&line.command_line)),
    ("uid", |line| number(line.uid)),
    ("unit", |line| text(&line.unit)),
    ("container", |line| text(&line.container)),
    ("network_namespace", |line| number(line.network_namespace)),
    ("protocol", |line| line.protocol.clone()),
    ("direction", |line| line.direction.clone()),
    ("local_address", |line| number(line.local_address)),
    ("local_port", |line| number(line.local_port)),
    ("remote_address", |line| number(line.remote_address)),
    ("remote_port", |line| number(line.remote_port)),
    ("domain", |line| text(&line.domain)),
    ("domain_source", |line| text(&line.domain_source)),
    ("domain_inferred", |line| number(line.domain_inferred)),
    ("country", |line| text(&line.country)),
    ("asn", |line| number(line.asn)),
    ("network", |line| text(&line.network)),
    ("range", |line| text(&line.range)),
    ("service_port", |line| number(line.service_port)),
    ("service", |line| text(&line.service)),
    ("tx_bytes", |line| line.tx_bytes.to_string()),
    ("rx_bytes", |line| line.rx_bytes.to_string()),
    ("flows", |line| line.flows.to_string()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Parent;

    fn written(format: Format, line: &FlowLine) -> String {
        let (mut lines, mut output) = (Lines::new(format), Vec::new());
        lines.write_headings(&mut output).unwrap();
        lines.write(&mut output, line).unwrap();
        String::from_utf8(output).unwrap()
    }

    fn hostile(text: &str) -> FlowLine {
        let parent = Parent { path: text.to_owned(), sha256: "00".repeat(32) };
        FlowLine {
            executable: Some(text.to_owned()),
            command_line: Some(text.to_owned()),
            parents: vec![parent],
            rx_bytes: u64::MAX,
            ..FlowLine::default()
        }
    }

    #[test]
    fn every_field_is_a_column_of_its_name() {
        let json = serde_json::to_value(FlowLine::default()).unwrap();
        let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns = CELLS.map(|(heading, _)| heading).to_vec();
        fields.sort_unstable();
        columns.sort_unstable();
        assert_eq!(fields, columns);
    }

    #[test]
    fn no_cell_is_a_formula_and_nothing_reaches_a_terminal() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "a\"b,c\x1b[2J\u{9b}2J\u{202e}\r\n=2",
        ] {
            let csv = written(Format::Csv, &hostile(text));
            assert!(!csv.replace("\r\n", "").chars().any(char::is_control), "{csv:?}");
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let headings = reader.headers().unwrap().clone();
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!((rows.len(), rows[0].len()), (1, CELLS.len()), "{csv:?}");
            for cell in rows[0].iter() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']), "{cell:?}");
            }
            let at = headings.iter().position(|heading| heading == "executable").unwrap();
            let shown = Untrusted::from(text).for_terminal();
            assert_eq!(rows[0][at].trim_start_matches('\''), shown);
            let json = written(Format::Json, &hostile(text));
            assert!(
                !json.trim_end_matches('\n').chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{json:?}"
            );
            assert_eq!(serde_json::from_str::<FlowLine>(&json).unwrap(), hostile(text));
        }
    }
}
