//! All that a page can ask. The page's own half is `ui/src/backend/backend.ts`.

use portolan_bus::{Error, QueryRequest};
use portolan_core::{Change, ReviewState};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;

use crate::preferences::Preferences;

/// What a page asks. Texts and numbers in it are the page's: the daemon checks them, and who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "ask", rename_all = "kebab-case")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum Question {
    /// Sums by group.
    Query {
        /// Which, and how.
        request: QueryRequest,
    },
    /// What moved in each step of time.
    Series {
        /// Which, and how.
        request: QueryRequest,
    },
    /// What could stand at the cursor of an unfinished query.
    Complete {
        /// The query as it is.
        text: String,
        /// Characters before the cursor.
        cursor: u32,
    },
    /// What is known of an application, an executable or a flow.
    Details {
        /// `application`, `executable` or `flow`.
        kind: String,
        /// Its key, `SHA-256 path`, or a query.
        key: String,
    },
    /// Ends the questions with this token.
    Cancel {
        /// Theirs.
        token: u32,
    },
    /// Where addresses are, and what is known of them.
    Lookup {
        /// At most as many as the daemon takes.
        addresses: Vec<String>,
    },
    /// What was found, the newest first.
    Findings {
        /// Also what was answered.
        answered: bool,
    },
    /// All applications, the newest first.
    Applications,
    /// What the history's file holds.
    Contents,
    /// The daemon's state.
    Status,
    /// The daemon's configuration.
    Settings,
    /// Reviews an application.
    Review {
        /// Its key.
        application: String,
        /// The decision.
        #[ts(type = "\"approved\" | \"ignored\" | \"unreviewed\"")]
        state: ReviewState,
    },
    /// Takes a finding away that no review answers.
    Dismiss {
        /// Its number.
        #[ts(type = "number")]
        finding: i64,
    },
    /// Hides a finding until then.
    Snooze {
        /// Its number.
        #[ts(type = "number")]
        finding: i64,
        /// `None`: no longer.
        #[ts(type = "number | null")]
        until_unix_ms: Option<i64>,
    },
    /// What is new is told as it comes from now on.
    EndLearning,
    /// Moves known bytes and compares.
    SelfTest,
    /// Sets a key of the daemon's configuration.
    Set {
        /// `section.key`.
        key: String,
        /// As a person types it.
        value: String,
    },
    /// Takes a key out of the file that `Set` writes.
    Reset {
        /// `section.key`.
        key: String,
    },
    /// What the person has chosen about the app itself.
    Preferences,
    /// Keeps these choices.
    Prefer {
        /// All of them.
        preferences: Preferences,
    },
    /// Shows a file in the desktop's file manager; the file itself is not opened.
    OpenFolder {
        /// The file's absolute path.
        path: String,
    },
    /// Opens the browser on what VirusTotal knows of a file. Nothing is sent but its hash, by the browser.
    VirusTotal {
        /// 64 hexadecimal digits.
        sha256: String,
    },
    /// Draws a picture and writes it where the person says: a [`Saved`], or null where they say nowhere.
    SavePicture {
        /// Which.
        picture: PictureRequest,
    },
    /// Writes the report of a month where the person says: a [`Saved`], or null where they say nowhere.
    SaveReport {
        /// As `2026-10`.
        month: String,
    },
    /// Writes what was approved and ignored where the person says: a [`Saved`], or null where they say nowhere.
    ExportReviews,
    /// Reads such a file, which the person chooses, and changes nothing: an [`Imported`], or null where they choose none.
    ImportReviews,
    /// The pictures of applications: by key a `data:` address, for those that have one.
    Icons {
        /// Their keys; more than a screen of them are left out.
        applications: Vec<String>,
    },
}

