//! The configuration file.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::Error as _};

/// What a person can set. Every key has a default; a missing file is all defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often the counters are read, in milliseconds: 100 to 10 000.
    pub tick_ms: u32,
    /// How long a bucket of the history is, in milliseconds: 1 000 to 3 600 000.
    pub bucket_ms: u32,
    /// Whether command lines are kept, secrets in them masked. Otherwise they are in no file and on no bus.
    pub record_command_lines: bool,
    /// How long, from the first start on, what talks is learned as one list instead of told one by one, in hours: 0 to 8 760.
    pub learning_hours: u32,
    /// Databases of countries and networks, of which the first that knows something says it; `None` for Portolan's own. Without
    /// any, no place is known.
    #[serde(deserialize_with = "databases")]
    pub places: Option<Vec<PathBuf>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tick_ms: 1000,
            bucket_ms: 10_000,
            record_command_lines: true,
            learning_hours: 24,
            places: None,
        }
    }
}

/// Why a configuration is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "the configuration {path} cannot be read: {source}. Mend its permissions, or name another file with --config"
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be; the text names line and column.
    #[error("the configuration {path} is not valid:\n{problem}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and what.
        problem: String,
    },
    /// A value is out of its range.
    #[error("the configuration {path} is not valid: {key} is {value}, it must be from {least} to {most}")]
    Range {
        /// Which.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What it is.
        value: u32,
        /// The least that is allowed.
        least: u32,
        /// The most that is allowed.
        most: u32,
    },
}

impl Config {
    /// Reads a file. One that is not there is all defaults, unless somebody named it.
    ///
    /// # Errors
    /// When it cannot be read or is not valid.
    pub fn read(path: &Path, was_named: bool) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !was_named => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path: path.into(), source }),
        };
        let config: Self = toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.into(),
            problem: error.to_string().trim_end().to_owned(),
        })?;
        for (key, value, least, most) in [
            ("tick_ms", config.tick_ms, 100, 10_000),
            ("bucket_ms", config.bucket_ms, 1_000, 3_600_000),
            ("learning_hours", config.learning_hours, 0, 8_760),
        ] {
            if !(least..=most).contains(&value) {
                return Err(ConfigError::Range { path: path.into(), key, value, least, most });
            }
        }
        Ok(config)
    }
}

/// A path, a list of paths, or `none`.
fn databases<'a, D: Deserializer<'a>>(value: D) -> Result<Option<Vec<PathBuf>>, D::Error> {
    const MOST: usize = 4;

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a path, a list of paths, or \"none\"")]
    enum Given {
        One(PathBuf),
        Several(Vec<PathBuf>),
    }
    let paths = match Given::deserialize(value)? {
        Given::One(path) if path.as_os_str().is_empty() || path == Path::new("none") => Vec::new(),
        Given::One(path) => vec![path],
        Given::Several(paths) => paths,
    };
    if let Some(relative) = paths.iter().find(|path| !path.is_absolute()) {
        let problem = format!("{} is not an absolute path; it must begin with /", relative.display());
        return Err(D::Error::custom(problem));
    }
    if paths.len() > MOST {
        return Err(D::Error::custom(format!("these are {} paths, at most {MOST} are used", paths.len())));
    }
    Ok(Some(paths))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portolan.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path, true)
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(read("tick_ms = 500").unwrap(), Config { tick_ms: 500, ..Config::default() });
        let without = Config { record_command_lines: false, ..Config::default() };
        assert_eq!(read("record_command_lines = false").unwrap(), without);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let unknown = read("tick_ms = 500\ntyck_ms = 1").unwrap_err().to_string();
        assert!(unknown.contains("line 2") && unknown.contains("tyck_ms"), "{unknown}");
        let range = read("tick_ms = 1").unwrap_err().to_string();
        assert!(range.contains("tick_ms is 1, it must be from 100 to 10000"), "{range}");
    }

    #[test]
    fn places_are_a_path_or_several_or_none() {
        let places = |text: &str| read(text).unwrap().places;
        assert_eq!(places(""), None);
        assert_eq!(places("places = \"none\""), Some(Vec::new()));
        assert_eq!(places("places = \"\""), Some(Vec::new()));
        assert_eq!(places("places = \"/a.mmdb\""), Some(vec!["/a.mmdb".into()]));
        assert_eq!(places("places = [\"/a\", \"/b\"]"), Some(vec!["/a".into(), "/b".into()]));
        let refused = |text: &str| read(text).unwrap_err().to_string();
        let relative = refused("tick_ms = 500\nplaces = [\"/a\", \"b\"]");
        assert!(relative.contains("line 2") && relative.contains("b is not an absolute path"), "{relative}");
        assert!(refused("places = 5").contains("expected a path, a list of paths"));
        assert!(refused("places = [\"/1\", \"/2\", \"/3\", \"/4\", \"/5\"]").contains("at most 4"));
    }

    #[test]
    fn a_missing_file_is_an_error_only_when_it_was_named() {
        let missing = Path::new("/nonexistent/portolan.toml");
        assert_eq!(Config::read(missing, false).unwrap(), Config::default());
        assert!(matches!(Config::read(missing, true), Err(ConfigError::Read { .. })));
    }
}
