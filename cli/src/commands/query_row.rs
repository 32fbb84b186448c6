//! One group of the history's answer, as JSON and as cells of a table.

use std::collections::{BTreeMap, BTreeSet};

use portolan_bus::{Gap, Other, QueryRow};
use portolan_core::{Dimension, UnixMillis, Untrusted};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::show::{
    amount::{Precision, bytes, grouped},
    clock::Clock,
    cut::Cut,
    provenance,
    service::is_port,
    table::{Cell, Column, Table},
    users::Users,
};

/// A row as documented in `docs/cli.md`: the keys asked for in their order, their details, the sums.
pub(crate) struct JsonRow<'a> {
    pub(crate) by: &'a [Dimension],
    pub(crate) row: QueryRow,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        keys(self.by, &self.row.keys, &mut map)?;
        map.serialize_entry("tx_bytes", &self.row.tx_bytes)?;
        map.serialize_entry("rx_bytes", &self.row.rx_bytes)?;
        map.serialize_entry("flows", &self.row.flows)?;
        let known = |unix_ms| (!is_empty(&self.row)).then_some(unix_ms);
        map.serialize_entry("first_unix_ms", &known(self.row.first_unix_ms))?;
        map.serialize_entry("last_unix_ms", &known(self.row.last_unix_ms))?;
        map.end()
    }
}

/// What a row is of: the keys asked for in their order, their details, and what else is known.
pub(crate) fn keys<M: SerializeMap>(
    by: &[Dimension],
    row: &BTreeMap<String, String>,
    map: &mut M,
) -> Result<(), M::Error> {
    let mut written = BTreeSet::new();
    for dimension in by {
        let word = dimension.as_str();
        if !written.insert(word) {
            continue;
        }
        match value(row, *dimension) {
            None => map.serialize_entry(word, &None::<String>)?,
            Some(text) => match number(*dimension, text) {
                Some(number) => map.serialize_entry(word, &number)?,
                None => map.serialize_entry(word, text)?,
            },
        }
        for detail in details(*dimension) {
            if !written.insert(detail) {
                continue;
            }
            let text = row.get(*detail);
            match *detail {
                "inferred" | "recognised" => {
                    map.serialize_entry(detail, &text.map(|text| text == "true"))?;
                }
                _ => map.serialize_entry(detail, &text)?,
            }
        }
    }
    for (key, text) in row.iter().filter(|(key, _)| !written.contains(key.as_str())) {
        if key == "kernel" { map.serialize_entry(key, &true)? } else { map.serialize_entry(key, text)? }
    }
    Ok(())
}

/// How values are written.
pub(crate) struct Look {
    pub(crate) clock: Clock,
    pub(crate) precision: Precision,
    /// `None` for a file or a pipe.
    pub(crate) terminal_width: Option<usize>,
}

impl Look {
    fn instant(&self, unix_ms: i64) -> Cell {
        Cell::own(self.clock.for_table(UnixMillis(unix_ms), self.terminal_width))
    }
}

/// The rows as a table: a column for each dimension, then the sums; all others in the last row.
pub(crate) fn table(by: &[Dimension], rows: &[QueryRow], other: Option<&Other>, look: &Look) -> Table {
    let mut columns = columns(by);
    let circumstances = [("FIRST", 1), ("LAST", 3)];
    columns.extend(circumstances.map(|(title, order)| Column::number(title).leaving(order)));
    let mut users = Users::default();
    let times = |first: i64, last: i64| [first, last].map(|unix_ms| look.instant(unix_ms));
    let of_row = |row: &QueryRow| {
        let mut cells = of_keys(by, row, look, &mut users);
        cells.extend(sums(row.tx_bytes, row.rx_bytes, row.flows, look));
        cells.extend(times(row.first_unix_ms, row.last_unix_ms));
        cells
    };
    let mut rows: Vec<Vec<Cell>> = rows.iter().map(of_row).collect();
    rows.extend(other.map(|Other { groups, sum }| {
        let mut cells = others(by, &format!("({} others)", grouped(*groups)));
        cells.extend(sums(sum.tx_bytes, sum.rx_bytes, sum.flows, look));
        cells.extend(times(sum.first_unix_ms.unwrap_or(0), sum.last_unix_ms.unwrap_or(0)));
        cells
    }));
    Table { columns, rows }
}

