//! The log's file: opened where nobody but root can put another in its place, and put aside when it is full.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{FileType, Gid, Mode, OFlags},
    thread::set_thread_groups,
};

/// Whose members read the log.
const GROUP: &str = "portolan";

/// A file that is open to append to.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    size: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = open_safely(path)?;
        Ok(Self { size: file.metadata()?.len(), file })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is still the one at this path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let there = fs::symlink_metadata(path).ok().map(place);
        there.is_some() && there == self.file.metadata().ok().map(place)
    }

    /// Its first byte.
    pub(super) fn begins_with(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.file.read_at(&mut byte, 0)? == 1).then_some(byte[0]))
    }

    /// Writes whole lines, or none of them.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // Somebody may have emptied it.
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(lines) {
            self.file.set_len(before)?;
            return Err(error);
        }
        self.size = before.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Puts the file at this path aside, and the oldest of those away.
pub(super) fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = OsString::from(path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if keep == 0 {
        return fs::remove_file(path);
    }
    for number in (1..keep).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(path, numbered(1))
}

/// Opens a file to append to, in a folder in which nobody but root can put anything in its place.
fn open_safely(path: &Path) -> io::Result<File> {
    let refused = |why: &str| Err(io::Error::other(why.to_owned()));
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return refused("its path names no file");
    };
    let folder = folder_of_root(folder)?;
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::CLOEXEC
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(&folder, name, flags, Mode::RUSR | Mode::WUSR)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 || metadata.uid() != 0 {
        return refused("it is no file of root's own, or has another name besides");
    }
    if metadata.len() == 0 {
        let_group_read(&file);
    }
    Ok(file)
}

/// Goes down to a folder, of which nobody but root can replace any part.
fn folder_of_root(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut folder = rustix::fs::open("/", flags, Mode::empty())?;
    let mut at = PathBuf::from("/");
    let mut parts = path.components().skip(1).peekable();
    loop {
        let metadata = rustix::fs::fstat(&folder)?;
        // What is root's in a sticky folder nobody else renames.
        let is_sticky = parts.peek().is_some() && metadata.st_mode & 0o1000 != 0;
        if metadata.st_uid != 0 || metadata.st_mode & 0o022 != 0 && !is_sticky {
            let at = at.display();
            return Err(io::Error::other(format!(
                "others than root can write to the folder {at}; name a file in a folder of root's, such as /var/log/portolan"
            )));
        }
        let Some(part) = parts.next() else { return Ok(folder) };
        let Component::Normal(name) = part else {
            return Err(io::Error::other("there is \"..\" in its path"));
        };
        at.push(name);
        folder = rustix::fs::openat(&folder, name, flags, Mode::empty()).map_err(|error| {
            let is_link = rustix::fs::statat(&folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
            let error = io::Error::from(error);
            let at = at.display();
            let why =
                if is_link { "it is a link; name what it leads to".to_owned() } else { error.to_string() };
            io::Error::new(error.kind(), format!("the folder {at} cannot be opened: {why}"))
        })?;
    }
}

/// Lets the group read a new file, where there is one; else root alone does.
fn let_group_read(file: &File) {
    let Some(group) = group_number(&fs::read_to_string("/etc/group").unwrap_or_default()) else { return };
    // Who is in a group may give a file to it; this thread is in no other.
    let given = set_thread_groups(&[group])
        .and_then(|()| rustix::fs::fchown(file.as_fd(), None, Some(group)))
        .and_then(|()| rustix::fs::fchmod(file.as_fd(), Mode::RUSR | Mode::WUSR | Mode::RGRP));
    if let Err(error) = given {
        tracing::debug!("the group {GROUP} may not read the text log: {error}");
    }
}

fn group_number(groups: &str) -> Option<Gid> {
    let line = groups.lines().find_map(|line| line.strip_prefix(GROUP)?.strip_prefix(':'))?;
    line.split(':').nth(1)?.parse().ok().map(Gid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_could_have_put_there_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        symlink("/dev/null", &path).unwrap();
        assert!(open_safely(&path).is_err());
        fs::remove_file(&path).unwrap();
        fs::write(dir.path().join("other"), "").unwrap();
        fs::hard_link(dir.path().join("other"), &path).unwrap();
        assert!(open_safely(&path).is_err());
        fs::remove_file(&path).unwrap();
        assert!(open_safely(&path).is_ok());
        let below = dir.path().join("below");
        fs::create_dir(&below).unwrap();
        symlink(&below, dir.path().join("link")).unwrap();
        let error = open_safely(&dir.path().join("link/log")).unwrap_err().to_string();
        assert!(error.contains("it is a link"), "{error}");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for path in [path, below.join("log")] {
            let error = open_safely(&path).unwrap_err().to_string();
            assert!(error.contains("others than root can write"), "{error}");
        }
    }

    #[test]
    fn the_group_is_found_by_its_name() {
        let groups = "root:x:0:\nportolans:x:7:\nportolan:x:991:alice\n";
        assert_eq!(group_number(groups), Some(Gid::from_raw(991)));
        assert_eq!(group_number("portolan\nportolan:x\n"), None);
    }

    #[test]
    fn lines_that_are_not_whole_are_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = LogFile::open(&path).unwrap();
        file.append(b"one\n").unwrap();
        assert_eq!((file.size(), file.begins_with().unwrap(), file.is_at(&path)), (4, Some(b'o'), true));
        fs::rename(&path, dir.path().join("log.1")).unwrap();
        assert!(!file.is_at(&path));
    }
}
