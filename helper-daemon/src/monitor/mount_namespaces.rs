//! The mount namespaces that programs run in, each with its list of mounts.
//!
//! Learned from the events: a fork, an exec and a move say in which namespace the process is by then. Who calls unshare(2) is
//! noticed with its next fork or exec. Not from tracepoints of mount(2): a tracepoint on any system call slows down all
//! system calls of the machine.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    rc::Rc,
};

use portolan_bpf::{Event, EventKind};
use portolan_core::{MonotonicNs, Pid};

use super::{
    allowance::Allowance,
    mounts::{self, Device, Mount},
    namespace_owner::is_of_users,
    sources::Sources,
};

/// Namespaces that are watched. Each holds a descriptor; users can make many.
const WATCHED: usize = 4096;
/// Mounts that are remembered, of all namespaces together.
const REMEMBERED: usize = 400_000;

pub(super) struct MountNamespaces {
    sources: Rc<Sources>,
    known: HashMap<u32, Namespace>,
    of: HashMap<Pid, u32>,
    /// Whether a namespace has been forgotten since somebody asked.
    forgotten: bool,
    /// How often each filesystem is mounted, as far as it is remembered.
    devices: HashMap<Device, usize>,
    remembered: usize,
    pub(super) allowance: Allowance,
    /// Whose lists are to be read when there is an allowance again.
    postponed: VecDeque<u32>,
    postponed_ever: u64,
    not_watched: u64,
}

/// One that a process is in. The open list keeps the namespace alive, so it is closed when its last process ends.
#[derive(Default)]
struct Namespace {
    /// `None` when it could not be opened, or there were too many.
    list: Option<File>,
    /// Whether somebody without rights may have made what is mounted.
    is_users: bool,
    mounts: HashSet<(u64, Device)>,
    /// Whether `mounts` has been read at all.
    is_known: bool,
    is_postponed: bool,
    processes: HashSet<Pid>,
}

/// What was mounted, and a process that can reach it by its path.
pub(super) struct Mounted {
    pub(super) namespace: u32,
    /// Whether its list had been read before.
    pub(super) is_known: bool,
    pub(super) process: Pid,
    pub(super) mounts: Vec<Mount>,
}

impl MountNamespaces {
    pub(super) fn new(sources: Rc<Sources>) -> Self {
        Self {
            sources,
            known: HashMap::new(),
            of: HashMap::new(),
            forgotten: false,
            devices: HashMap::new(),
            remembered: 0,
            allowance: Allowance::default(),
            postponed: VecDeque::new(),
            postponed_ever: 0,
            not_watched: 0,
        }
    }

    /// Notes where a process is by now. `Some` when that is a namespace that was not known.
    pub(super) fn note(&mut self, event: &Event) -> Option<Mounted> {
        let pid = event.process?.pid;
        if event.kind == EventKind::Exit {
            self.leave(pid);
            return None;
        }
        self.enter(pid, event.mount_namespace?)
    }

    /// The same for a process that needs no event.
    pub(super) fn enter(&mut self, pid: Pid, namespace: u32) -> Option<Mounted> {
        match self.of.insert(pid, namespace) {
            Some(before) if before == namespace => return None,
            Some(before) => self.remove(before, pid),
            None => {}
        }
        let full = self.known.len() >= WATCHED;
        let entry = self.known.entry(namespace).or_default();
        entry.processes.insert(pid);
        if entry.list.is_some() || full {
            return None;
        }
        match open(pid, namespace) {
            Ok((list, is_users)) => {
                if let Err(error) = self.sources.add_mounts(&list, namespace) {
                    tracing::warn!(
                        "what is mounted in mount namespace {namespace} cannot be watched: {error}"
                    );
                }
                entry.list = Some(list);
                entry.is_users = is_users;
            }
            // It is over already, or in another namespace.
            Err(error) => {
                tracing::debug!("mount namespace {namespace} of process {} is not watched: {error}", pid.0);
                return None;
            }
        }
        self.changed(namespace)
    }

