use portolan_bus::LiveRow;
use portolan_core::{Bytes, named_remote};

/// What makes two rows of two readings the same program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) path: String,
    pub(crate) application: Option<String>,
    pub(crate) sha256: Option<String>,
    pub(crate) parent_path: Option<String>,
    pub(crate) uid: u32,
    pub(crate) unit: Option<String>,
    pub(crate) container: Option<String>,
}

impl From<&LiveRow> for Key {
    fn from(row: &LiveRow) -> Self {
        Self {
            path: row.path.clone(),
            application: row.application.clone(),
            sha256: row.sha256.clone(),
            parent_path: row.parent_path.clone(),
            uid: row.uid,
            unit: row.unit.clone(),
            container: row.container.clone(),
        }
    }
}

/// Where most of the bytes of a row went, with its name where that is known.
pub(crate) fn remote(row: &LiveRow) -> Option<String> {
    let remote = row.remote.as_deref()?;
    Some(named_remote(remote, row.domain.as_deref(), row.domain_inferred))
}

/// What one program did since the watch began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    /// Bytes in a second, in the last reading.
    pub(crate) rate: Bytes,
    /// Bytes since the watch began.
    pub(crate) total: Bytes,
    /// Where most bytes of its last reading with bytes went.
    pub(crate) remote: Option<String>,
    /// The name of that, where it is known, marked where it may as well be another.
    pub(crate) name: Option<String>,
    /// `unreviewed`, `approved` or `ignored`.
    pub(crate) review: Option<String>,
    /// Flows that are open.
    pub(crate) flows: u32,
    /// Its last reading with bytes.
    pub(crate) last_unix_ms: i64,
}

/// What the table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// The busiest now, then who was busy last.
    #[default]
    Rate,
    /// The most bytes since the watch began.
    Total,
    /// The path.
    Name,
}

impl Sort {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Rate => Self::Total,
            Self::Total => Self::Name,
            Self::Name => Self::Rate,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Total => "total",
            Self::Name => "name",
        }
    }

    /// The first of the two comes first in the table.
    pub(crate) fn compare(self, one: (&Key, &Program), other: (&Key, &Program)) -> std::cmp::Ordering {
        let by = match self {
            Self::Rate => other.1.rate.total().cmp(&one.1.rate.total()),
            Self::Total => other.1.total.total().cmp(&one.1.total.total()),
            Self::Name => std::cmp::Ordering::Equal,
        };
        let recent = if self == Self::Rate {
            other.1.last_unix_ms.cmp(&one.1.last_unix_ms)
        } else {
            std::cmp::Ordering::Equal
        };
        by.then(recent).then_with(|| one.0.cmp(other.0))
    }
}
