use std::{collections::BTreeMap, fmt::Write};

use portolan_core::{Dimension, Wanted};
use rusqlite::{ToSql, types::Value};

use super::{
    Question,
    columns::{self, BELOW, Columns, Needs},
};
use crate::{rollup::LONGEST_MS, tables::address};

/// A compiled question: SQL made of constants, and the values that are bound to it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<(String, Value)>,
    /// How many columns of the result come before the sums.
    pub(crate) shown: usize,
}

impl Compiled {
    /// The values as rusqlite takes them.
    pub(crate) fn bound(&self) -> Vec<(&str, &dyn ToSql)> {
        self.parameters.iter().map(|(name, value)| -> (&str, &dyn ToSql) { (name, value) }).collect()
    }
}

/// The sum of a column as two halves, so that no number of rows overflows: SQLite's `sum` fails above 63 bits.
macro_rules! halves {
    ($column:literal, $name:literal) => {
        concat!(
            "coalesce(sum(t.",
            $column,
            " >> 32), 0) AS ",
            $name,
            "_high, ",
            "coalesce(sum(t.",
            $column,
            " & 4294967295), 0) AS ",
            $name,
            "_low"
        )
    };
}

const SUMS: &str = concat!(
    halves!("tx_bytes", "tx"),
    ", ",
    halves!("rx_bytes", "rx"),
    ", ",
    halves!("flows", "flows"),
    ", min(b.start_ms + t.first_offset_ms) AS first_ms, max(b.start_ms + t.last_offset_ms) AS last_ms"
);

/// The order: all bytes descending (the carry of the low halves belongs to the high ones), then what is shown.
const LARGEST_FIRST: &str = "(g.tx_high + g.rx_high + ((g.tx_low + g.rx_low) >> 32)) DESC, \
    ((g.tx_low + g.rx_low) & 4294967295) DESC";

/// Compiles a question whose dimensions are `columns`.
///
/// The traffic is summed up by numbers first; what the numbers stand for is looked up for the groups only. The tables are
/// joined in the order in which they stand (`CROSS JOIN` holds SQLite to it): the range of time is the best index there is.
pub(crate) fn compile(question: &Question, columns: &[Columns]) -> Compiled {
    let wanted = question.only.iter().map(|only| columns::of(only.dimension()).needs);
    let needed: Vec<Needs> = columns.iter().map(|column| column.needs).chain(wanted).collect();
    let needs = |table| needed.contains(&table);
    let mut tables = String::from(
        "bucket b CROSS JOIN traffic t ON t.bucket_id = b.id CROSS JOIN actor a ON a.id = t.actor_id",
    );
    if needs(Needs::Peer) || needs(Needs::Domain) || needs(Needs::Place) {
        tables.push_str(" CROSS JOIN peer r ON r.id = t.peer_id");
    }
    if needs(Needs::Domain) {
        tables.push_str(" LEFT JOIN domain d ON d.id = r.domain_id");
    }
    if needs(Needs::Place) {
        tables.push_str(" LEFT JOIN place w ON w.id = r.place_id");
    }
    if needs(Needs::Lineage) || needs(Needs::Parent) {
        tables.push_str(" LEFT JOIN lineage l ON l.id = a.lineage_id");
    }
    if needs(Needs::Parent) {
        tables.push_str(" LEFT JOIN lineage p ON p.id = l.parent_id");
    }

    let (conditions, mut parameters) = conditions(question);
    let limit = i64::try_from(question.limit).unwrap_or(i64::MAX).saturating_add(1);
    parameters.push((":limit".to_owned(), limit.into()));

    let groups: Vec<_> = columns.iter().flat_map(|column| column.group).collect();
    let named: String = groups.iter().map(|(expression, name)| format!("{expression} AS {name}, ")).collect();
    let group_by = list(groups.iter().map(|(expression, _)| *expression));
    let summed: String = columns.iter().map(|column| column.summed).collect();
    let shown: Vec<_> = columns.iter().flat_map(|column| column.shown).copied().collect();
    let labels: String = columns.iter().map(|column| format!(" {}", column.labels)).collect();

    let mut sql = String::from("SELECT ");
    for column in &shown {
        sql.push_str(column);
        sql.push_str(", ");
    }
    // Writing to a String cannot fail.
    let _ = write!(
        sql,
        "g.tx_high, g.tx_low, g.rx_high, g.rx_low, g.flows_high, g.flows_low, g.first_ms, g.last_ms
        FROM (SELECT {named}{summed}{SUMS} FROM {tables} WHERE {conditions}{}{group_by}) g{labels}
        ORDER BY {LARGEST_FIRST}{}{} LIMIT :limit",
        if group_by.is_empty() { "" } else { " GROUP BY " },
        if shown.is_empty() { "" } else { ", " },
        list(shown.iter().copied()),
    );
    Compiled { sql, parameters, shown: shown.len() }
}

