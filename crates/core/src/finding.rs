use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ParseError;

/// Something a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// An application talked for the first time.
    NewApplication,
    /// A known application talked with content that was never seen before.
    ChangedExecutable,
    /// The file of an application that has talked was changed on disk, and no package manager explains it.
    ChangedFile,
    /// A package manager changed the files of applications that have talked, and what they hold is what the packages ship.
    Upgraded,
    /// There is code in a talking process that is not its executable's.
    ForeignCode,
    /// Programs of a user talked that cannot be identified.
    Unidentified,
    /// What talked while Portolan learned, to be reviewed as one list.
    Baseline,
    /// The kernel or the daemon had to drop events: some traffic may lack its owner.
    LostEvents,
    /// The bytes that the daemon moved itself did not arrive in the count.
    SelfTestFailed,
    /// What all owners add up to is not what was counted.
    UnbalancedLedger,
    /// The history was damaged: what could be read of it was saved.
    HistoryDamaged,
    /// The history could not be written for a while.
    HistoryNotWritten,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::NewApplication,
        Self::ChangedExecutable,
        Self::ChangedFile,
        Self::Upgraded,
        Self::ForeignCode,
        Self::Unidentified,
        Self::Baseline,
        Self::LostEvents,
        Self::SelfTestFailed,
        Self::UnbalancedLedger,
        Self::HistoryDamaged,
        Self::HistoryNotWritten,
    ];

    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewApplication => "new-application",
            Self::ChangedExecutable => "changed-executable",
            Self::ChangedFile => "changed-file",
            Self::Upgraded => "upgraded",
            Self::ForeignCode => "foreign-code",
            Self::Unidentified => "unidentified",
            Self::Baseline => "baseline",
            Self::LostEvents => "lost-events",
            Self::SelfTestFailed => "self-test-failed",
            Self::UnbalancedLedger => "unbalanced-ledger",
            Self::HistoryDamaged => "history-damaged",
            Self::HistoryNotWritten => "history-not-written",
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
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            ParseError::new(
                "kind of finding",
                text,
                "new-application, changed-executable, changed-file, upgraded, foreign-code, unidentified, baseline, \
                 lost-events, self-test-failed, unbalanced-ledger, history-damaged or history-not-written",
            )
        })
    }
}

/// How much a finding should disturb a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be found when somebody looks: it is explained.
    Quiet,
    /// To be told once.
    Normal,
    /// To be told at once, and to stay until it is answered.
    Loud,
}

impl Severity {
    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Normal => "normal",
            Self::Loud => "loud",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        [Self::Quiet, Self::Normal, Self::Loud]
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| ParseError::new("severity", text, "quiet, normal or loud"))
    }
}
