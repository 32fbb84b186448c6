//! Who changes files that are watched, and the way to them, from a second fanotify group.
//!
//! A mark sits on an inode: that of the file, and that of each folder and link on the way to it. It tells what is done to that
//! very inode, through whichever name, and nothing of what else is in a folder: a busy one costs nothing. Only where the way
//! ends too early, the last folder that is there tells of what is put into it.
//!
//! | what is done | what the kernel tells of |
//! |---|---|
//! | write, truncate | FAN_MODIFY, FAN_CLOSE_WRITE; through a mapping FAN_CLOSE_WRITE when that ends |
//! | another file renamed over it, unlink | FAN_ATTRIB of the old inode: it has a name less |
//! | rename, exchange of two names, of the file or of a folder or link on the way | FAN_MOVE_SELF |
//! | chmod, chown, setcap, another hard link | FAN_ATTRIB |
//! | something in the place of what is gone | FAN_CREATE, FAN_MOVED_TO of the folder |
//! | something mounted over it, or unmounted | nothing; the list of mounts does |
//!
//! FAN_REPORT_FID since Linux 5.1; before, a change is seen when the file is executed the next time. On overlayfs since 6.6, in a
//! subvolume of btrfs since 6.8. FAN_CLASS_NOTIF: nobody waits for the daemon. Adding a mark needs no privilege where the file may
//! be read, and opens nothing: a filesystem can be unmounted, which ends its marks. A group that tells whose process it was needs
//! CAP_SYS_ADMIN when it is made: at the start, and for each filesystem that cannot share one (see `change_groups`).

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    rc::Rc,
};

use nix::sys::fanotify::{MarkFlags, MaskFlags};
use portolan_core::{MonotonicNs, Pid};

use super::{
    change_events::ChangeEvent, change_groups::ChangeGroups, file_handle::FileHandle, hooks::Hook,
    mount_points::MountPoints, sources::Sources,
};
use crate::clock::Now;

const NAME: &str = "fanotify FAN_REPORT_FID";
const PURPOSE: &str = "tells who changes the files of programs that have talked, when it happens";

/// Inodes that have a mark, which keeps them in the kernel's memory (about 1 KiB each).
const MARKS: usize = 65_536;
/// Marks that nothing needs any more. They can be taken back only all together, and then all ways are walked again.
const LEFT_OVER: usize = 4096;
/// Between two readings: meanwhile the kernel puts together what one process does to one file.
const PAUSE_NS: u64 = 50_000_000;

/// What stands on the way to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaceKind {
    /// A folder that the way leads through.
    Folder,
    /// The last folder that is there.
    LastFolder,
    /// A link, or something else that is no folder and no file to be watched.
    Link,
    /// The file.
    File,
}

/// A step on the way to a file, held in its place (O_PATH) for as long as it takes to mark it.
#[derive(Debug)]
pub struct Place {
    /// What it is.
    pub kind: PlaceKind,
    /// Which.
    pub handle: FileHandle,
    /// To mark it by.
    pub descriptor: OwnedFd,
}

