use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{Error, keeper::Keeper, user::User};

/// A folder under the system's folder for temporary files that goes away with its guard, and also when this process is killed.
#[derive(Debug)]
pub struct Folder {
    dir: TempDir,
    _keeper: Keeper,
}

impl Folder {
    /// A folder that everybody may read.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn for_everybody() -> Result<Self, Error> {
        let parent = std::env::temp_dir();
        let dir = tempfile::Builder::new()
            .prefix("portolan-")
            .tempdir_in(&parent)
            .map_err(|source| Error::File { action: "make a folder in", path: parent, source })?;
        set_mode(dir.path(), 0o755)?;
        let keeper = Keeper::of_paths(&[dir.path()])
            .map_err(|source| Error::Start { program: "sh".to_owned(), source })?;
        Ok(Self { dir, _keeper: keeper })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_dir(&self, name: &str, mode: u32) -> Result<PathBuf, Error> {
        let path = self.path().join(name);
        fs::create_dir_all(&path).map_err(|source| Error::File {
            action: "make the folder",
            path: path.clone(),
            source,
        })?;
        set_mode(&path, mode)?;
        Ok(path)
    }

    /// Writes a file into it that everybody may read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(|source| Error::File {
            action: "write",
            path: path.clone(),
            source,
        })?;
        set_mode(&path, 0o644)?;
        Ok(path)
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|source| Error::File {
        action: "set the mode of",
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn give(path: &Path, user: &User) -> Result<(), Error> {
    chown(path, Some(user.uid), Some(user.gid)).map_err(|source| Error::File {
        action: "change the owner of",
        path: path.to_owned(),
        source,
    })
}
