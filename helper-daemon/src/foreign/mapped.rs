use std::{
    collections::HashSet,
    ffi::OsString,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

use portolan_core::ForeignCodeKind;
use rustix::fs::{FileType, MemfdFlags, Mode, OFlags, Statx};

use super::contents::{Content, Contents};
use crate::{
    identity::{FileKey, find_below, reopen},
    monitor::{mounts_without_server, stat_as_known},
};

/// Links that are followed to a library.
const LINKS_MAX: usize = 8;
/// What the kernel writes behind the path of a removed file.
const GONE: &[u8] = b" (deleted)";

/// A file that a process has mapped as code, or that its linker was told to load.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) key: FileKey,
    /// As the process sees it; of a file in memory its name, such as `memfd:x`.
    pub(super) path: PathBuf,
    pub(super) place: Place,
    /// Whether reading it would ask a server that may never answer.
    pub(super) is_served: bool,
    /// How the linker was told, and whether it was told so for all programs.
    pub(super) named: Option<(ForeignCodeKind, bool)>,
    pub(super) is_mapped: bool,
    pub(super) uid: u32,
    pub(super) mode: u32,
    pub(super) content: State,
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The machine itself has it at its path.
    Machine,
    /// Nobody finds it by its path any more, which was one of the machine's.
    Removed,
    /// Others find another file at its path, or none.
    Elsewhere,
    /// It never was in a folder.
    Memory,
}

#[derive(Debug)]
pub(super) enum State {
    Known(Content),
    /// To be read.
    Unread(OwnedFd),
    /// To be read when others have been.
    Later,
    /// It cannot be read.
    Unreadable,
}

impl Mapped {
    pub(super) fn content(&self) -> Option<Content> {
        match &self.content {
            State::Known(content) => Some(*content),
            _ => None,
        }
    }

    pub(super) fn may_last(&self) -> bool {
        self.place != Place::Memory
    }
}

/// What the machine and a process see at a path.
pub(super) struct Views {
    machine: OwnedFd,
    /// `None` when the process is gone.
    process: Option<OwnedFd>,
    /// Whether the root folder is the same for both: for a container it is not, for a service with mounts of its own it is.
    has_one_root: bool,
    /// The filesystem of what is in memory only.
    memory: (u32, u32),
    /// The folders in /proc of those whose mounts count.
    seers: Vec<PathBuf>,
    /// Filled when it is needed.
    local: Option<HashSet<u64>>,
}

impl Views {
    /// Of a process, by its folder in /proc.
    pub(super) fn of(folder: Option<&OwnedFd>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let machine = machine()?;
        let process = folder.and_then(|folder| rustix::fs::openat(folder, "root", flags, Mode::empty()).ok());
        let has_one_root = match &process {
            Some(process) => is_same(process, &FileKey::from_stat(&stat_as_known(&machine)?)),
            None => true,
        };
        let memory = stat_as_known(rustix::fs::memfd_create("", MemfdFlags::CLOEXEC)?)?;
        let own = folder.map(|folder| format!("/proc/self/fd/{}", folder.as_raw_fd()).into());
        Ok(Self {
            machine,
            process,
            has_one_root,
            memory: (memory.stx_dev_major, memory.stx_dev_minor),
            seers: own.into_iter().chain(["/proc/1".into()]).collect(),
            local: None,
        })
    }

    /// A file by its place; `None` for what is no regular file: to open a device may do something.
    ///
    /// `room` is how many may still be held open to be read.
    pub(super) fn file(
        &mut self,
        file: OwnedFd,
        contents: &Contents,
        room: &mut usize,
    ) -> io::Result<Option<Mapped>> {
        let stat = stat_as_known(&file)?;
        if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
            return Ok(None);
        }
        let key = FileKey::from_stat(&stat);
        let (path, place) = self.place(&file, &key)?;
        let known = contents.known(&key);
        let is_served = known.is_none() && place != Place::Memory && !self.is_local(&stat);
        let content = match known {
            _ if is_served => State::Unreadable,
            Some(Some(content)) => State::Known(content),
            Some(None) => State::Unreadable,
            None if *room == 0 => State::Later,
            None => match reopen(&file) {
                Ok(file) => {
                    *room -= 1;
                    State::Unread(file)
                }
                Err(_) => State::Unreadable,
            },
        };
        Ok(Some(Mapped {
            key,
            path,
            place,
            is_served,
            named: None,
            is_mapped: true,
            uid: stat.stx_uid,
            mode: stat.stx_mode.into(),
            content,
        }))
    }

    fn place(&self, file: &OwnedFd, key: &FileKey) -> io::Result<(PathBuf, Place)> {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        let text = link.as_os_str().as_bytes();
        let removed = text.strip_suffix(GONE).map(|text| PathBuf::from(OsString::from_vec(text.to_vec())));
        if key.device == self.memory {
            let name = removed.unwrap_or(link);
            return Ok((name.strip_prefix("/").map(Path::to_path_buf).unwrap_or(name), Place::Memory));
        }
        let is_it =
            |view: &OwnedFd| find_below(view, text, OFlags::NOFOLLOW).is_ok_and(|found| is_same(&found, key));
        Ok(if is_it(&self.machine) {
            (link, Place::Machine)
        } else if self.process.as_ref().is_some_and(is_it) {
            (link, Place::Elsewhere)
        } else if let Some(path) = removed {
            (path, if self.has_one_root { Place::Removed } else { Place::Elsewhere })
        } else {
            (link, Place::Elsewhere)
        })
    }

    /// What a name leads to for the process, or for the machine when the process is gone.
    pub(super) fn named(&mut self, path: &Path) -> Option<OwnedFd> {
        let mut path = path.to_path_buf();
        for _ in 0..LINKS_MAX {
            if !path.is_absolute() {
                return None;
            }
            let root = self.process.as_ref().unwrap_or(&self.machine);
            if let Ok(found) = find_below(root, path.as_os_str().as_bytes(), OFlags::empty()) {
                return Some(found);
            }
            // The kernel follows no link whose time of access is to be written. To read one asks its server, where it has one.
            let link = find_below(root, path.as_os_str().as_bytes(), OFlags::NOFOLLOW).ok()?;
            let stat = stat_as_known(&link).ok()?;
            if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::Symlink || !self.is_local(&stat) {
                return None;
            }
            let target = rustix::fs::readlinkat(&link, "", Vec::new()).ok()?;
            path = path.parent()?.join(OsString::from_vec(target.into_bytes()));
        }
        None
    }

    fn is_local(&mut self, stat: &Statx) -> bool {
        let seers = &self.seers;
        self.local
            .get_or_insert_with(|| {
                seers.iter().filter_map(|process| mounts_without_server(process).ok()).flatten().collect()
            })
            .contains(&stat.stx_mnt_id)
    }
}

/// What the machine sees: the daemon's own mounts lack some of it. They must do where the first process may not be looked at.
pub(super) fn machine() -> io::Result<OwnedFd> {
    let open = |path| rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    Ok(open("/proc/1/root").or_else(|_| open("/"))?)
}

pub(super) fn is_same(file: &OwnedFd, key: &FileKey) -> bool {
    stat_as_known(file).is_ok_and(|stat| {
        let found = FileKey::from_stat(&stat);
        (found.device, found.inode) == (key.device, key.inode)
    })
}
