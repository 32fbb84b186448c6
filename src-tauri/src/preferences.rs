//! What a person has chosen about the app itself, in `~/.config/portolan/desktop.toml`.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::words::Language;

/// A file that is longer is none of ours.
const FILE_MAX_BYTES: u64 = 64 * 1024;
const HOME_MAX_CHARACTERS: usize = 100;

/// What a page shows and changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export_to = "desktop.ts")]
pub(crate) struct Preferences {
    /// Light or dark.
    pub(crate) theme: Theme,
    /// What is counted: bytes, or bits.
    pub(crate) measure: Measure,
    /// Whether a kilo is 1000 or 1024.
    pub(crate) base: Base,
    /// In which language the app speaks.
    pub(crate) language: Spoken,
    /// Where this machine is, for the map; `None` where nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub(crate) home: Option<String>,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum Theme {
    /// As the desktop is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum Measure {
    /// Bytes.
    #[default]
    Bytes,
    /// Bits.
    Bits,
}

/// What a kilo is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum Base {
    /// 1000.
    #[default]
    Decimal,
    /// 1024.
    Binary,
}

/// A language, or the session's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum Spoken {
    /// The session's.
    #[default]
    System,
    /// English.
    En,
    /// Spanish.
    Es,
}

impl Spoken {
    pub(crate) fn language(self) -> Language {
        match self {
            Self::System => Language::of_session(),
            Self::En => Language::En,
            Self::Es => Language::Es,
        }
    }
}

impl Preferences {
    /// The error is a sentence.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let home = self.home.as_deref().unwrap_or_default();
        if home.chars().count() > HOME_MAX_CHARACTERS || home.chars().any(char::is_control) {
            bail!("The place of this machine must be at most {HOME_MAX_CHARACTERS} characters in one line.");
        }
        Ok(())
    }

    /// A rate as the person wants it, e.g. `1.2 MB/s`; `bytes` moved in `ms`.
    pub(crate) fn rate(&self, bytes: u64, ms: u64) -> String {
        let per_second = u128::from(bytes) * 1000 / u128::from(ms.max(1));
        let (count, unit) = match self.measure {
            Measure::Bytes => (per_second, "B"),
            Measure::Bits => (per_second * 8, "bit"),
        };
        let (kilo, prefixes) = match self.base {
            Base::Decimal => (1000, ["", "k", "M", "G", "T"]),
            Base::Binary => (1024, ["", "Ki", "Mi", "Gi", "Ti"]),
        };
        let (mut one, mut prefix) = (1_u128, prefixes[0]);
        for next in &prefixes[1..] {
            if count < one * kilo {
                break;
            }
            (one, prefix) = (one * kilo, next);
        }
        let tenths = count * 10 / one;
        let point = if self.language.language() == Language::Es { ',' } else { '.' };
        match tenths {
            10..100 if one > 1 => format!("{}{point}{} {prefix}{unit}/s", tenths / 10, tenths % 10),
            _ => format!("{} {prefix}{unit}/s", tenths / 10),
        }
    }
}

/// All that the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    #[serde(flatten)]
    pub(crate) preferences: Preferences,
    /// No notifications until a person wants them again.
    pub(crate) notifications_paused: bool,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Store {
    path: Option<PathBuf>,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// The number of the last writing; an older one that comes later is left out.
    last: u64,
    /// The file holds what nobody has read, and no choice is written over it.
    holds_unread: bool,
}

/// Why there are no choices from the file.
enum Unread {
    /// Its text means nothing.
    Text(anyhow::Error),
    /// It was not given out; the text may be fine.
    File(std::io::Error),
}

/// Why the file was not read, and where it was put.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) reason: String,
    pub(crate) aside: Option<PathBuf>,
}

impl Store {
    /// In the person's folder for configuration.
    pub(crate) fn of_user() -> Self {
        let dirs = directories::BaseDirs::new();
        Self::at(dirs.map(|dirs| dirs.config_dir().join("portolan/desktop.toml")))
    }

    /// `None`: nothing is kept.
    pub(crate) fn at(path: Option<PathBuf>) -> Self {
        Self { path, written: Mutex::default() }
    }