/// What stands in a row of a series.
pub(crate) enum StepRow {
    /// What moved in a step of a line.
    Line(QueryRow),
    /// What all others moved.
    Others(QueryRow),
    /// When nobody recorded.
    Gap(Gap),
}

impl StepRow {
    pub(crate) fn into_moved(self) -> Option<QueryRow> {
        match self {
            Self::Line(row) | Self::Others(row) => Some(row),
            Self::Gap(_) => None,
        }
    }
}

/// The same over time.
pub(crate) fn over_time(by: &[Dimension], rows: &[StepRow], look: &Look) -> Table {
    let time = std::iter::once(column(Dimension::Time));
    let mut users = Users::default();
    let of_row = |step: &StepRow| {
        let (start, keys, moved) = match step {
            StepRow::Line(row) => (row.first_unix_ms, of_keys(by, row, look, &mut users), Some(row)),
            StepRow::Others(row) => (row.first_unix_ms, others(by, "(others)"), Some(row)),
            StepRow::Gap(gap) => (gap.from_unix_ms, others(by, ""), None),
        };
        let sums = match moved {
            Some(row) => sums(row.tx_bytes, row.rx_bytes, row.flows, look),
            None => [Cell::own("not recorded"), Cell::unknown(), Cell::unknown()],
        };
        [look.instant(start)].into_iter().chain(keys).chain(sums).collect()
    };
    let rows = rows.iter().map(of_row).collect();
    Table { columns: time.chain(columns(by)).collect(), rows }
}

/// The columns of what rows are of, and of their sums.
fn columns(by: &[Dimension]) -> Vec<Column> {
    let mut columns = Vec::new();
    for dimension in by {
        columns.push(column(*dimension));
        if *dimension == Dimension::Executable {
            columns.push(Column::text("SHA-256", Cut::Digits(12)).leaving(4));
            columns.push(Column::text("PACKAGE", Cut::End).leaving(2));
        }
        if *dimension == Dimension::Asn {
            columns.push(Column::text("NETWORK", Cut::End));
        }
    }
    columns.extend(["IN", "OUT"].map(Column::number));
    columns.push(Column::number("FLOWS").leaving(2));
    columns
}

fn of_keys(by: &[Dimension], row: &QueryRow, look: &Look, users: &mut Users) -> Vec<Cell> {
    let mut cells = Vec::new();
    for dimension in by {
        cells.push(cell(row, *dimension, look, users));
        if *dimension == Dimension::Executable {
            cells.push(row.keys.get("sha256").map_or_else(Cell::unknown, |hash| untrusted(hash)));
            cells.push(provenance::of_row(row));
        }
        if *dimension == Dimension::Asn {
            cells.push(row.keys.get("asn_name").map_or_else(|| range(row), |name| untrusted(name)));
        }
    }
    cells
}

/// What stands in the place of the keys of all others.
fn others(by: &[Dimension], word: &str) -> Vec<Cell> {
    // As many columns as there are before the three sums.
    let keys = columns(by).len().saturating_sub(3);
    (0..keys).map(|at| Cell::own(if at == 0 { word } else { "" })).collect()
}

fn sums(tx_bytes: u64, rx_bytes: u64, flows: u64, look: &Look) -> [Cell; 3] {
    let bytes = |amount| Cell::own(bytes(amount, look.precision));
    [bytes(rx_bytes), bytes(tx_bytes), Cell::own(grouped(flows))]
}

/// Whether it is the total of nothing: it has no time then, and the bus says 0.
pub(crate) fn is_empty(row: &QueryRow) -> bool {
    (row.tx_bytes, row.rx_bytes, row.flows) == (0, 0, 0) && (row.first_unix_ms, row.last_unix_ms) == (0, 0)
}

/// The value of a dimension; `None` when it is not known. An executable's value is its path.
fn value(row: &BTreeMap<String, String>, dimension: Dimension) -> Option<&String> {
    let path = match dimension {
        Dimension::Executable => row.get("path"),
        Dimension::Script => row.get("script_path"),
        Dimension::Parent => row.get("parent_path"),
        _ => None,
    };
    path.or_else(|| row.get(dimension.as_str()))
}

/// The keys that come with a dimension.
fn details(dimension: Dimension) -> &'static [&'static str] {
    match dimension {
        Dimension::Executable => &["path", "sha256", "provenance", "package"],
        Dimension::Script => &["script_path", "script_sha256", "script_provenance", "script_package"],
        Dimension::Parent => &["parent_path", "parent_sha256"],
        Dimension::Domain => &["name_source", "inferred"],
        Dimension::RegistrableDomain => &["inferred"],
        Dimension::Country => &["range"],
        Dimension::Asn => &["asn_name", "range"],
        Dimension::Service => &["recognised"],
        _ => &[],
    }
}