/// Which rows count, and the values in that condition.
fn conditions(question: &Question) -> (String, Vec<(String, Value)>) {
    let mut conditions = vec!["1".to_owned()];
    let mut parameters: Vec<(String, Value)> = Vec::new();
    let mut bind = |name: &str, value: i64| parameters.push((name.to_owned(), value.into()));
    if let Some(viewer) = question.viewer {
        conditions.push("a.uid = :viewer".to_owned());
        bind(":viewer", i64::from(viewer.0));
    }
    if let Some(until) = question.until {
        conditions.push("b.start_ms < :until".to_owned());
        bind(":until", until.0);
    }
    if let Some(since) = question.since {
        // The second is the rule; the first says the same of the index, as no bucket is longer than that.
        conditions.push("b.start_ms > :earliest AND b.start_ms + b.width_ms > :since".to_owned());
        bind(":earliest", since.0.saturating_sub(i64::from(LONGEST_MS) + 1));
        bind(":since", since.0);
    }
    if let (Some(since), Some(until)) = (question.since, question.until)
        && since >= until
    {
        conditions.push("0".to_owned());
    }
    let mut choices: BTreeMap<Dimension, Choice> = BTreeMap::new();
    for (number, only) in question.only.iter().enumerate() {
        let name = format!(":only{number}");
        let value = choices.entry(only.dimension()).or_default().add(&name, only.wanted());
        parameters.extend(value.map(|value| (name, value)));
    }
    conditions.extend(choices.iter().map(|(dimension, choice)| choice.condition(&columns::of(*dimension))));
    (conditions.join(" AND "), parameters)
}

/// The values of one dimension of which a row must have one, by the names of their parameters.
#[derive(Default)]
struct Choice {
    values: Vec<String>,
    below: Vec<String>,
    not_known: bool,
}

impl Choice {
    /// Adds what is wanted as the parameter `name`; what to bind to that, if anything.
    fn add(&mut self, name: &str, wanted: &Wanted) -> Option<Value> {
        let (among, value) = match wanted {
            Wanted::NotKnown => {
                self.not_known = true;
                return None;
            }
            Wanted::Below(domain) => (&mut self.below, domain.as_str().to_owned().into()),
            Wanted::Text(text) => (&mut self.values, text.clone().into()),
            Wanted::Number(number) => (&mut self.values, (*number).into()),
            Wanted::Address(address) => (&mut self.values, address::octets(*address).into()),
        };
        among.push(name.to_owned());
        Some(value)
    }

    fn condition(&self, columns: &Columns) -> String {
        let value = columns.group.first().map_or("NULL", |(expression, _)| expression);
        let is_among = |names: &str, set: &str| format!("{value} IN ({})", set.replace('?', names));
        let mut any: Vec<String> = self.below.iter().map(|name| is_among(name, BELOW)).collect();
        if !self.values.is_empty() {
            any.push(is_among(&self.values.join(", "), columns.among));
        }
        if self.not_known {
            any.push(format!("{value} IS NULL"));
        }
        format!("({})", any.join(" OR "))
    }
}

fn list(parts: impl Iterator<Item = &'static str>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
