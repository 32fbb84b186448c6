use std::collections::{HashMap, VecDeque};

use portolan_bpf::FileId;
use portolan_core::Pid;

use super::file::FileKey;
use crate::monitor::ExecFile;

/// Processes whose executed files may wait for their exec; an exec that fails leaves some behind.
const WAITING: usize = 4096;
/// Files that may wait for the execs of one process: each may open a script, its interpreters, the dynamic loader.
const PER_PROCESS: usize = 16;

/// Descriptors between the opening of a file and the exec that names it.
#[derive(Default)]
pub(super) struct PendingFiles {
    by_pid: HashMap<Pid, VecDeque<(FileKey, ExecFile)>>,
    order: VecDeque<Pid>,
    /// What an exec left behind: its dynamic loader, or the files of the next exec. Kept for one more [`Self::sweep`].
    left_behind: HashMap<Pid, bool>,
    closed_early: u64,
}

impl PendingFiles {
    pub(super) fn add(&mut self, file: ExecFile) {
        let Ok(key) = FileKey::of(&file.descriptor) else { return };
        let pid = file.pid;
        let files = self.by_pid.entry(pid).or_default();
        if files.is_empty() {
            self.order.push_back(pid);
        }
        if files.len() == PER_PROCESS {
            files.pop_front();
            self.closed_early += 1;
        }
        files.push_back((key, file));
        // Somebody else's exec is not what was left behind.
        self.left_behind.remove(&pid);
        while self.order.len() > WAITING {
            if let Some(oldest) = self.order.pop_front() {
                let closed = self.by_pid.remove(&oldest).map_or(0, |files| files.len());
                self.closed_early += u64::try_from(closed).unwrap_or_default();
            }
        }
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
    pub(super) fn take(&mut self, pid: Pid, executed: &FileId) -> Option<ExecFile> {
        let files = self.by_pid.get_mut(&pid)?;
        let position = position(files, executed)?;
        let taken = files.drain(..=position).next_back().map(|(_, file)| file);
        if files.is_empty() {
            self.forget(pid);
        } else {
            self.left_behind.insert(pid, false);
        }
        taken
    }

    /// The process is gone: its files are of no use.
    pub(super) fn forget(&mut self, pid: Pid) {
        self.left_behind.remove(&pid);
        if self.by_pid.remove(&pid).is_some() {
            self.order.retain(|waiting| *waiting != pid);
        }
    }

    /// Closes what execs left behind before the last call.
    pub(super) fn sweep(&mut self) {
        let Self { by_pid, order, left_behind, .. } = self;
        left_behind.retain(|pid, is_old| {
            if *is_old {
                by_pid.remove(pid);
            }
            !std::mem::replace(is_old, true)
        });
        order.retain(|pid| by_pid.contains_key(pid));
    }
}

/// The oldest that fits; only then one of another device number (see [`FileKey::is_file`]).
fn position(files: &VecDeque<(FileKey, ExecFile)>, executed: &FileId) -> Option<usize> {
    files
        .iter()
        .position(|(key, _)| key.device == executed.device && key.inode == executed.inode)
        .or_else(|| files.iter().position(|(key, _)| key.is_file(executed)))
}
