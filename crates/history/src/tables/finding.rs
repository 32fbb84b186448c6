use std::str::FromStr;

use portolan_core::{
    ApplicationKey, Endpoint, Evidence, Executable, FindingKind, Name, ParseError, ReviewState, Severity,
    Sha256Digest, Uid, UnixMillis,
};

mod answer;
mod raise;
mod read;

pub(crate) use answer::{answer, approve_contents, dismiss, end_baseline, snooze};
pub(crate) use raise::raise;
pub(crate) use read::{list, open_kinds, told};

/// Something a person should know, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFinding {
    /// When it happened.
    pub at: UnixMillis,
    /// What it is.
    pub kind: FindingKind,
    /// How much it should disturb.
    pub severity: Severity,
    /// The program that it is about; `None` when it is about several, or about the daemon itself.
    pub subject: Option<Subject>,
    /// Whose programs it is about, where it has no subject; `None` where it is about the daemon, or everybody's. Only this user, and
    /// who sees everybody's traffic, sees it.
    pub user: Option<Uid>,
    /// Of a finding about several programs: what they have in common. Applications are the members of its evidence.
    pub group: Option<String>,
    /// A sentence, for findings about the daemon itself.
    pub detail: Option<String>,
    /// What it rests on.
    pub evidence: Evidence,
}

impl NewFinding {
    /// A finding about a program.
    #[must_use]
    pub fn about(
        kind: FindingKind,
        severity: Severity,
        subject: Subject,
        evidence: Evidence,
        at: UnixMillis,
    ) -> Self {
        let (user, group, detail) = (None, None, None);
        Self { at, kind, severity, subject: Some(subject), user, group, detail, evidence }
    }

    /// A finding about the daemon itself.
    #[must_use]
    pub fn about_the_daemon(kind: FindingKind, at: UnixMillis, detail: String) -> Self {
        let (severity, evidence) = (Severity::Normal, Evidence::default());
        let (subject, user, group) = (None, None, None);
        Self { at, kind, severity, subject, user, group, detail: Some(detail), evidence }
    }
}

/// The program that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What a review would answer.
    pub application: ApplicationKey,
    /// What ran.
    pub executable: Executable,
    /// The hash that its path had before; `None` when nothing was known there.
    pub previous_sha256: Option<Sha256Digest>,
    /// What started it; `None` when that is not known.
    pub parent: Option<Executable>,
    /// As which user. Only this user, and who sees everybody's traffic, sees the finding.
    pub uid: Uid,
    /// Where it talked to first; `None` when that is not known.
    pub remote: Option<Endpoint>,
    /// What that is called; `None` when no name was seen.
    pub remote_name: Option<Name>,
}

/// A finding as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// Its number, which never changes and is never given again.
    pub id: i64,
    /// How it stands.
    pub state: FindingState,
    /// What was found; of what was found again, as it was when it was news the last time.
    pub finding: NewFinding,
    /// How often.
    pub times: u32,
    /// When last.
    pub updated: UnixMillis,
    /// Of an open one: not to be shown before then.
    pub snoozed_until: Option<UnixMillis>,
    /// Who answered it and when; `None` while it is open.
    pub answered: Option<Answered>,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingState {
    /// Nobody has answered.
    Open,
    /// The application was approved.
    Approved,
    /// The application was ignored; one that no review answers was dismissed.
    Ignored,
}

/// Who answered a finding, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Who.
    pub by: Uid,
    /// When.
    pub at: UnixMillis,
}

impl FindingState {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Ignored => "ignored",
        }
    }

    /// What a review makes of open findings; `None` when it leaves them as they are.
    fn after(review: ReviewState) -> Option<Self> {
        match review {
            ReviewState::Unreviewed => None,
            ReviewState::Approved => Some(Self::Approved),
            ReviewState::Ignored => Some(Self::Ignored),
        }
    }
}

impl FromStr for FindingState {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        [Self::Open, Self::Approved, Self::Ignored]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| ParseError::new("state of a finding", text, "open, approved or ignored"))
    }
}
