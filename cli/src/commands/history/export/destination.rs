//! Where an export goes to.

use std::{
    fs::File,
    future::pending,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use crate::{
    failure::{Failure, Kind},
    signals::EndSignals,
};

/// Standard output, or a new file that only its owner may read, which has its name when it is whole and not before.
pub(super) enum Destination {
    Output,
    File { path: PathBuf, unfinished: TempPath, ends: EndSignals },
}

impl Destination {
    /// What is to be written to, and where it goes.
    pub(super) fn new(path: Option<&Path>) -> Result<(File, Self), Failure> {
        let Some(path) = path else {
            return Ok((File::from(io::stdout().as_fd().try_clone_to_owned()?), Self::Output));
        };
        // Said before the work rather than after it; another may still make the file meanwhile.
        if path.symlink_metadata().is_ok() {
            return Err(not_made(path, &"it is there already"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".portolan-export-").suffix(".part").tempfile_in(folder);
        let ends = EndSignals::new()?;
        let (file, unfinished) = file.map_err(|error| not_made(path, &error))?.into_parts();
        Ok((file, Self::File { path: path.to_owned(), unfinished, ends }))
    }

    /// All is written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self::File { path, unfinished, .. } = self else { return Ok(()) };
        // What has the name after a power cut is whole, too.
        File::open(&unfinished).and_then(|file| file.sync_all()).map_err(|error| not_made(&path, &error))?;
        unfinished.persist_noclobber(&path).map_err(|error| not_made(&path, &error.error))
    }

    /// Returns when somebody ends this program, which then has an unfinished file to remove.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Output => pending().await,
            Self::File { ends, .. } => ends.received().await,
        }
    }

    /// An error of writing there.
    pub(super) fn failed(&self, error: io::Error) -> Failure {
        match self {
            Self::Output => error.into(),
            Self::File { path, .. } => not_made(path, &error),
        }
    }
}

fn not_made(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::Failed, format!("{} cannot be made: {why}", path.display()))
}
