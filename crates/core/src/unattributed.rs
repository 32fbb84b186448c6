use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ParseError;

/// Why bytes have no executable. They are counted and shown under this name, never dropped and never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unattributed {
    /// The record of the process' start was lost and the process was gone before `/proc` could be asked.
    ProcessGone,
    /// The process is known, its executable file could not be opened (no descriptor and no `/proc` entry).
    FileUnavailable,
    /// The file was being changed while it was hashed, so no hash is certain to be of what ran.
    FileChanged,
    /// The file could not be read.
    FileUnreadable,
    /// The kernel's table of closed sockets was full: the bytes are known, whose they are is not.
    TableFull,
    /// Counted under a daemon before this one that could not be gone on with: whose they were was in its journal only.
    NotTakenOver,
    /// Another recorder counted it, and did not know whose it was, or not which content that had.
    Imported,
    /// The history was damaged: what stood there of whose it was could not be read any more.
    DamagedHistory,
}

impl Unattributed {
    /// All reasons, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::ProcessGone,
        Self::FileUnavailable,
        Self::FileChanged,
        Self::FileUnreadable,
        Self::TableFull,
        Self::NotTakenOver,
        Self::Imported,
        Self::DamagedHistory,
    ];

    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProcessGone => "process-gone",
            Self::FileUnavailable => "file-unavailable",
            Self::FileChanged => "file-changed",
            Self::FileUnreadable => "file-unreadable",
            Self::TableFull => "table-full",
            Self::NotTakenOver => "not-taken-over",
            Self::Imported => "imported",
            Self::DamagedHistory => "damaged-history",
        }
    }
}

impl fmt::Display for Unattributed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Unattributed {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| {
            ParseError::new(
                "reason",
                text,
                "process-gone, file-unavailable, file-changed, file-unreadable, table-full, not-taken-over, imported or damaged-history",
            )
        })
    }
}
