use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

/// Sums by group, column by column: place `n` of each column is of group `n`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Groups {
    /// What the groups are of: a column for each dimension asked for, and for the details that belong to it (`path`, `sha256`,
    /// `provenance`, `package`; the same of a script as `script_path` and so on; `parent_path`, `parent_sha256`; `name_source` and
    /// `inferred` = `true` of a domain, the latter of a registrable one, too; `asn_name`; `range` where a country or network is not
    /// known; `recognised` = `true` or `false` of a service). Where a value is not known, `unattributed` or `kernel` may say why.
    pub keys: Vec<Column>,
    /// Payload bytes sent.
    #[ts(type = "number[]")]
    pub tx_bytes: Vec<u64>,
    /// Payload bytes received.
    #[ts(type = "number[]")]
    pub rx_bytes: Vec<u64>,
    /// Flows seen for the first time.
    #[ts(type = "number[]")]
    pub flows: Vec<u64>,
    /// First bytes or opening.
    #[ts(type = "number[]")]
    pub first_unix_ms: Vec<i64>,
    /// Last bytes.
    #[ts(type = "number[]")]
    pub last_unix_ms: Vec<i64>,
    /// All groups that are not here, together; `None` when there are none.
    pub other: Option<Other>,
}

/// The values of a key, each said once. Hostile texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Column {
    /// The key.
    pub key: String,
    /// The values that there are.
    pub texts: Vec<String>,
    /// For each group which of them it has, the first being 1; 0 where it is not known.
    pub at: Vec<u32>,
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Sum {
    /// Payload bytes sent.
    #[ts(type = "number")]
    pub tx_bytes: u64,
    /// Payload bytes received.
    #[ts(type = "number")]
    pub rx_bytes: u64,
    /// Flows seen for the first time.
    #[ts(type = "number")]
    pub flows: u64,
    /// First bytes or opening; `None` when nothing moved.
    #[ts(type = "number | null")]
    pub first_unix_ms: Option<i64>,
    /// Last bytes; `None` when nothing moved.
    #[ts(type = "number | null")]
    pub last_unix_ms: Option<i64>,
}

/// Groups that are not told one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Other {
    /// How many.
    #[ts(type = "number")]
    pub groups: u64,
    /// What moved in all of them.
    pub sum: Sum,
}

/// One group, as [`Groups::rows`] reads it from the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRow {
    /// Its value of each key that is known.
    pub keys: BTreeMap<String, String>,
    /// Payload bytes sent.
    pub tx_bytes: u64,
    /// Payload bytes received.
    pub rx_bytes: u64,
    /// Flows seen for the first time.
    pub flows: u64,
    /// First bytes or opening.
    pub first_unix_ms: i64,
    /// Last bytes.
    pub last_unix_ms: i64,
}

impl Groups {
    /// Puts groups into columns.
    #[must_use]
    pub fn new(rows: Vec<QueryRow>, other: Option<Other>) -> Self {
        Self {
            tx_bytes: rows.iter().map(|row| row.tx_bytes).collect(),
            rx_bytes: rows.iter().map(|row| row.rx_bytes).collect(),
            flows: rows.iter().map(|row| row.flows).collect(),
            first_unix_ms: rows.iter().map(|row| row.first_unix_ms).collect(),
            last_unix_ms: rows.iter().map(|row| row.last_unix_ms).collect(),
            keys: Column::of(rows.iter().map(|row| row.keys.iter().map(|(key, text)| (&**key, &**text)))),
            other,
        }
    }

    /// The groups, one by one. Columns of an answer that is no answer of ours may be of different lengths: the shortest counts.
    #[must_use]
    pub fn rows(&self) -> Vec<QueryRow> {
        let row = |at| {
            let sum = self.sum(at)?;
            Some(QueryRow {
                keys: Column::keys_at(&self.keys, at),
                tx_bytes: sum.tx_bytes,
                rx_bytes: sum.rx_bytes,
                flows: sum.flows,
                first_unix_ms: sum.first_unix_ms?,
                last_unix_ms: sum.last_unix_ms?,
            })
        };
        (0..).map_while(row).collect()
    }

    /// What moved in a group; `None` when there are not so many.
    #[must_use]
    pub fn sum(&self, group: usize) -> Option<Sum> {
        Some(Sum {
            tx_bytes: *self.tx_bytes.get(group)?,
            rx_bytes: *self.rx_bytes.get(group)?,
            flows: *self.flows.get(group)?,
            first_unix_ms: Some(*self.first_unix_ms.get(group)?),
            last_unix_ms: Some(*self.last_unix_ms.get(group)?),
        })
    }

