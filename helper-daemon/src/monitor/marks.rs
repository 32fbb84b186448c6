//! Marking filesystems, wherever they are mounted.
//!
//! A mark sits on the filesystem itself, so any one of its mounts will do, in any namespace. A path that leads into a
//! namespace of somebody else is walked without following links and without waiting for anything, and what it leads to must be
//! the mount that was meant.

use std::{
    collections::HashSet,
    fs, io,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
};

use nix::sys::fanotify::{MarkFlags, MaskFlags};
use portolan_bpf::{Event, EventKind, FileId};
use portolan_core::{MonotonicNs, Pid};
use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    io::Errno,
};

use super::{
    exec_files::ExecFiles,
    mount_namespaces::Mounted,
    mounts::{Device, Mount},
    stat::{mount_id_of, stat_as_known},
};

/// To mark a mount takes as long as to read so many bytes of a list.
const MARK_COST: u64 = 1024;
/// Mounts of a list that are tried whatever it has cost so far: each reading gets further than the one before.
const TRIED_AT_LEAST: usize = 256;

impl ExecFiles {
    /// Marks what the daemon itself sees.
    pub(super) fn mark_own_namespace(&mut self) {
        if let Some(mounted) =
            own_namespace().and_then(|number| self.namespaces.enter(Pid(std::process::id()), number))
        {
            self.mark_mounted(&mounted);
        }
    }

    /// Marks what the namespace of a process holds, when it is a new one, and what it executed when that is not marked.
    pub(super) fn note(&mut self, event: &Event) {
        let mounted = self.namespaces.note(event);
        if self.namespaces.take_forgotten() {
            self.forget_unmounted();
        }
        if let Some(mounted) = mounted {
            self.mark_mounted(&mounted);
        }
        if let (EventKind::Exec | EventKind::Task, Some(process), Some(file)) =
            (event.kind, event.process, event.file)
            && !self.marked.contains(&file.device)
            && !self.refused.contains(&file.device)
        {
            self.mark_executed(process.pid, &file);
        }
    }

    /// The same for all that run; nobody else does.
    pub(super) fn note_all(&mut self, running: &[Event]) {
        running.iter().for_each(|event| self.note(event));
        let own = Pid(std::process::id());
        let pids = running.iter().filter_map(|event| Some(event.process?.pid)).chain([own]).collect();
        self.namespaces.retain(&pids);
    }

    /// Marks what was mounted in a namespace since the last call. A filesystem that refuses is left out: its files are found
    /// through /proc.
    pub(super) fn mounts_changed(&mut self, namespace: u32) {
        let Some(mounted) = self.namespaces.changed(namespace) else { return };
        self.forget_unmounted();
        self.mark_mounted(&mounted);
    }

    /// Does what had to wait, as far as there is an allowance by `now`.
    pub(super) fn catch_up(&mut self, now: MonotonicNs) {
        self.namespaces.refill(now);
        while let Some(namespace) = self.namespaces.next_postponed() {
            self.mounts_changed(namespace);
        }
    }

    /// What was unmounted may come back with the same device number and no mark.
    fn forget_unmounted(&mut self) {
        let Self { namespaces, marked, refused, .. } = self;
        marked.retain(|device| namespaces.has(*device));
        refused.clear();
    }

    /// A mount that is new in a list that was known may be of a new filesystem with the device number of an old one.
    fn mark_mounted(&mut self, mounted: &Mounted) {
        let wanted = |device: &Device| mounted.is_known || !self.marked.contains(device);
        let wanted: Vec<&Mount> = mounted.mounts.iter().filter(|mount| wanted(&mount.device)).collect();
        if wanted.is_empty() {
            return;
        }
        let Ok(root) = open_root(mounted.process) else { return };
        let mut done = HashSet::new();
        for (tried, mount) in wanted.iter().enumerate() {
            if tried >= TRIED_AT_LEAST && !self.namespaces.allowance.is_left() {
                self.namespaces.put_back(mounted.namespace, wanted.get(tried..).unwrap_or_default());
                return;
            }
            if done.contains(&mount.device) {
                continue;
            }
            self.namespaces.allowance.spend(MARK_COST);
            match open_mount(&root, mount).and_then(|place| self.mark(&place)) {
                Ok(()) => {
                    done.insert(mount.device);
                    self.marked.insert(mount.device);
                }
                Err(error) => tracing::debug!("{} cannot be marked: {error}", mount.path.display()),
            }
        }
    }

    /// Marks the filesystem of what a process runs: its mount was made and left within a moment, or is in no list.
    fn mark_executed(&mut self, pid: Pid, executed: &FileId) {
        // See `mounts::SERVED`; of an overlay, this file says nothing of the next one.
        if executed.is_served || executed.is_overlaid {
            self.refused.insert(executed.device);
            return;
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::open(format!("/proc/{}/exe", pid.0), flags, Mode::empty()) else { return };
        if stat_as_known(&file).is_ok_and(|now| now.stx_ino != executed.inode) {
            return; // it runs something else by now
        }
        match self.mark(&file) {
            Ok(()) => self.marked.insert(executed.device),
            Err(error) => {
                tracing::debug!("the filesystem of what process {} runs cannot be marked: {error}", pid.0);
                self.refused.insert(executed.device)
            }
        };
    }

    fn mark(&self, place: &OwnedFd) -> io::Result<()> {
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM;
        // fanotify_mark takes no O_PATH descriptor, but the path of one.
        let path = format!("/proc/self/fd/{}", place.as_raw_fd());
        Ok(self.group.mark(flags, MaskFlags::FAN_OPEN_EXEC, rustix::fs::CWD, Some(Path::new(&path)))?)
    }
}

/// The mount namespace of the daemon.
pub(super) fn own_namespace() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self/ns/mnt").ok().and_then(|link| u32::try_from(link.ino()).ok())
}

/// The root folder of a process.
fn open_root(pid: Pid) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(format!("/proc/{}/root", pid.0), flags, Mode::empty())?)
}

/// The place of a mount. Fails instead of waiting: what is mounted has its path in memory, unless the path leads through a
/// filesystem that is served by a program, which may never answer.
fn open_mount(root: &OwnedFd, mount: &Mount) -> io::Result<OwnedFd> {
    let path = mount.path.strip_prefix("/").unwrap_or(&mount.path);
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    let open = |resolve| rustix::fs::openat2(root, path, flags, Mode::empty(), resolve);
    let place = match open(inside | ResolveFlags::CACHED) {
        Err(Errno::INVAL) => open(inside)?, // before Linux 5.12
        result => result?,
    };
    // Something else may be mounted over it, or the process may be another by now.
    if mount_id_of(&place) == Some(mount.id) { Ok(place) } else { Err(Errno::STALE.into()) }
}
