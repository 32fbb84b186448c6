use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Executable, ParseError, Untrusted};

/// What a person approves: stays the same when a new version replaces the executable.
///
/// Written `kind:name`. The only kind so far is `path`; packages, scripts and containers follow with
/// the identity work. The text holds a path and is therefore hostile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApplicationKey(Untrusted);

impl ApplicationKey {
    /// The application that an executable belongs to.
    #[must_use]
    pub fn of(executable: &Executable) -> Self {
        Self(format!("path:{}", executable.path.as_raw()).into())
    }

    /// A key that [`ApplicationKey::as_untrusted`] gave; not checked, so that what was stored always reads back.
    #[must_use]
    pub fn from_stored(key: Untrusted) -> Self {
        Self(key)
    }

    /// The key as stored and sent.
    #[must_use]
    pub fn as_untrusted(&self) -> &Untrusted {
        &self.0
    }
}

impl FromStr for ApplicationKey {
    type Err = ParseError;

    /// Reads a key, or a bare absolute path, which means the application of kind `path`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.strip_prefix("path:").unwrap_or(text) {
            "" => Err(ParseError::new("application", text, "a path or a key such as path:/usr/bin/curl")),
            name if text.starts_with("path:") || name.starts_with('/') => {
                Ok(Self(format!("path:{name}").into()))
            }
            _ => Err(ParseError::new("application", text, "a path or a key such as path:/usr/bin/curl")),
        }
    }
}

/// What a person decided about an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewState {
    /// Nobody has looked at it.
    Unreviewed,
    /// It is known and wanted: tell only when its executable changes.
    Approved,
    /// Record it, never tell.
    Ignored,
}

impl ReviewState {
    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreviewed => "unreviewed",
            Self::Approved => "approved",
            Self::Ignored => "ignored",
        }
    }
}

impl fmt::Display for ReviewState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReviewState {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "unreviewed" => Ok(Self::Unreviewed),
            "approved" => Ok(Self::Approved),
            "ignored" => Ok(Self::Ignored),
            _ => Err(ParseError::new("review state", text, "unreviewed, approved or ignored")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sha256Digest;

    #[test]
    fn a_path_and_its_key_name_the_same_application() {
        let executable = Executable { path: "/usr/bin/curl".into(), sha256: Sha256Digest([0; 32]) };
        assert_eq!("/usr/bin/curl".parse(), Ok(ApplicationKey::of(&executable)));
        assert_eq!("path:/usr/bin/curl".parse(), Ok(ApplicationKey::of(&executable)));
        assert!("curl".parse::<ApplicationKey>().is_err());
        assert!("path:".parse::<ApplicationKey>().is_err());
    }
}