/// What somebody did to a watched file, or to the way there.
#[derive(Debug, Clone, Copy)]
pub struct FileEvent {
    /// Which file, by the number that the watcher gave.
    pub number: u64,
    /// What.
    pub kind: FileEventKind,
    /// Who; `None` when that cannot be told.
    pub pid: Option<Pid>,
    /// When it was read, at most a tick later.
    pub at: Now,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileEventKind {
    /// Its mode, its owner, or the number of its names; maybe it has lost the one that is watched.
    Attributes,
    /// It is being written to.
    Writing,
    /// It was written to and closed, or renamed; or something was put in its place.
    Done,
}

/// What [`WatchedFiles::take`] gives.
#[derive(Debug, Default)]
pub struct FileEvents {
    /// In order.
    pub events: Vec<FileEvent>,
    /// Something was mounted or unmounted here: what is watched at or below has to be looked at.
    pub mounted: Vec<PathBuf>,
    /// Whether marks or events were lost: everything that is watched has to be looked at.
    pub look_at_all: bool,
}

struct Inode {
    marked: MaskFlags,
    /// Which files need it, and for what.
    needed: HashMap<u64, MaskFlags>,
}

/// The files that are watched.
pub struct WatchedFiles {
    groups: ChangeGroups,
    inodes: HashMap<FileHandle, Inode>,
    ways: HashMap<u64, Vec<FileHandle>>,
    left_over: usize,
    overflows: u64,
    mounts: MountPoints,
    /// Until when nothing is read, because something has just been.
    pause_until: Option<MonotonicNs>,
    look_at_all: bool,
}

impl WatchedFiles {
    pub(super) fn start(sources: &Rc<Sources>) -> (Option<Self>, Hook) {
        let groups = match ChangeGroups::start(sources) {
            Ok(groups) => groups,
            Err(error) => {
                let problem = format!(
                    "the kernel refuses a fanotify group that names files by handles (it needs Linux 5.1): {error}"
                );
                return (None, Hook::from_result(NAME, PURPOSE, Err(problem)));
            }
        };
        let watched = Self {
            groups,
            inodes: HashMap::new(),
            ways: HashMap::new(),
            left_over: 0,
            overflows: 0,
            mounts: MountPoints::default(),
            pause_until: None,
            look_at_all: false,
        };
        (Some(watched), Hook::from_result(NAME, PURPOSE, Ok(())))
    }

    /// One that nothing waits for.
    #[cfg(test)]
    pub(crate) fn alone() -> Self {
        let sources = Rc::new(Sources::new().unwrap());
        Self::start(&sources).0.unwrap()
    }

    #[cfg(test)]
    pub(crate) fn marks(&self) -> usize {
        self.groups.marks()
    }

    /// Watches a file by the way that leads to it now, instead of the one before.
    ///
    /// # Errors
    /// When it cannot be watched; then it is not watched at all.
    pub fn hold(&mut self, number: u64, way: &[Place]) -> io::Result<()> {
        let before = self.ways.remove(&number).unwrap_or_default();
        let mut held = Vec::new();
        let result = wanted(way).into_iter().try_for_each(|(place, mask)| {
            self.need(number, place, mask)?;
            held.push(place.handle.clone());
            Ok(())
        });
        before.iter().filter(|handle| !held.contains(handle)).for_each(|handle| self.let_go(number, handle));
        match result {
            Ok(()) => drop(self.ways.insert(number, held)),
            Err(_) => held.iter().for_each(|handle| self.let_go(number, handle)),
        }
        self.take_back_left_overs();
        result
    }

    /// Watches it no more.
    pub fn forget(&mut self, number: u64) {
        for handle in self.ways.remove(&number).unwrap_or_default() {
            self.let_go(number, &handle);
        }
        self.take_back_left_overs();
    }

    /// How often the kernel's queue was full.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// The daemon's own list of mounts is another.
    pub(crate) fn mounts_changed(&mut self) {
        self.mounts.is_stale = true;
    }

    /// How long a wait may take before there may be something to take that ends no wait.
    pub(crate) fn pause_left(&self, now: MonotonicNs) -> Option<u64> {
        Some(self.pause_until?.0.saturating_sub(now.0))
    }

    /// What was done since the last call. Nothing when that was a moment ago.
    pub fn take(&mut self, now: Now) -> FileEvents {
        let mut all = FileEvents::default();
        if self.pause_left(now.monotonic).is_some_and(|left| left > 0) {
            return all;
        }
        self.pause_until = None;
        all.mounted = self.mounts.take_changed();
        let mut events = Vec::new();
        self.groups.read(|event| events.push(event));
        if !events.is_empty() {
            self.pause_until = Some(MonotonicNs(now.monotonic.0.saturating_add(PAUSE_NS)));
        }
        events.into_iter().for_each(|event| self.take_one(event, now, &mut all));
        all.look_at_all |= std::mem::take(&mut self.look_at_all);
        all
    }

