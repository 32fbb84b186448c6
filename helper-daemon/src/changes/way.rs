//! The way to a file, step by step: each folder and each link on it can be changed, too.

use std::{collections::VecDeque, io, os::fd::OwnedFd};

use portolan_core::Pid;
use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, openat2, readlinkat},
    io::Errno,
};

use crate::monitor::{FileHandle, Place, PlaceKind, mount_id_of, mounts_without_server, stat_as_known};

/// More steps than any sane path has: each is marked.
const STEPS: usize = 64;

/// From where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// The daemon's own root.
    Machine,
    /// That of a process in a container.
    Process(Pid),
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) places: Vec<Place>,
    pub(super) end: End,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// To a file, the last of the places.
    File,
    /// Nowhere.
    Missing,
    /// To what cannot be looked at, because.
    Other(&'static str),
}

impl Way {
    /// What tells it from another one.
    pub(super) fn key(&self) -> Vec<(FileHandle, PlaceKind)> {
        self.places.iter().map(|place| (place.handle.clone(), place.kind)).collect()
    }

    fn ends(mut self, end: End) -> Self {
        if end == End::Missing
            && let Some(folder) = self.places.iter_mut().rfind(|place| place.kind == PlaceKind::Folder)
        {
            folder.kind = PlaceKind::LastFolder;
        }
        self.end = end;
        self
    }

    fn add(&mut self, kind: PlaceKind, descriptor: OwnedFd) -> io::Result<()> {
        if self.places.len() > STEPS {
            return Err(io::Error::other("its path has too many steps"));
        }
        let handle = FileHandle::of(&descriptor)?;
        self.places.push(Place { kind, handle, descriptor });
        Ok(())
    }
}

/// Walks a path. Nothing is asked of a filesystem that somebody serves, who may never answer: the way ends there.
pub(super) fn walk(root: Root, path: &[u8]) -> io::Result<Way> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let (pid, top) = match root {
        Root::Machine => (None, rustix::fs::open("/", flags, Mode::empty())?),
        Root::Process(pid) => {
            (Some(pid), rustix::fs::open(format!("/proc/{}/root", pid.0), flags, Mode::empty())?)
        }
    };
    let process = pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{}", pid.0));
    let ordinary = mounts_without_server(process.as_ref())?;
    let is_ordinary = |place: &OwnedFd| mount_id_of(place).is_some_and(|id| ordinary.contains(&id));
    let mut way = Way { places: Vec::new(), end: End::Missing };
    if !is_ordinary(&top) {
        return Ok(way.ends(End::Other("the filesystem of the root is behind a server")));
    }
    way.add(PlaceKind::Folder, top)?;
    let mut rest: VecDeque<Vec<u8>> = names(path);
    // The folders that “..” leads back to.
    let mut folders = vec![0];
    while let Some(name) = rest.pop_front() {
        if name == b".." {
            folders.truncate(folders.len().saturating_sub(1).max(1));
            continue;
        }
        let Some(folder) = folders.last().and_then(|last| way.places.get(*last)) else { break };
        let found = match open(&folder.descriptor, &name) {
            Err(Errno::NOENT) => return Ok(way.ends(End::Missing)),
            found => found?,
        };
        if !is_ordinary(&found) {
            return Ok(way.ends(End::Other("it is on a filesystem behind a server, or of the kernel")));
        }
        match FileType::from_raw_mode(stat_as_known(&found)?.stx_mode.into()) {
            FileType::Directory => {
                folders.push(way.places.len());
                way.add(PlaceKind::Folder, found)?;
            }
            FileType::Symlink => {
                let target = readlinkat(&found, "", Vec::new())?.into_bytes();
                if target.first() == Some(&b'/') {
                    folders.truncate(1);
                }
                names(&target).into_iter().rev().for_each(|name| rest.push_front(name));
                way.add(PlaceKind::Link, found)?;
            }
            FileType::RegularFile if rest.is_empty() => {
                way.add(PlaceKind::File, found)?;
                return Ok(way.ends(End::File));
            }
            kind => {
                way.add(PlaceKind::Link, found)?;
                let is_file = kind == FileType::RegularFile;
                let end = if is_file { End::Missing } else { End::Other("what is there is no regular file") };
                return Ok(way.ends(end));
            }
        }
    }
    Ok(way.ends(End::Other("what is there is a folder")))
}

fn names(path: &[u8]) -> VecDeque<Vec<u8>> {
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    names.map(<[u8]>::to_vec).collect()
}

/// One step. What the kernel does not remember is looked for on the folder's own filesystem only; where something is mounted, it
/// remembers.
fn open(folder: &OwnedFd, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |resolve| openat2(folder, name, flags, Mode::empty(), resolve);
    match open(ResolveFlags::CACHED) {
        Err(Errno::AGAIN | Errno::INVAL) => open(ResolveFlags::NO_XDEV),
        result => result,
    }
}
