//! What is known of processes, in a form that outlives the daemon.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use portolan_bpf::FileId;
use portolan_core::{
    Executable, FileContent, Lineage, Package, Placement, ProcessKey, Provenance, Sha256Digest, Uid,
    Unattributed, Untrusted,
};
use serde::{Deserialize, Serialize};

use super::{
    app_image::{AppImageMount, RememberedMount},
    exec::{Exec, ExecNote, Origin},
    executed_file::ExecutedFile,
    file,
    process::Process,
    processes::Processes,
};
use crate::{
    clock::{Moment, Now},
    journal::Entry,
};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Which.
    pub key: ProcessKey,
    /// See [`Process::uid`].
    pub uid: Uid,
    /// Where it runs.
    pub placement: Placement,
    /// Who started it.
    pub parent: Option<ProcessKey>,
    /// What it executed.
    pub note: ExecNote,
    /// The name by which it was executed, where it has no path and a daemon saw that.
    pub seen_as: Option<Untrusted>,
    /// The file of that, as the kernel saw it.
    pub executed: Option<FileId>,
    /// When it began to run it.
    pub executed_at: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Whether that is only when it was found out.
    pub end_is_guessed: bool,
    /// What it runs, or why that is not known; `None` while nobody needed it.
    pub content: Option<Result<ExecContent, Unattributed>>,
}

/// The content of what a process runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecContent {
    /// Of the executable.
    pub sha256: Sha256Digest,
    /// The script, where that is an interpreter.
    pub script: Option<FileContent>,
    /// The mount of an AppImage that it came from.
    pub mount: Option<RememberedMount>,
    /// Which application it is; `None` while nobody needed it.
    pub origin: Option<RememberedOrigin>,
}

/// Which application a process is, and where its files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedOrigin(Origin<NotedProvenance>);

/// A provenance as the journal has it: in JSON, its word stands beside what follows, which the journal's format cannot read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NotedProvenance(#[serde(with = "Plain")] Provenance);

/// The variants of [`Provenance`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Provenance")]
enum Plain {
    Verified(Package),
    Modified(Package),
    Unchecked(Package),
    Unowned,
    Unknown(String),
}

impl RememberedOrigin {
    fn of(origin: Origin<Provenance>) -> Self {
        let Origin { application, provenance, code } = origin;
        let (provenance, code) = (NotedProvenance(provenance), code.map(NotedProvenance));
        Self(Origin { application, provenance, code })
    }

    fn into_origin(self) -> Origin<Provenance> {
        let Origin { application, provenance, code } = self.0;
        Origin { application, provenance: provenance.0, code: code.map(|code| code.0) }
    }
}

/// How much of a process the journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Noted {
    /// That it is there.
    Process,
    /// What it runs as well.
    Content,
    /// Which application that is as well.
    Origin,
}

impl Noted {
    fn of(content: &Result<ExecContent, Unattributed>) -> Self {
        match content {
            Ok(ExecContent { origin: None, .. }) => Self::Content,
            Ok(_) | Err(_) => Self::Origin, // who has no content has no origin
        }
    }
}

impl Remembered {
    pub(super) fn of(process: &Process) -> Self {
        Self {
            key: process.key,
            uid: process.uid,
            placement: Placement::clone(&process.placement.borrow()),
            parent: process.parent.as_ref().map(|parent| parent.key),
            note: process.exec.note.clone(),
            seen_as: process.exec.seen_as.clone().filter(|_| process.exec.note.path.as_raw().is_empty()),
            executed: process.exec.file,
            executed_at: process.exec.at,
            ended: process.ended.get(),
            end_is_guessed: process.end_is_guessed.get(),
            content: content_of(process),
        }
    }
}

fn content_of(process: &Process) -> Option<Result<ExecContent, Unattributed>> {
    let settled = process.lineage.get()?;
    let mount = match &process.exec.mount {
        Some(mount) => mount.remembered()?,
        None => None,
    };
    let content = |lineage: &Arc<Lineage>| ExecContent {
        sha256: lineage.executable.sha256,
        script: lineage.script.clone(),
        mount,
        origin: process.exec.known_origin().map(RememberedOrigin::of),
    };
    Some(settled.as_ref().map_err(|reason| *reason).map(content))
}