    fn take_one(&mut self, event: ChangeEvent, at: Now, all: &mut FileEvents) {
        if event.mask.contains(MaskFlags::FAN_Q_OVERFLOW) {
            self.overflows += 1;
            all.look_at_all = true;
            return;
        }
        let kind = kind_of(event.mask);
        let Some(inode) = event.file.as_ref().and_then(|file| self.inodes.get(file)) else { return };
        let told = inode.needed.iter().filter(|(_, mask)| mask.intersects(event.mask));
        all.events.extend(told.map(|(number, _)| FileEvent { number: *number, kind, pid: event.pid, at }));
    }

    fn need(&mut self, number: u64, place: &Place, mask: MaskFlags) -> io::Result<()> {
        let is_full = self.inodes.len() + self.left_over >= MARKS;
        let marked = match self.inodes.get(&place.handle) {
            Some(inode) => inode.marked,
            None if is_full => {
                return Err(io::Error::other("so many files are watched that there is no room"));
            }
            None => MaskFlags::empty(),
        };
        if !marked.contains(mask) {
            self.groups.mark(MarkFlags::FAN_MARK_ADD, mask, place)?;
        }
        let inode = self
            .inodes
            .entry(place.handle.clone())
            .or_insert_with(|| Inode { marked: MaskFlags::empty(), needed: HashMap::new() });
        inode.marked |= mask;
        inode.needed.insert(number, mask);
        // The folder of something that was gone and is back need not tell of all that is put into it.
        let needed = inode.needed.values().fold(MaskFlags::empty(), |all, mask| all | *mask);
        let superfluous = inode.marked.difference(needed);
        if !superfluous.is_empty() && self.groups.mark(MarkFlags::FAN_MARK_REMOVE, superfluous, place).is_ok()
        {
            inode.marked = needed;
        }
        Ok(())
    }

    fn let_go(&mut self, number: u64, handle: &FileHandle) {
        if let Entry::Occupied(mut inode) = self.inodes.entry(handle.clone()) {
            inode.get_mut().needed.remove(&number);
            if inode.get().needed.is_empty() {
                inode.remove();
                self.left_over += 1;
            }
        }
    }

    fn take_back_left_overs(&mut self) {
        if self.left_over < LEFT_OVER {
            return;
        }
        self.groups.flush();
        self.inodes.clear();
        self.ways.clear();
        self.left_over = 0;
        self.look_at_all = true;
    }
}

/// What each inode on a way is to tell of; a way may lead through one more than once.
fn wanted(way: &[Place]) -> Vec<(&Place, MaskFlags)> {
    let mut all: Vec<(&Place, MaskFlags)> = Vec::new();
    for place in way {
        match all.iter_mut().find(|(known, _)| known.handle == place.handle) {
            Some((_, mask)) => *mask |= mask_of(place.kind),
            None => all.push((place, mask_of(place.kind))),
        }
    }
    all
}

fn mask_of(kind: PlaceKind) -> MaskFlags {
    match kind {
        PlaceKind::Folder => MaskFlags::FAN_MOVE_SELF | MaskFlags::FAN_ONDIR,
        PlaceKind::LastFolder => mask_of(PlaceKind::Folder) | MaskFlags::FAN_CREATE | MaskFlags::FAN_MOVED_TO,
        PlaceKind::Link => MaskFlags::FAN_ATTRIB | MaskFlags::FAN_MOVE_SELF,
        PlaceKind::File => mask_of(PlaceKind::Link) | MaskFlags::FAN_MODIFY | MaskFlags::FAN_CLOSE_WRITE,
    }
}

fn kind_of(mask: MaskFlags) -> FileEventKind {
    let beside = MaskFlags::FAN_ATTRIB | MaskFlags::FAN_ONDIR;
    let rest = mask.difference(beside);
    if rest.is_empty() {
        FileEventKind::Attributes
    } else if rest == MaskFlags::FAN_MODIFY {
        FileEventKind::Writing
    } else {
        FileEventKind::Done
    }
}
