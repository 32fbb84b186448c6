//! Notices of what happens to the files.

use std::{io, os::fd::OwnedFd, path::Path};

use portolan_config::ConfigFiles;
use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};
use tokio::net::unix::pipe::Receiver;

/// The folders and files as they were when this began; a new one is begun after each change.
///
/// The kernel's notices are read as from a pipe: what they say does not matter.
pub(super) struct FilesWatch(Receiver);

impl FilesWatch {
    /// # Errors
    /// There is something that cannot be watched.
    pub(super) fn begin(files: &ConfigFiles) -> io::Result<Self> {
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let drop_in_dir = files.drop_in_dir();
        for dir in [files.main.parent().unwrap_or(Path::new("/")), &drop_in_dir] {
            watch_folder(&notices, dir)?;
        }
        // A link leads to where its folder says nothing of a change.
        let entries = std::fs::read_dir(&drop_in_dir).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).chain([files.main.clone()]) {
            if path.is_symlink() {
                let flags = WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB | WatchFlags::MOVE_SELF;
                match inotify::add_watch(&notices, &path, flags) {
                    // What leads nowhere is seen when it is replaced in its folder.
                    Ok(_) | Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NAMETOOLONG) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Receiver::from_owned_fd_unchecked(notices).map(Self)
    }

    /// Something happened.
    ///
    /// # Errors
    /// Nothing more can be seen.
    pub(super) async fn changed(&self) -> io::Result<()> {
        self.0.readable().await?;
        let mut notices = [0; 4096];
        loop {
            match self.0.try_read(&mut notices) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// A folder, or the nearest one above it that is there, in which it would appear.
fn watch_folder(notices: &OwnedFd, dir: &Path) -> io::Result<()> {
    let flags = WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::MOVE
        | WatchFlags::DELETE
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    let mut dir = dir;
    loop {
        match inotify::add_watch(notices, dir, flags) {
            Ok(_) => return Ok(()),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(above) = dir.parent() else { return Err(Errno::NOENT.into()) };
        dir = above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_no_folder_cannot_be_watched() {
        for (main, can_be) in [("portolan.toml", false), ("/nonexistent/deep/portolan.toml", true)] {
            let files = ConfigFiles { main: main.into() };
            assert_eq!(FilesWatch::begin(&files).is_ok(), can_be, "{main}");
        }
    }

    #[tokio::test]
    async fn a_link_that_leads_nowhere_keeps_nothing_from_being_watched() {
        let dir = tempfile::tempdir().unwrap();
        let files = ConfigFiles { main: dir.path().join("portolan.toml") };
        std::fs::write(&files.main, "").unwrap();
        std::fs::create_dir(files.drop_in_dir()).unwrap();
        let long = "x".repeat(300);
        for target in ["10.toml", "missing", "../portolan.toml/below", &long] {
            let link = files.drop_in_dir().join("10.toml");
            std::os::unix::fs::symlink(target, &link).unwrap();
            let watch = FilesWatch::begin(&files).unwrap();
            std::fs::remove_file(&link).unwrap();
            watch.changed().await.unwrap();
        }
    }
}
