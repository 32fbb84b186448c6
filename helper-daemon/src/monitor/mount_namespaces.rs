//! The mount namespaces that programs run in, each with its list of mounts.
//!
//! Learned from the events: a fork, an exec and a move say in which namespace the process is by then. Who calls unshare(2) is
//! noticed with its next fork or exec. Not from tracepoints of mount(2): a tracepoint on any system call slows down all
//! system calls of the machine.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    rc::Rc,
};

use portolan_bpf::{Event, EventKind};
use portolan_core::Pid;

use super::{
    mounts::{self, Device, Mount},
    sources::Sources,
};

/// Namespaces that are watched. Each holds a descriptor; users can make many.
const WATCHED: usize = 4096;

pub(super) struct MountNamespaces {
    sources: Rc<Sources>,
    known: HashMap<u32, Namespace>,
    of: HashMap<Pid, u32>,
    /// Whether a namespace has been forgotten since somebody asked.
    forgotten: bool,
}

/// One that a process is in. The open list keeps the namespace alive, so it is closed when its last process ends.
#[derive(Default)]
struct Namespace {
    /// `None` when it could not be opened, or there were too many.
    list: Option<File>,
    mounts: HashSet<Mount>,
    processes: HashSet<Pid>,
}

/// What was mounted, and a process that can reach it by its path.
pub(super) struct Mounted {
    pub(super) process: Pid,
    pub(super) mounts: Vec<Mount>,
}

impl MountNamespaces {
    pub(super) fn new(sources: Rc<Sources>) -> Self {
        Self { sources, known: HashMap::new(), of: HashMap::new(), forgotten: false }
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
            Ok(list) => {
                if let Err(error) = self.sources.add_mounts(&list, namespace) {
                    tracing::warn!(
                        "what is mounted in mount namespace {namespace} cannot be watched: {error}"
                    );
                }
                entry.list = Some(list);
            }
            // It is over already, or in another namespace.
            Err(error) => {
                tracing::debug!("mount namespace {namespace} of process {} is not watched: {error}", pid.0);
                return None;
            }
        }
        self.changed(namespace)
    }

    /// What is new in the list of a namespace; `None` when nothing is, or nobody is in it any more.
    pub(super) fn changed(&mut self, namespace: u32) -> Option<Mounted> {
        let namespace = self.known.get_mut(&namespace)?;
        let mounts = match mounts::read(namespace.list.as_mut()?) {
            Ok(mounts) => mounts,
            Err(error) => {
                tracing::warn!("a list of mounts cannot be read, new filesystems are not watched: {error}");
                return None;
            }
        };
        let new = mounts.difference(&namespace.mounts).cloned().collect();
        namespace.mounts = mounts;
        let process = namespace.processes.iter().next()?;
        Some(Mounted { process: *process, mounts: new })
    }

    /// Whether a filesystem is mounted anywhere.
    pub(super) fn has(&self, device: Device) -> bool {
        self.known.values().any(|namespace| namespace.mounts.iter().any(|mount| mount.device == device))
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
                entry.remove();
                self.forgotten = true;
            }
        }
    }
}

/// The list of mounts of a process, which must be in that namespace.
fn open(pid: Pid, namespace: u32) -> io::Result<File> {
    let list = File::open(format!("/proc/{}/mountinfo", pid.0))?;
    // The event has said that it was there; if it still is, it was there when the list was opened.
    let actual = fs::metadata(format!("/proc/{}/ns/mnt", pid.0))?.ino();
    if actual == u64::from(namespace) { Ok(list) } else { Err(io::Error::other("it has left")) }
}