    /// What is kept. A file whose text means nothing is put aside, so that it is not lost when the next choice is written.
    pub(crate) fn load(&self) -> (Kept, Option<Broken>) {
        let Some(path) = &self.path else { return (Kept::default(), None) };
        let (broken, holds_unread) = match read(path) {
            Ok(kept) => return (kept, None),
            Err(Unread::Text(error)) => {
                let aside = path.with_extension("toml.broken");
                let aside = fs::rename(path, &aside).ok().map(|()| aside);
                let holds_unread = aside.is_none();
                (Some(Broken { reason: format!("{error:#}."), aside }), holds_unread)
            }
            Err(Unread::File(error)) => {
                tracing::warn!(path = %path.display(), %error, "the choices cannot be read; the usual ones apply");
                (None, true)
            }
        };
        self.written().holds_unread = holds_unread;
        (Kept::default(), broken)
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file anew, all or nothing; `number` grows with each call. Blocks.
    pub(crate) fn keep(&self, number: u64, kept: &Kept) -> anyhow::Result<()> {
        let path = self.path.as_deref().context("there is no folder for configuration (HOME is not set)")?;
        let mut written = self.written();
        if written.last >= number {
            return Ok(());
        }
        if written.holds_unread {
            bail!(
                "{} could not be read, and is not written over; mend it, then start Portolan again",
                path.display()
            );
        }
        let text = toml::to_string(kept).context("they cannot be written as TOML")?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let next = path.with_extension("toml.new");
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&next)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&next, path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))?;
        written.last = number;
        Ok(())
    }
}

fn read(path: &Path) -> Result<Kept, Unread> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Kept::default()),
        opened => opened.map_err(Unread::File)?,
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Unread::File)?;
    understand(&bytes).with_context(|| path.display().to_string()).map_err(Unread::Text)
}

fn understand(bytes: &[u8]) -> anyhow::Result<Kept> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX_BYTES) {
        bail!("it is too long");
    }
    let text = str::from_utf8(bytes)?;
    let kept: Kept = toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    kept.preferences.check()?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_gets_the_types() -> Result<(), ts_rs::ExportError> {
        let config = ts_rs::Config::from_env();
        Preferences::export(&config)?;
        Theme::export(&config)?;
        Measure::export(&config)?;
        Base::export(&config)?;
        Spoken::export(&config)
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/desktop.toml");
        let store = Store::at(Some(path.clone()));
        assert_eq!(store.load(), (Kept::default(), None));
        let home = Some("Vigo".to_owned());
        let preferences =
            Preferences { theme: Theme::Dark, language: Spoken::Es, home, ..Preferences::default() };
        let kept = Kept { preferences, notifications_paused: true };
        store.keep(2, &kept).unwrap();
        store.keep(1, &Kept::default()).unwrap();
        assert_eq!(store.load(), (kept, None), "an older writing that comes later is left out");
        fs::write(&path, "theme = \"light\"\nmeasure = \"bits\"\n").unwrap();
        assert_eq!(store.load().0.preferences.measure, Measure::Bits);
    }

    #[test]
    fn a_broken_file_is_told_and_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desktop.toml");
        let store = Store::at(Some(path.clone()));
        let long = format!("home = \"{}\"", "x".repeat(101));
        for text in ["theme = \"pink\"", "=", long.as_str()] {
            fs::write(&path, text).unwrap();
            let (kept, broken) = store.load();
            let broken = broken.unwrap();
            assert_eq!(kept, Kept::default());
            assert_eq!(fs::read_to_string(broken.aside.unwrap()).unwrap(), text);
            assert!(!path.exists() && !broken.reason.is_empty());
        }
    }

    /// A folder in its place is not given out as text, not even to root.
    #[test]
    fn a_file_that_cannot_be_read_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desktop.toml");
        fs::create_dir(&path).unwrap();
        let store = Store::at(Some(path.clone()));
        assert_eq!(store.load(), (Kept::default(), None));
        assert!(path.is_dir() && !path.with_extension("toml.broken").exists());
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "theme = \"dark\"").unwrap();
        let refused = store.keep(1, &Kept::default()).unwrap_err().to_string();
        assert!(refused.contains("could not be read"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theme = \"dark\"", "it can be read again");
    }

    #[test]
    fn a_rate_has_the_unit_that_was_chosen() {
        let usual = Preferences { language: Spoken::En, ..Preferences::default() };
        assert_eq!(usual.rate(0, 60_000), "0 B/s");
        assert_eq!(usual.rate(999, 1000), "999 B/s");
        assert_eq!(usual.rate(1_250_000, 1000), "1.2 MB/s");
        let bits = Preferences { measure: Measure::Bits, base: Base::Binary, language: Spoken::Es, ..usual };
        assert_eq!(bits.rate(1024, 1000), "8,0 Kibit/s");
        assert_eq!(bits.rate(u64::MAX, 0), "134217727999 Tibit/s");
    }
}
