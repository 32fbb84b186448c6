use std::collections::{HashMap, VecDeque};

use portolan_bpf::FileId;
use portolan_core::Pid;

use super::file::FileKey;
use crate::monitor::ExecFile;

/// Executed files that may wait for their exec; an exec that fails leaves some behind.
const WAITING: usize = 4096;
/// Files that one exec may open: the script, its interpreters, the dynamic loader.
const PER_PROCESS: usize = 8;

/// Descriptors between the opening of a file and the exec that names it.
#[derive(Default)]
pub(super) struct PendingFiles {
    by_pid: HashMap<Pid, VecDeque<(FileKey, ExecFile)>>,
    order: VecDeque<Pid>,
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
        }
        files.push_back((key, file));
        while self.order.len() > WAITING {
            if let Some(oldest) = self.order.pop_front() {
                self.by_pid.remove(&oldest);
            }
        }
    }

    /// The file that this process executed. The others that it opened for this exec are closed.
    pub(super) fn take(&mut self, pid: Pid, executed: &FileId) -> Option<ExecFile> {
        let mut files = self.by_pid.remove(&pid)?;
        self.order.retain(|waiting| *waiting != pid);
        let position =
            files.iter().rposition(|(key, _)| key.device == executed.device && key.inode == executed.inode);
        let position = position.or_else(|| files.iter().rposition(|(key, _)| key.is_file(executed)))?;
        files.remove(position).map(|(_, file)| file)
    }

    /// The process is gone: its files are of no use.
    pub(super) fn forget(&mut self, pid: Pid) {
        if self.by_pid.remove(&pid).is_some() {
            self.order.retain(|waiting| *waiting != pid);
        }
    }
}
