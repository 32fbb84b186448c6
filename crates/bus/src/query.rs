use std::collections::BTreeMap;

use portolan_core::{Only, ParseError};
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

use crate::{Access, PlaceData};

/// A question to the history.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct QueryRequest {
    /// Only buckets that end after this; `None` from the beginning.
    #[ts(type = "number | null")]
    pub since_unix_ms: Option<i64>,
    /// Only buckets that start before this; `None` up to now.
    #[ts(type = "number | null")]
    pub until_unix_ms: Option<i64>,
    /// What to group by (the words of `portolan_core::Dimension`); empty for one row with the total.
    pub by: Vec<String>,
    /// Which traffic: of each dimension named here, what has one of the values named; empty for all.
    pub only: Vec<Filter>,
    /// At most so many rows, largest first; 0 for the daemon's limit.
    pub limit: u32,
}

/// A value of a dimension, as rows show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Filter {
    /// The word of a `portolan_core::Dimension`.
    pub dimension: String,
    /// The value; empty or `-` for "not known". Of a domain, `*.example.org` is the name and all below it.
    pub value: String,
}

impl TryFrom<&Filter> for Only {
    type Error = ParseError;

    fn try_from(filter: &Filter) -> Result<Self, ParseError> {
        Self::new(filter.dimension.parse()?, &filter.value)
    }
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct QueryRow {
    /// A value for each dimension asked for, and the details that belong to it (`path`, `sha256`, `provenance`, `package`; the same of
    /// a script as `script_path` and so on; `parent_path`, `parent_sha256`; `name_source` and `inferred` = `true` of a domain, the latter
    /// of a registrable one, too;
    /// `asn_name`; `range` where a country or network is not known; `recognised` = `true` or `false` of a service). A key that is
    /// missing is not known; then `unattributed` or `kernel` may say why.
    #[ts(type = "Record<string, string>")]
    pub keys: BTreeMap<String, String>,
    /// Payload bytes sent.
    #[ts(type = "number")]
    pub tx_bytes: u64,
    /// Payload bytes received.
    #[ts(type = "number")]
    pub rx_bytes: u64,
    /// Flows seen for the first time.
    #[ts(type = "number")]
    pub flows: u64,
    /// First bytes or opening.
    #[ts(type = "number")]
    pub first_unix_ms: i64,
    /// Last bytes.
    #[ts(type = "number")]
    pub last_unix_ms: i64,
}

/// The answer to a [`QueryRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct QueryResult {
    /// The groups, largest first.
    pub rows: Vec<QueryRow>,
    /// Where countries and networks come from; none unless grouped by one of them, and where there is no database.
    pub places: Vec<PlaceData>,
    /// Whether there were more rows than the limit.
    pub truncated: bool,
    /// Whose traffic it is.
    pub access: Access,
}