/// A picture to be saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export_to = "desktop.ts")]
pub(crate) struct PictureRequest {
    /// What it shows.
    pub(crate) kind: PictureKind,
    /// The question that it is the answer to; what it groups by are the lines, none for received and sent alone.
    pub(crate) request: QueryRequest,
    /// Which traffic, in the query language without its time; empty for all.
    pub(crate) about: String,
    /// As what it is written, where the file's name does not say it.
    pub(crate) format: PictureFormat,
    /// Of which part of the window it is: a word for the file's name.
    pub(crate) name: String,
}

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum PictureKind {
    /// What moved over time.
    Time,
    /// The countries of the world.
    Map,
}

/// As what a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum PictureFormat {
    /// Pixels.
    Png,
    /// A drawing, at any size.
    Svg,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "desktop.ts")]
pub(crate) struct Saved {
    /// Its absolute path. Hostile text.
    pub(crate) path: String,
}

/// What a file of answers means here. Nothing was changed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "desktop.ts")]
pub(crate) struct Imported {
    /// Its absolute path. Hostile text.
    pub(crate) path: String,
    /// What would change.
    pub(crate) changes: Vec<Change>,
    /// How many applications have this answer already.
    pub(crate) same: u32,
    /// How many have not talked here and are left out.
    pub(crate) unseen: u32,
}

impl Question {
    /// Whether it changes what the daemon keeps. The person may be asked for a password first.
    pub(crate) fn decides(&self) -> bool {
        matches!(
            self,
            Self::Review { .. }
                | Self::Dismiss { .. }
                | Self::Snooze { .. }
                | Self::EndLearning
                | Self::Set { .. }
                | Self::Reset { .. }
        )
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "desktop.ts")]
pub(crate) struct Failure {
    /// What kind of reason it is.
    pub(crate) kind: FailureKind,
    /// A sentence for a person: what failed, why, what to do.
    pub(crate) message: String,
    /// Where a query is wrong.
    pub(crate) place: Option<WrongPlace>,
}

/// What a page may treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum FailureKind {
    /// There is no daemon to ask.
    Gone,
    /// This user may not.
    Denied,
    /// The query means nothing.
    WrongQuery,
    /// Another question took its place.
    Cancelled,
    /// Anything else.
    Other,
}

/// The characters of a query that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export_to = "desktop.ts")]
pub(crate) struct WrongPlace {
    /// The first, counted from 1.
    pub(crate) column: u32,
    /// How many.
    pub(crate) length: u32,
    /// What may have been meant in their place.
    pub(crate) suggestion: Option<String>,
}

/// The answer as JSON, its type follows from the question.
pub(crate) type Answer = Result<Box<RawValue>, Failure>;

impl Failure {
    /// There is no daemon; the sentence says why, and what to do.
    pub(crate) fn gone(message: String) -> Self {
        Self { kind: FailureKind::Gone, message, place: None }
    }

    /// Something else; the sentence says what, and what to do.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Other, message: message.into(), place: None }
    }

    /// The daemon's error, with the sentence that a person is told.
    pub(crate) fn of(error: &Error, message: String) -> Self {
        let (kind, place) = match error {
            Error::AccessDenied(_) => (FailureKind::Denied, None),
            Error::Cancelled(_) => (FailureKind::Cancelled, None),
            Error::WrongQuery(wrong) => {
                let suggestion = wrong.suggestion.clone();
                let place = WrongPlace { column: wrong.column, length: wrong.length, suggestion };
                (FailureKind::WrongQuery, Some(place))
            }
            Error::Bus(_) => (FailureKind::Gone, None),
            _ => (FailureKind::Other, None),
        };
        Self { kind, message, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page writes and reads these types.
    #[test]
    fn the_page_gets_the_types() -> Result<(), ts_rs::ExportError> {
        let config = ts_rs::Config::from_env();
        Question::export(&config)?;
        Failure::export(&config)?;
        FailureKind::export(&config)?;
        PictureRequest::export(&config)?;
        PictureKind::export(&config)?;
        PictureFormat::export(&config)?;
        Saved::export(&config)?;
        Imported::export(&config)?;
        WrongPlace::export(&config)
    }
}
