//! Why a command ended without its answer, and what the shell is told.

use std::{error::Error, io};

use portolan_core::{ParseError, Untrusted};

/// What went wrong, as a word in JSON and as an exit code. Both are documented in `docs/cli.md` and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A fault that has no kind of its own.
    Failed,
    /// The arguments mean nothing.
    Usage,
    /// The bus works, the daemon is not on it.
    DaemonUnavailable,
    /// The bus cannot be reached.
    BusUnavailable,
    /// There was no answer in time.
    TimedOut,
    /// The daemon speaks another version of the contract.
    Incompatible,
    /// polkit, or the policy of the bus, did not allow it.
    AccessDenied,
    /// What was named does not exist.
    NotFound,
    /// The caller asked for too much.
    LimitExceeded,
    /// The history cannot be read at the moment.
    HistoryUnavailable,
    /// `status --check` or `config check` found something.
    Unhealthy,
    /// Whoever read standard output has closed it: an end, not a failure.
    ReaderGone,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::DaemonUnavailable => "daemon-unavailable",
            Self::BusUnavailable => "bus-unavailable",
            Self::TimedOut => "timed-out",
            Self::Incompatible => "incompatible",
            Self::AccessDenied => "access-denied",
            Self::NotFound => "not-found",
            Self::LimitExceeded => "limit-exceeded",
            Self::HistoryUnavailable => "history-unavailable",
            Self::Unhealthy => "unhealthy",
            Self::ReaderGone => "reader-gone",
        }
    }

    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed
            | Self::TimedOut
            | Self::Incompatible
            | Self::LimitExceeded
            | Self::HistoryUnavailable => 1,
            Self::Usage => 2,
            Self::DaemonUnavailable | Self::BusUnavailable => 3,
            Self::AccessDenied => 4,
            Self::NotFound => 5,
            Self::Unhealthy => 6,
        }
    }
}

/// A sentence for a person and its kind for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// Whether standard output already holds an answer that contains this failure.
    pub(crate) answered: bool,
    message: String,
    /// Where a query is wrong.
    wrong: Option<Wrong>,
}

/// Where a query is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The first character that is, from 1.
    pub(crate) column: usize,
    /// How many are.
    pub(crate) length: usize,
    /// What may have been meant.
    pub(crate) suggestion: Option<String>,
    /// The text, and a line that points at the place. Safe for a terminal.
    pub(crate) drawn: String,
}

impl Failure {
    /// The message may quote other programs: it is made safe for a terminal here.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = Untrusted::from(message.into()).for_terminal();
        Self { kind, answered: false, message, wrong: None }
    }

    /// The failure that an error is, with its causes.
    pub(crate) fn of(kind: Kind, error: &dyn Error) -> Self {
        Self::new(kind, sentence(error))
    }

    /// The same failure, of which standard output already tells.
    pub(crate) fn after_the_answer(self) -> Self {
        Self { answered: true, ..self }
    }

    /// The same failure, with the place in the query that it is about.
    pub(crate) fn at(self, wrong: Wrong) -> Self {
        Self { wrong: Some(wrong), ..self }
    }

    pub(crate) fn wrong(&self) -> Option<&Wrong> {
        self.wrong.as_ref()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The JSON object that stands for the answer which could not be given.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({ "kind": self.kind.as_str(), "message": self.message });
        if let Some(Wrong { column, length, suggestion, drawn: _ }) = &self.wrong {
            error["column"] = (*column).into();
            error["length"] = (*length).into();
            error["suggestion"] = suggestion.clone().into();
        }
        error
    }
}

/// An error with its causes.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}

/// Only for what fails while writing to standard output or the terminal.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ReaderGone, "the reader has closed standard output"),
            _ => Self::new(Kind::Failed, format!("cannot write to standard output: {error}")),
        }
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::new(Kind::Usage, error.to_string())
    }
}