/// Dimensions that are numbers in JSON; `None` for all others, and for text that is no number after all.
fn number(dimension: Dimension, text: &str) -> Option<i64> {
    match dimension {
        Dimension::User
        | Dimension::Asn
        | Dimension::Port
        | Dimension::RemotePort
        | Dimension::LocalPort
        | Dimension::Namespace
        | Dimension::Time => text.parse().ok(),
        _ => None,
    }
}

fn column(dimension: Dimension) -> Column {
    match dimension {
        Dimension::Application => Column::text("APPLICATION", Cut::Middle),
        Dimension::Executable => Column::text("EXECUTABLE", Cut::Middle),
        Dimension::Script => Column::text("SCRIPT", Cut::Middle),
        Dimension::Parent => Column::text("STARTED BY", Cut::Middle),
        Dimension::User => Column::text("USER", Cut::End),
        Dimension::Protocol => Column::text("PROTOCOL", Cut::Never),
        Dimension::Direction => Column::text("DIRECTION", Cut::Never),
        Dimension::Remote => Column::text("REMOTE", Cut::Middle),
        Dimension::Domain => Column::text("DOMAIN", Cut::Middle),
        Dimension::RegistrableDomain => Column::text("REGISTRABLE DOMAIN", Cut::Middle),
        Dimension::Range => Column::text("RANGE", Cut::Never),
        Dimension::Country => Column::text("COUNTRY", Cut::Never),
        Dimension::Asn => Column::number("AS"),
        Dimension::Port => Column::number("PORT"),
        Dimension::Service => Column::text("SERVICE", Cut::Middle),
        Dimension::RemotePort => Column::number("REMOTE PORT"),
        Dimension::LocalPort => Column::number("LOCAL PORT"),
        Dimension::Command => Column::text("COMMAND", Cut::End),
        Dimension::Unit => Column::text("UNIT", Cut::Middle),
        Dimension::Container => Column::text("CONTAINER", Cut::Middle),
        Dimension::Namespace => Column::number("NAMESPACE"),
        Dimension::Time => Column::number("TIME"),
    }
}

fn cell(row: &QueryRow, dimension: Dimension, look: &Look, users: &mut Users) -> Cell {
    let Some(text) = value(&row.keys, dimension) else {
        return match dimension {
            Dimension::Application | Dimension::Executable => nobody(row),
            Dimension::Country => range(row),
            _ => Cell::unknown(),
        };
    };
    match (dimension, number(dimension, text)) {
        (Dimension::Domain | Dimension::RegistrableDomain, _) if is_inferred(row) => {
            untrusted(&format!("~{text}"))
        }
        (Dimension::Service, _) if is_assumed(row) => untrusted(&format!("{text}?")),
        (Dimension::Time, Some(ms)) => look.instant(ms),
        (Dimension::User, Some(uid)) => match u32::try_from(uid) {
            Ok(uid) => Cell::own(users.name(uid)),
            Err(_) => untrusted(text),
        },
        _ => untrusted(text),
    }
}

/// Whether its name may as well be another one.
pub(crate) fn is_inferred(row: &QueryRow) -> bool {
    row.keys.get("inferred").is_some_and(|inferred| inferred == "true")
}

/// Whether its service is what the port is usually for; one named by its port assumes nothing.
pub(crate) fn is_assumed(row: &QueryRow) -> bool {
    row.keys.get("recognised").is_some_and(|recognised| recognised == "false")
        && row.keys.get("service").is_some_and(|service| !is_port(service))
}

/// What the range of an address is for that has no country, or no network.
fn range(row: &QueryRow) -> Cell {
    row.keys.get("range").map_or_else(Cell::unknown, |range| untrusted(&format!("({range})")))
}

/// Why no program is named.
fn nobody(row: &QueryRow) -> Cell {
    if row.keys.contains_key("kernel") {
        return Cell::own("(kernel)");
    }
    match row.keys.get("unattributed") {
        Some(reason) => Cell::from(&Untrusted::from(format!("({reason})"))),
        None => Cell::unknown(),
    }
}

fn untrusted(text: &str) -> Cell {
    Cell::from(&Untrusted::from(text))
}
