//! Where a new file comes from: it has its name when it is whole, and not before.

use std::{
    fs::{File, OpenOptions},
    future::pending,
    io,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use tempfile::{TempDir, TempPath};

use crate::{
    failure::{Failure, Kind},
    signals::EndSignals,
};

/// Standard output, or a new file that only its owner may read.
pub(super) enum Destination {
    Output,
    File(NewFile),
}

/// A file that grows in a folder of its own, beside its place. All that is in the folder goes with it.
pub(super) struct NewFile {
    path: PathBuf,
    folder: TempDir,
    ends: EndSignals,
}

impl Destination {
    /// What is to be written to, and where it goes.
    pub(super) fn new(path: Option<&Path>) -> Result<(File, Self), Failure> {
        let Some(path) = path else {
            return Ok((File::from(io::stdout().as_fd().try_clone_to_owned()?), Self::Output));
        };
        let new = NewFile::new(path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new.unfinished());
        Ok((file.map_err(|error| new.failed(&error))?, Self::File(new)))
    }

    /// All is written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Output => Ok(()),
            Self::File(file) => file.finish(),
        }
    }

    /// Returns when somebody ends this program, which then has an unfinished file to remove.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Output => pending().await,
            Self::File(file) => file.ended().await,
        }
    }

    /// An error of writing there.
    pub(super) fn failed(&self, error: io::Error) -> Failure {
        match self {
            Self::Output => error.into(),
            Self::File(file) => file.failed(&error),
        }
    }
}

impl NewFile {
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        // Said before the work rather than after it; another may still make the file meanwhile.
        if path.symlink_metadata().is_ok() {
            return Err(not_made(path, &"it is there already; name a file that is not"));
        }
        let ends = EndSignals::new()?;
        let folder = tempfile::Builder::new().prefix(".portolan-").suffix(".part").tempdir_in(beside(path));
        let folder = folder.map_err(|error| not_made(path, &error))?;
        Ok(Self { path: path.to_owned(), folder, ends })
    }

    /// Its name until it is whole.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.folder.path().join("unfinished")
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        let unfinished = self.unfinished();
        // What has the name after a power cut is whole, too.
        File::open(&unfinished).and_then(|file| file.sync_all()).map_err(|error| self.failed(&error))?;
        let unfinished = TempPath::try_from_path(unfinished).map_err(|error| self.failed(&error))?;
        unfinished.persist_noclobber(&self.path).map_err(|error| self.failed(&error.error))
    }

    pub(super) async fn ended(&mut self) {
        self.ends.received().await;
    }

    pub(super) fn failed(&self, why: &dyn std::fmt::Display) -> Failure {
        not_made(&self.path, why)
    }
}

/// The folder of a file that is to be made.
pub(super) fn beside(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn not_made(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::Failed, format!("{} cannot be made: {why}", path.display()))
}
