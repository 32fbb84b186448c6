//! Which files there are.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, open};

/// Bytes of one file.
const FILE_MAX: u64 = 1 << 20;
/// Files that add to the first.
const DROP_INS_MAX: usize = 100;

/// A file and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Why files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// One cannot be read.
    #[error("the configuration {path} cannot be read: {source}. Mend its permissions, or take it away")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There are more than anybody means.
    #[error("{dir} holds more than {DROP_INS_MAX} files; put them together")]
    TooMany {
        /// Where.
        dir: PathBuf,
    },
}

/// A configuration file, and the folder beside it whose files add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFiles {
    /// The file; it need not be there.
    pub main: PathBuf,
}

impl ConfigFiles {
    /// Of the machine.
    pub const OF_MACHINE: &str = "/etc/portolan/portolan.toml";

    /// One file alone, as [`read`](crate::read) takes it.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn only(file: &Path) -> Result<Vec<Source>, FilesError> {
        match read_text(file) {
            Ok(text) => Ok(vec![Source { path: file.into(), text }]),
            Err(source) => Err(FilesError::Read { path: file.into(), source }),
        }
    }

    /// The folder of files that add to it, in the order of their names: `portolan.d`. It need not be there.
    #[must_use]
    pub fn drop_in_dir(&self) -> PathBuf {
        self.main.with_extension("d")
    }

    /// What all of them say now.
    ///
    /// # Errors
    /// One that is there cannot be read.
    pub fn read(&self) -> Result<Vec<Source>, FilesError> {
        let mut sources: Vec<Source> = read_file(&self.main)?.into_iter().collect();
        for path in self.drop_ins()? {
            // One that was taken away meanwhile says nothing.
            sources.extend(read_file(&path)?);
        }
        Ok(sources)
    }

    /// The files of the folder that count: `*.toml`, without those that begin with a dot.
    fn drop_ins(&self) -> Result<Vec<PathBuf>, FilesError> {
        let dir = self.drop_in_dir();
        let failed = |source| FilesError::Read { path: dir.clone(), source };
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let bytes = name.as_encoded_bytes();
            if bytes.ends_with(b".toml") && !bytes.starts_with(b".") {
                paths.push(dir.join(name));
            }
            if paths.len() > DROP_INS_MAX {
                return Err(FilesError::TooMany { dir });
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// `None` when there is none.
fn read_file(path: &Path) -> Result<Option<Source>, FilesError> {
    match read_text(path) {
        Ok(text) => Ok(Some(Source { path: path.into(), text })),
        Err(error) if is_missing(&error) => Ok(None),
        Err(source) => Err(FilesError::Read { path: path.into(), source }),
    }
}

/// Never waits: who puts a pipe there is refused.
fn read_text(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: OwnedFd = open(path, flags, Mode::empty())?;
    let file = File::from(file);
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    if !file.metadata()?.is_file() {
        return Err(invalid("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX) {
        return Err(invalid(format!("it is longer than {FILE_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n');
        invalid(format!("it is no text in UTF-8 in line {}", line.count() + 1))
    })
}
