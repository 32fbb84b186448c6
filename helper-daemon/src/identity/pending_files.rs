use std::{
    collections::{HashMap, VecDeque},
    os::fd::OwnedFd,
};

use portolan_bpf::FileId;
use portolan_core::Pid;

use super::file::FileKey;
use crate::monitor::ExecFile;

/// Files that may wait for their execs; an exec that fails leaves some behind.
const WAITING: usize = 8192;
/// Of these, files of one process id: each exec may open a script, its interpreters, the dynamic loader; and a machine that is
/// short of ids gives one away many times before the events of the first are read.
const PER_PROCESS: usize = 256;

/// Descriptors between the opening of a file and the exec that names it.
#[derive(Default)]
pub(super) struct PendingFiles {
    by_pid: HashMap<Pid, VecDeque<(FileKey, OwnedFd)>>,
    order: VecDeque<Pid>,
    /// What an exec left behind: its dynamic loader, or the files of the next exec. Kept for one more [`Self::sweep`].
    left_behind: HashMap<Pid, bool>,
    waiting: usize,
    closed_early: u64,
}

impl PendingFiles {
    pub(super) fn add(&mut self, key: FileKey, ExecFile { pid, descriptor }: ExecFile) {
        let files = self.by_pid.entry(pid).or_default();
        if files.is_empty() {
            self.order.push_back(pid);
        }
        if files.len() == PER_PROCESS {
            files.pop_front();
            self.waiting -= 1;
            self.closed_early += 1;
        }
        files.push_back((key, descriptor));
        self.waiting += 1;
        // Somebody else's exec is not what was left behind.
        self.left_behind.remove(&pid);
        while self.waiting > WAITING {
            let Some(oldest) = self.order.pop_front() else { break };
            self.closed_early += u64::try_from(self.close(oldest)).unwrap_or_default();
        }
    }

    /// Closes what waits for a process; how many those were.
    fn close(&mut self, pid: Pid) -> usize {
        self.left_behind.remove(&pid);
        let closed = self.by_pid.remove(&pid).map_or(0, |files| files.len());
        self.waiting -= closed;
        closed
    }

    /// How many were closed because too many waited.
    pub(super) fn closed_early(&self) -> u64 {
        self.closed_early
    }

    /// Whether the file that this process executed is here.
    pub(super) fn has(&self, pid: Pid, executed: &FileId) -> bool {
        self.by_pid.get(&pid).is_some_and(|files| position(files, executed).is_some())
    }

    /// The file that this process executed. What it opened before is closed; what it opened after may be of its next exec,
    /// for the queue of files may be ahead of the events.
    pub(super) fn take(&mut self, pid: Pid, executed: &FileId) -> Option<OwnedFd> {
        let files = self.by_pid.get_mut(&pid)?;
        let position = position(files, executed)?;
        self.waiting -= position + 1;
        let taken = files.drain(..=position).next_back().map(|(_, file)| file);
        if files.is_empty() {
            self.by_pid.remove(&pid);
            self.left_behind.remove(&pid);
            self.order.retain(|waiting| *waiting != pid);
        } else {
            self.left_behind.insert(pid, false);
        }
        taken
    }

    /// A process is gone. What waits may be of the next one with its id: the queue of files may be ahead of the events.
    pub(super) fn ended(&mut self, pid: Pid) {
        if self.by_pid.contains_key(&pid) {
            self.left_behind.insert(pid, false);
        }
    }

    /// Closes what execs left behind before the last call.
    pub(super) fn sweep(&mut self) {
        let mut old = Vec::new();
        for (pid, is_old) in &mut self.left_behind {
            if std::mem::replace(is_old, true) {
                old.push(*pid);
            }
        }
        for pid in old {
            self.close(pid);
        }
        let by_pid = &self.by_pid;
        self.order.retain(|pid| by_pid.contains_key(pid));
    }
}

/// The oldest that fits; only then one of another device number (see [`FileKey::is_file`]), with the same stamp if there is one.
fn position(files: &VecDeque<(FileKey, OwnedFd)>, executed: &FileId) -> Option<usize> {
    files
        .iter()
        .position(|(key, _)| key.device == executed.device && key.inode == executed.inode)
        .or_else(|| files.iter().position(|(key, _)| key.is_unchanged_since(executed)))
        .or_else(|| files.iter().position(|(key, _)| key.is_file(executed)))
}
