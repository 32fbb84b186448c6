//! What an application is: the rules of docs/identity.md. Everything here is a pure function of facts.

mod display;
mod facts;
mod interpreted;
mod kind;
mod review;
mod rules;
mod stable;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use facts::{Facts, FileOrigin};
pub use interpreted::{Code, Interpreted, Invocation, code_variables};
pub use review::ReviewState;

use crate::{Executable, ParseError, Untrusted};
use kind::{Kind, Shape};

/// What a person approves: stays the same when a new version replaces the executable.
///
/// Written `kind:rest`. Two that are different applications are never written the same. The text holds what programs chose
/// and is therefore hostile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, export_to = "evidence.ts")]
pub struct ApplicationKey(Untrusted);

impl ApplicationKey {
    /// As long as the key of the longest paths: an interpreter's and a script's, each byte escaped.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The application of a file of this machine about which nothing but its path is known.
    #[must_use]
    pub fn of_path(executable: &Executable) -> Self {
        Self::one(Kind::Path, &stable::path(executable.path.as_raw()))
    }

    /// What another recorder saw at a path: its word, and no application that this one can meet.
    #[must_use]
    pub fn imported(path: &Untrusted) -> Self {
        Self::one(Kind::Imported, &stable::path(path.as_raw()))
    }

    /// Whether another recorder saw it.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        self.0.as_raw().starts_with("imported:")
    }

    /// A path with `*` in the place of what another version or another start of the same program changes in it.
    #[must_use]
    pub fn stable_path(path: &Untrusted) -> Untrusted {
        stable::path(path.as_raw()).into()
    }

    /// A key that [`ApplicationKey::as_untrusted`] gave; not checked, so that what was stored always reads back.
    #[must_use]
    pub fn from_stored(key: Untrusted) -> Self {
        Self(key)
    }

    /// Whether its paths are those of this machine's own files.
    #[must_use]
    pub fn is_of_the_machine(&self) -> bool {
        let kind = self.0.as_raw().split(':').next().unwrap_or_default();
        matches!(kind, "deb" | "rpm" | "pacman" | "script" | "path")
    }

    /// The key as stored and sent.
    #[must_use]
    pub fn as_untrusted(&self) -> &Untrusted {
        &self.0
    }

    fn one(kind: Kind, rest: &str) -> Self {
        Self(format!("{}:{rest}", kind.as_str()).into())
    }

    /// Of two parts. A colon in the first is written otherwise, so that the first colon is always the one between them.
    fn two(kind: Kind, first: &str, second: &str) -> Self {
        Self(format!("{}:{}:{second}", kind.as_str(), kind::escaped(first)).into())
    }
}

impl FromStr for ApplicationKey {
    type Err = ParseError;

    /// Reads a key, or a bare absolute path, which means the application of kind `path` that a program there is.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.starts_with('/') {
            return Ok(Self::one(Kind::Path, &stable::path(text)));
        }
        let Some((kind, rest)) =
            text.split_once(':').and_then(|(word, rest)| Some((Kind::from_word(word)?, rest)))
        else {
            return Err(ParseError::new("application", text, kind::EXPECTED));
        };
        let is_valid = match kind.shape() {
            Shape::Name => !rest.is_empty(),
            Shape::Path => rest.starts_with('/'),
            Shape::Two { first_is_path, second_is_path } => {
                let starts =
                    |part: &str, is_path: bool| part.starts_with('/') || !(is_path || part.is_empty());
                rest.split_once(':').is_some_and(|(first, second)| {
                    starts(first, first_is_path) && kind::is_escaped(first) && starts(second, second_is_path)
                })
            }
            Shape::PathAndMore => {
                let (path, more) = rest.split_once(':').unwrap_or((rest, "?"));
                path.starts_with('/') && kind::is_escaped(path) && !more.is_empty()
            }
        };
        if is_valid {
            Ok(Self(text.into()))
        } else {
            Err(ParseError::new(kind.what(), text, kind.expected()))
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
