use std::{fmt, str::FromStr};

use crate::ParseError;

/// Something a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// An application talked for the first time.
    NewApplication,
    /// A known application talked with content that was never seen before.
    ChangedExecutable,
    /// The kernel or the daemon had to drop events: some traffic may lack its owner.
    LostEvents,
    /// The bytes that the daemon moved itself did not arrive in the count.
    SelfTestFailed,
    /// What all owners add up to is not what was counted.
    UnbalancedLedger,
}

impl FindingKind {
    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewApplication => "new-application",
            Self::ChangedExecutable => "changed-executable",
            Self::LostEvents => "lost-events",
            Self::SelfTestFailed => "self-test-failed",
            Self::UnbalancedLedger => "unbalanced-ledger",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FindingKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "new-application" => Ok(Self::NewApplication),
            "changed-executable" => Ok(Self::ChangedExecutable),
            "lost-events" => Ok(Self::LostEvents),
            "self-test-failed" => Ok(Self::SelfTestFailed),
            "unbalanced-ledger" => Ok(Self::UnbalancedLedger),
            _ => Err(ParseError::new(
                "kind of finding",
                text,
                "new-application, changed-executable, lost-events, self-test-failed or unbalanced-ledger",
            )),
        }
    }
}