    /// Keeps only the first `groups`.
    pub fn truncate(&mut self, groups: usize) {
        let Self { keys, tx_bytes, rx_bytes, flows, first_unix_ms, last_unix_ms, other: _ } = self;
        keys.iter_mut().for_each(|column| column.truncate(groups));
        [tx_bytes, rx_bytes, flows].into_iter().for_each(|column| column.truncate(groups));
        [first_unix_ms, last_unix_ms].into_iter().for_each(|column| column.truncate(groups));
    }
}

impl Column {
    /// Columns of what each group has of each key.
    pub fn of<'g, G>(groups: impl IntoIterator<Item = G>) -> Vec<Self>
    where
        G: IntoIterator<Item = (&'g str, &'g str)>,
    {
        let mut columns: BTreeMap<&str, (HashMap<&str, u32>, Self)> = BTreeMap::new();
        let mut count = 0;
        for group in groups {
            for (key, text) in group {
                let (numbers, column) = columns.entry(key).or_insert_with(|| {
                    (HashMap::new(), Self { key: key.to_owned(), texts: Vec::new(), at: Vec::new() })
                });
                let number = *numbers.entry(text).or_insert_with(|| {
                    column.texts.push(text.to_owned());
                    u32::try_from(column.texts.len()).unwrap_or_default()
                });
                // Those before it that have none.
                column.at.resize(count, 0);
                column.at.push(number);
            }
            count += 1;
        }
        let columns = columns.into_values().map(|(_, mut column)| {
            column.at.resize(count, 0);
            column
        });
        columns.collect()
    }

    /// What a group has of each key.
    #[must_use]
    pub fn keys_at(columns: &[Self], group: usize) -> BTreeMap<String, String> {
        columns
            .iter()
            .filter_map(|column| Some((column.key.clone(), column.text(group)?.to_owned())))
            .collect()
    }

    /// Keeps only what the first `groups` have.
    pub fn truncate(&mut self, groups: usize) {
        self.at.truncate(groups);
        let texts = self.at.iter().copied().max().unwrap_or_default();
        self.texts.truncate(usize::try_from(texts).unwrap_or(usize::MAX));
    }

    /// What a group has; `None` where it is not known.
    #[must_use]
    pub fn text(&self, group: usize) -> Option<&str> {
        let number = usize::try_from(*self.at.get(group)?).ok()?;
        self.texts.get(number.checked_sub(1)?).map(String::as_str)
    }
}

impl Sum {
    /// Adds what moved elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.tx_bytes = self.tx_bytes.saturating_add(other.tx_bytes);
        self.rx_bytes = self.rx_bytes.saturating_add(other.rx_bytes);
        self.flows = self.flows.saturating_add(other.flows);
        self.first_unix_ms = self.first_unix_ms.into_iter().chain(other.first_unix_ms).min();
        self.last_unix_ms = self.last_unix_ms.max(other.last_unix_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(keys: &[(&str, &str)], tx_bytes: u64) -> QueryRow {
        let keys = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        QueryRow { keys, tx_bytes, rx_bytes: 2, flows: 3, first_unix_ms: 4, last_unix_ms: 5 }
    }

    #[test]
    fn groups_come_out_of_the_columns_as_they_went_in_and_each_text_is_said_once() {
        let rows = vec![
            row(&[("user", "0"), ("command", "")], 9),
            row(&[("user", "0")], 8),
            row(&[], 7),
            row(&[("user", "1000"), ("kernel", "kernel")], u64::MAX),
        ];
        let groups = Groups::new(rows.clone(), None);
        assert_eq!(groups.rows(), rows);
        let user = groups.keys.iter().find(|column| column.key == "user").unwrap();
        assert_eq!((user.texts.join(","), &user.at[..]), ("0,1000".to_owned(), &[1, 1, 0, 2][..]));
        assert_eq!(Groups::default().rows(), []);
    }

    #[test]
    fn columns_that_do_not_fit_together_are_no_reason_to_fail() {
        let mut groups = Groups::new(vec![row(&[("user", "0")], 1), row(&[("user", "1")], 2)], None);
        groups.keys[0].at = vec![7];
        groups.flows.pop();
        let rows = groups.rows();
        assert_eq!((rows.len(), rows[0].keys.len()), (1, 0));
    }
}
