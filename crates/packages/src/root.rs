//! Opening what a database consists of, so that nothing hostile in its place does harm.

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};

use crate::PackagesError;

/// The folder that is "/" to the databases, or a folder of a database. Symbolic links are followed only where
/// that is said, and never lead out of the root.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    /// For sentences: as seen from outside the root.
    path: PathBuf,
    resolve: ResolveFlags,
}

impl Folder {
    /// The root itself. Links below it are followed as if it were "/".
    pub(crate) fn root(path: &Path) -> Result<Self, PackagesError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| PackagesError::read(path, errno))?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(Self { fd, path: path.into(), resolve })
    }

    /// A folder of a database; `None` when there is none. Below it, no link is followed: package managers
    /// make none there.
    pub(crate) fn folder(&self, name: &str) -> Result<Option<Self>, PackagesError> {
        let path = self.path.join(name);
        let fd = match self.open(Path::new(name), OFlags::DIRECTORY) {
            Ok(fd) => fd,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(PackagesError::read(path, error)),
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(Some(Self { fd, path, resolve }))
    }

    /// A file to read; `None` when there is none. A FIFO, a device or a socket is an error, and nothing waits
    /// for it.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> Result<Option<File>, PackagesError> {
        let open = || {
            let fd = self.open(name.as_ref(), OFlags::empty())?;
            match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
                FileType::RegularFile => Ok(File::from(fd)),
                _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
            }
        };
        match open() {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(PackagesError::read(self.at(name), error)),
        }
    }

    /// Metadata of what `name` is or leads to; `None` when there is nothing.
    pub(crate) fn stat(&self, name: &str) -> Result<Option<Stat>, PackagesError> {
        let stat = || {
            let fd = self.open(Path::new(name), OFlags::PATH)?;
            Ok(rustix::fs::fstat(fd)?)
        };
        match stat() {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(PackagesError::read(self.at(name), error)),
        }
    }

    /// Where the link `name`, directly in this folder or below folders that are no links, leads to.
    pub(crate) fn link(&self, name: &str) -> Option<Vec<u8>> {
        let fd = self.open(Path::new(name), OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let target = rustix::fs::readlinkat(&fd, "", Vec::new()).ok()?;
        Some(target.into_bytes())
    }

    /// What is in this folder, in no order, "." and ".." included.
    pub(crate) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, PackagesError>>, PackagesError> {
        let entries = Dir::read_from(&self.fd).map_err(|errno| PackagesError::read(&self.path, errno))?;
        Ok(entries.map(|entry| match entry {
            Ok(entry) => Ok(entry.file_name().to_bytes().to_vec()),
            Err(errno) => Err(PackagesError::read(&self.path, errno)),
        }))
    }

    /// For sentences.
    pub(crate) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    fn open(&self, name: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        // NONBLOCK: opening a FIFO would wait for its writer. openat2 is of Linux 5.6; it refuses flags that
        // mean nothing.
        let reading = if flags.contains(OFlags::PATH) {
            OFlags::empty()
        } else {
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY
        };
        let flags = flags | reading | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(&self.fd, name, flags, Mode::empty(), self.resolve)?)
    }
}

/// The path of an open file as this process can open it again.
pub(crate) fn path_of(file: &File) -> io::Result<PathBuf> {
    use std::os::{fd::AsRawFd as _, unix::ffi::OsStringExt as _};
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let target = rustix::fs::readlinkat(CWD, link, Vec::new())?;
    Ok(std::ffi::OsString::from_vec(target.into_bytes()).into())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
