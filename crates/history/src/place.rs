use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::set_aside::with_suffix;

/// Which files an open history has: they may be deleted or replaced while it is open, and SQLite would not notice.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    file: Option<Identity>,
    log: Option<Identity>,
}

/// Device and inode. Nobody else can get them while the file is open.
type Identity = (u64, u64);

impl Place {
    /// The files that have these names now.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.into(), file: identity(path), log: identity(&log(path)) }
    }

    /// Whether the files still have their names.
    pub(crate) fn is_kept(&self) -> bool {
        let Self { path, file, log } = Self::of(&self.path);
        (path, file, log) == (self.path.clone(), self.file, self.log)
    }

    /// How long the log is; 0 where there is none.
    pub(crate) fn log_bytes(&self) -> u64 {
        fs::metadata(log(&self.path)).map_or(0, |log| log.len())
    }

    /// Removes the log of a file that has lost its name, once it is closed: it would be taken for the log of the next one.
    pub(crate) fn remove_log(&self) -> io::Result<()> {
        let now = Self::of(&self.path);
        if now.file == self.file || now.log.is_none() || now.log != self.log {
            return Ok(());
        }
        fs::remove_file(log(&self.path))?;
        match fs::remove_file(with_suffix(&self.path, "-shm")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn log(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