    /// What is new in the list of a namespace; `None` when nothing is, nobody is in it any more, or it has to wait.
    pub(super) fn changed(&mut self, namespace: u32) -> Option<Mounted> {
        if !self.allowance.is_left() {
            self.postpone(namespace);
            return None;
        }
        let entry = self.known.get_mut(&namespace)?;
        let (mut mounts, length) = match mounts::read(entry.list.as_mut()?, entry.is_users) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!("a list of mounts cannot be read, new filesystems are not watched: {error}");
                return None;
            }
        };
        self.allowance.spend(u64::try_from(length).unwrap_or(u64::MAX));
        let room = REMEMBERED.saturating_sub(self.remembered - entry.mounts.len());
        self.not_watched += u64::try_from(mounts.len().saturating_sub(room)).unwrap_or(u64::MAX);
        mounts.truncate(room);
        let now = mounts.iter().map(|mount| (mount.id, mount.device)).collect();
        let before = std::mem::replace(&mut entry.mounts, now);
        let is_known = std::mem::replace(&mut entry.is_known, true);
        let process = entry.processes.iter().next().copied();
        self.remembered += entry.mounts.len();
        for (_, device) in &entry.mounts {
            *self.devices.entry(*device).or_default() += 1;
        }
        self.forget(&before);
        mounts.retain(|mount| !before.contains(&(mount.id, mount.device)));
        Some(Mounted { namespace, is_known, process: process?, mounts })
    }

    /// These are to come again as new ones, when there is an allowance for them.
    pub(super) fn put_back(&mut self, namespace: u32, mounts: &[&Mount]) {
        let Some(entry) = self.known.get_mut(&namespace) else { return };
        let back: HashSet<_> = mounts.iter().map(|mount| (mount.id, mount.device)).collect();
        entry.mounts.retain(|mount| !back.contains(mount));
        self.forget(&back);
        self.postpone(namespace);
    }

    /// The next namespace whose list may be read now; `None` when none waits, or there is no allowance.
    pub(super) fn next_postponed(&mut self) -> Option<u32> {
        let namespace = if self.allowance.is_left() { self.postponed.pop_front()? } else { return None };
        if let Some(entry) = self.known.get_mut(&namespace) {
            entry.is_postponed = false;
        }
        Some(namespace)
    }

    pub(super) fn refill(&mut self, now: MonotonicNs) {
        self.allowance.refill(now);
    }

    /// How often a list had to wait, and how many mounts found no room.
    pub(super) fn refused(&self) -> (u64, u64) {
        (self.postponed_ever, self.not_watched)
    }

    /// Whether a filesystem is mounted anywhere.
    pub(super) fn has(&self, device: Device) -> bool {
        self.devices.contains_key(&device)
    }

    fn postpone(&mut self, namespace: u32) {
        let Some(entry) = self.known.get_mut(&namespace) else { return };
        if !std::mem::replace(&mut entry.is_postponed, true) {
            self.postponed.push_back(namespace);
            self.postponed_ever += 1;
        }
    }

    fn forget(&mut self, mounts: &HashSet<(u64, Device)>) {
        self.remembered -= mounts.len();
        for (_, device) in mounts {
            if let Entry::Occupied(mut count) = self.devices.entry(*device) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// After lost events: nobody but these runs.
    pub(super) fn retain(&mut self, running: &HashSet<Pid>) {
        let gone: Vec<Pid> = self.of.keys().filter(|pid| !running.contains(pid)).copied().collect();
        gone.into_iter().for_each(|pid| self.leave(pid));
    }

    /// Whether a namespace has been forgotten since the last call, and maybe filesystems have gone with it.
    pub(super) fn take_forgotten(&mut self) -> bool {
        std::mem::take(&mut self.forgotten)
    }

    fn leave(&mut self, pid: Pid) {
        if let Some(namespace) = self.of.remove(&pid) {
            self.remove(namespace, pid);
        }
    }

    fn remove(&mut self, namespace: u32, pid: Pid) {
        if let Entry::Occupied(mut entry) = self.known.entry(namespace) {
            entry.get_mut().processes.remove(&pid);
            if entry.get().processes.is_empty() {
                let gone = entry.remove();
                self.forget(&gone.mounts);
                self.forgotten = true;
            }
        }
    }
}

/// The list of mounts of a process, which must be in that namespace, and whether that is one of users.
fn open(pid: Pid, namespace: u32) -> io::Result<(File, bool)> {
    let list = File::open(format!("/proc/{}/mountinfo", pid.0))?;
    // The event has said that it was there; if it still is, it was there when the list was opened.
    let place = format!("/proc/{}/ns/mnt", pid.0);
    let (is_users, actual) = (is_of_users(place.as_ref())?, fs::metadata(&place)?.ino());
    if actual == u64::from(namespace) { Ok((list, is_users)) } else { Err(io::Error::other("it has left")) }
}