impl Processes {
    /// What was learned since the last call.
    pub fn take_changes(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.changes)
    }

    /// Notes that it is known who this process is, and who its parents are.
    pub fn note_identified(&mut self, process: &Process) {
        for process in process.with_parents() {
            if process.noted.get() == Noted::Origin {
                return;
            }
            let Some(content) = content_of(process) else { continue };
            let noted = Noted::of(&content);
            if noted <= process.noted.get() {
                continue;
            }
            process.noted.set(noted);
            self.changes.push(Entry::Identified(process.key, content));
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
                Some(ended) => self.ended.push_back((ended.at, self.tick, process.key)),
            }
            self.table.insert(process.key, process);
        }
        self.ended.make_contiguous().sort_unstable();
    }

    fn recall_one(&mut self, one: Remembered, parent: Option<Rc<Process>>, now: Now) -> Process {
        // Who has ended and is identified needs no file; who still runs may fork.
        let needs_file = one.ended.is_none() || one.content.is_none();
        let image = one.executed.filter(|_| needs_file).and_then(|executed| {
            let name = one.note.path.to_bytes();
            let (descriptor, _) = file::open_executed(one.key.pid, None, &name, &executed)?;
            let key = file::FileKey::of_executed(&descriptor, &executed).ok()?;
            let mut file = ExecutedFile::run_by(one.key.pid, descriptor);
            let key = file.is_known_by_layer(key, &executed, &self.layers).unwrap_or(key);
            Some(self.images.of(file, key, &executed, one.executed_at, now, false))
        });
        let path = one.note.path.clone();
        if !self.keeps_command_lines {
            one.note.command_line.take();
        }
        let mut exec = Exec::new(one.note, one.executed, one.executed_at, image);
        let mount = one.content.as_ref().and_then(|content| content.as_ref().ok()?.mount.clone());
        exec.mount = mount.map(|mount| Rc::new(AppImageMount::recalled(mount)));
        exec.seen_as = one.seen_as;
        exec.note_stamps(now);
        let process = Process {
            key: one.key,
            uid: one.uid,
            placement: RefCell::new(Arc::new(one.placement)),
            parent,
            exec: Rc::new(exec),
            ended: one.ended.into(),
            lineage: OnceCell::new(),
            is_watched: Cell::default(),
            looks: RefCell::default(),
            noted: Cell::new(one.content.as_ref().map_or(Noted::Process, Noted::of)),
            end_is_guessed: one.end_is_guessed.into(),
            hold: Cell::default(),
        };
        if let Some(content) = one.content {
            let parent = process.parent.as_ref().and_then(|parent| parent.lineage.get()?.clone().ok());
            let lineage = content.map(|ExecContent { sha256, script, origin, .. }| {
                if let Some(origin) = origin {
                    process.exec.recall_origin(origin.into_origin());
                }
                Arc::new(Lineage { executable: Executable { path, sha256 }, script, parent })
            });
            // Just made: nobody has set it.
            process.lineage.get_or_init(|| lineage);
        }
        process
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::PackageManager;

    use super::*;

    #[test]
    fn every_provenance_reads_back_from_the_journal() {
        let package =
            || Package { manager: PackageManager::Deb, name: "curl".to_owned(), version: "1".to_owned() };
        for provenance in [
            Provenance::Verified(package()),
            Provenance::Modified(package()),
            Provenance::Unchecked(package()),
            Provenance::Unowned,
            Provenance::Unknown("so it is".to_owned()),
        ] {
            let application = "/usr/bin/curl".parse().unwrap();
            let origin = Origin { application, provenance: provenance.clone(), code: Some(provenance) };
            let noted = postcard::to_stdvec(&RememberedOrigin::of(origin.clone())).unwrap();
            let read: RememberedOrigin = postcard::from_bytes(&noted).unwrap();
            assert_eq!(read.into_origin(), origin);
        }
    }
}
