//! How a value is meant by what a person writes: in queries and in the configuration. The manual is docs/query.md.

use std::borrow::Cow;

use crate::{ApplicationKey, Dimension};

/// A text with `*` for anything, in whatever case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What stands between the stars, in lower case; one part: the whole text is that. Only the first and the last are ever empty.
    pub parts: Vec<String>,
}

impl Pattern {
    /// What has these parts with anything between them.
    #[must_use]
    pub fn new<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut parts: Vec<String> =
            parts.into_iter().map(|part| lower(part.as_ref()).into_owned()).collect();
        let last = parts.len().saturating_sub(1);
        let mut at = 0;
        parts.retain(|part| {
            at += 1;
            !part.is_empty() || at == 1 || at == last + 1
        });
        Self { parts }
    }

    /// Whether this is the text. Linear in both.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let text = lower(text);
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else {
            return false;
        };
        if self.parts.len() == 1 {
            return text == first.as_str();
        }
        let Some(mut rest) =
            text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        self.parts[1..self.parts.len() - 1].iter().all(|part| {
            let found = rest.find(part.as_str());
            rest = found.map_or("", |at| &rest[at + part.len()..]);
            found.is_some()
        })
    }

    /// Whether this is a value of a dimension, or one of its [`Dimension::names_in`].
    #[must_use]
    pub fn fits_value(&self, dimension: Dimension, value: &str) -> bool {
        self.fits(value) || dimension.names_in(value).iter().any(|name| self.fits(name))
    }
}

/// Each character for itself: whether two texts are the same does not depend on what stands around.
#[must_use]
pub fn lower(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        text.chars().flat_map(char::to_lowercase).collect::<String>().into()
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

impl Dimension {
    /// What a value of this dimension answers to beside itself: the names in it.
    ///
    /// `deb:firefox-esr:/usr/lib/firefox/firefox` is also `firefox` (as people see it), `firefox-esr` and its path, `/usr/bin/bash` is
    /// `bash`, `cron.service` is `cron`, `docker:web` is `web`.
    #[must_use]
    pub fn names_in(self, value: &str) -> Vec<Cow<'_, str>> {
        let mut names = Vec::new();
        match self {
            Self::Application => names.extend(application(value)),
            Self::Executable | Self::Script | Self::Parent => {
                names.extend(value.rsplit_once('/').map(|(_, name)| name.into()));
            }
            Self::Container => names.extend(value.split_once(':').map(|(_, name)| name.into())),
            Self::Unit => {
                let name = value.rsplit_once('/').map_or(value, |(_, name)| name);
                names.push(name.into());
                names.extend(name.rsplit_once('.').map(|(before, _)| before.into()));
            }
            _ => {}
        }
        names
    }
}

/// Names of an application. An interpreter's and an image's are not those of what runs there.
fn application(key: &str) -> Vec<Cow<'_, str>> {
    let shown = ApplicationKey::from_stored(key.into()).display_name().as_raw().to_owned();
    let mut names = vec![];
    // `x.py (python3)`
    names.extend(shown.split_once(" (").map(|(name, _)| Cow::Owned(name.to_owned())));
    names.push(shown.into());
    let Some((kind, rest)) = key.split_once(':') else {
        return names;
    };
    match (kind, rest.split_once(':')) {
        ("script" | "elsewhere" | "container", Some((_, what))) => names.push(what.into()),
        (_, parts) => {
            names.push(rest.into());
            names.extend(parts.into_iter().flat_map(|(first, second)| [first.into(), second.into()]));
        }
    }
    if kind == "flatpak" {
        names.extend(rest.rsplit_once('.').map(|(_, label)| label.into()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything_and_nothing() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("**a**", "bAb", true),
            ("a*b*c", "a-c-b", false),
            ("a*b*c", "abcbc", true),
            ("*ß*", "STRASSE", false),
            ("*Σ", "ΟΔΟς", false),
        ] {
            assert_eq!(Pattern::new(pattern.split('*')).fits(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_value_has_the_names_that_people_use() {
        use Dimension::{Application, Container, Domain, Executable, Unit};
        for (dimension, value, name) in [
            (Application, "deb:firefox-esr:/usr/lib/firefox/firefox", "firefox"),
            (Application, "deb:firefox-esr:/usr/lib/firefox/firefox", "firefox-esr"),
            (Application, "path:/opt/x", "/opt/x"),
            (Application, "flatpak:org.example.Tool", "tool"),
            (Executable, "/usr/bin/bash", "bash"),
            (Container, "docker:web", "web"),
            (Unit, "user/1000/app.slice/cron.service", "cron"),
        ] {
            assert!(Pattern::new([name]).fits_value(dimension, value), "{value} {name}");
        }
        assert!(!Pattern::new(["python3"]).fits_value(Application, "script:/usr/bin/python3:/home/me/x.py"));
        assert!(!Pattern::new(["org"]).fits_value(Domain, "example.org"));
    }
}
