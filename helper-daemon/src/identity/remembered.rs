//! What is known of processes, in a form that outlives the daemon.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use portolan_bpf::FileId;
use portolan_core::{
    Executable, Lineage, MonotonicNs, Placement, ProcessKey, Sha256Digest, Uid, Unattributed, Untrusted,
};
use serde::{Deserialize, Serialize};

use super::{file, process::Process, processes::Processes};
use crate::{clock::Now, journal::Entry};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Which.
    pub key: ProcessKey,
    /// See [`Process::uid`].
    pub uid: Uid,
    /// See [`Process::command_line`].
    pub command_line: Option<Untrusted>,
    /// Where it runs.
    pub placement: Placement,
    /// Who started it.
    pub parent: Option<ProcessKey>,
    /// The file that it runs, as the kernel saw it.
    pub executed: Option<FileId>,
    /// When it began to run it.
    pub executed_at: MonotonicNs,
    /// Its path.
    pub path: Untrusted,
    /// When it ended.
    pub ended: Option<MonotonicNs>,
    /// Whether that is only when it was found out.
    pub end_is_guessed: bool,
    /// The hash of what it runs, or why there is none; `None` while nobody needed it.
    pub identity: Option<Result<Sha256Digest, Unattributed>>,
}

impl Remembered {
    pub(super) fn of(process: &Process) -> Self {
        Self {
            key: process.key,
            uid: process.uid,
            command_line: process.command_line.clone(),
            placement: Placement::clone(&process.placement.borrow()),
            parent: process.parent.as_ref().map(|parent| parent.key),
            executed: process.executed,
            executed_at: process.executed_at,
            path: process.path.clone(),
            ended: process.ended.get(),
            end_is_guessed: process.end_is_guessed.get(),
            identity: identity_of(process),
        }
    }
}

fn identity_of(process: &Process) -> Option<Result<Sha256Digest, Unattributed>> {
    let settled = process.identity.get()?;
    Some(settled.as_ref().map(|lineage| lineage.executable.sha256).map_err(|reason| *reason))
}

impl Processes {
    /// What was learned since the last call.
    pub fn take_changes(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.changes)
    }

    /// Notes that it is known who this process is, and who its parents are.
    pub fn note_identified(&mut self, process: &Process) {
        for process in process.with_parents() {
            if process.is_noted.get() {
                return;
            }
            let Some(identity) = identity_of(process) else { continue };
            process.is_noted.set(true);
            self.changes.push(Entry::Identified(process.key, identity));
        }
    }

    /// All that is known, parents before their children.
    pub fn remembered(&self) -> Vec<Remembered> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        for process in self.table.values() {
            let unseen: Vec<&Process> =
                process.with_parents().take_while(|process| !seen.contains(&process.key)).collect();
            for process in unseen.into_iter().rev() {
                if seen.insert(process.key) {
                    all.push(Remembered::of(process));
                }
            }
        }
        all
    }

    /// Takes over what a daemon before this one knew, parents before their children.
    pub fn recall(&mut self, all: Vec<Remembered>, now: Now) {
        let mut recalled: HashMap<ProcessKey, Rc<Process>> = HashMap::new();
        for one in all {
            let parent = one.parent.and_then(|parent| recalled.get(&parent)).cloned();
            let process = Rc::new(self.recall_one(one, parent, now));
            recalled.insert(process.key, Rc::clone(&process));
            match process.ended.get() {
                None => drop(self.current.insert(process.key.pid, process.key)),
                Some(ended) => self.ended.push_back((ended, self.tick, process.key)),
            }
            self.table.insert(process.key, process);
        }
        self.ended.make_contiguous().sort_unstable();
    }

    fn recall_one(&mut self, one: Remembered, parent: Option<Rc<Process>>, now: Now) -> Process {
        // Who has ended and is identified needs no file; who still runs may fork.
        let needs_file = one.ended.is_none() || one.identity.is_none();
        let image = one.executed.filter(|_| needs_file).and_then(|executed| {
            let name = one.path.as_raw().as_bytes();
            let (descriptor, _) = file::open_executed(one.key.pid, None, name, &executed)?;
            self.images.of(descriptor, &executed, now, false).ok()
        });
        let process = Process {
            key: one.key,
            uid: one.uid,
            command_line: one.command_line.filter(|_| self.keeps_command_lines),
            placement: RefCell::new(Arc::new(one.placement)),
            parent,
            executed: one.executed,
            executed_at: one.executed_at,
            path: one.path,
            image,
            ended: one.ended.into(),
            shows_changes: Rc::default(),
            identity: std::cell::OnceCell::new(),
            is_noted: one.identity.is_some().into(),
            end_is_guessed: one.end_is_guessed.into(),
        };
        if let Some(identity) = one.identity {
            let parent = process.parent.as_ref().and_then(|parent| parent.identity.get()?.clone().ok());
            let path = process.path.clone();
            let lineage =
                identity.map(|sha256| Arc::new(Lineage { executable: Executable { path, sha256 }, parent }));
            // Just made: nobody has set it.
            process.identity.get_or_init(|| lineage);
        }
        process.note_stamps(now);
        process
    }
}
