//! What a finding says of a process and of those that started it.

use std::rc::Rc;

use portolan_bpf::{Environment, FileId, Stamps, Variable};
use portolan_core::{ApplicationKey, FileContent, Lineage, Pid, ProcessEvidence, Uid, Unattributed};

use super::{
    exec::Exec,
    file::{self, FileKey},
    process::Process,
    processes::Processes,
    script::Script,
};
use crate::{
    changes::Watch,
    clock::Now,
    findings::Unidentified,
    foreign::{Markers, Request},
};

impl Process {
    /// This process. The hash is there once it was identified.
    pub fn to_evidence(&self, now: Now) -> ProcessEvidence {
        let lineage = self.lineage().and_then(Result::ok);
        let note = &self.exec.note;
        ProcessEvidence {
            pid: self.key.pid,
            started: now.wall_at(self.key.started),
            uid: self.uid,
            path: note.path.clone(),
            sha256: lineage.map(|lineage| lineage.executable.sha256),
            command_line: self.command_line(),
            working_directory: note.working_directory.clone(),
        }
    }

    /// What is to be told of it, where it cannot be identified for this reason; `None` where it has no path and was told.
    pub fn to_tell_unidentified(&self, reason: Unattributed, uid: Uid) -> Option<Unidentified> {
        let Exec { note, seen_as, was_seen, is_told, .. } = &*self.exec;
        let known = Some(&note.path).filter(|path| !path.as_raw().is_empty());
        if known.is_none() && is_told.get() {
            return None;
        }
        let path = known.or(seen_as.as_ref());
        Some(Unidentified {
            uid,
            reason,
            path: path.map_or_else(|| "".into(), ApplicationKey::stable_path),
            was_seen: *was_seen,
            has_ended: self.ended.get().is_some(),
        })
    }

    /// That was told, of all that run what it executed.
    pub fn was_told_unidentified(&self) {
        self.exec.is_told.set(true);
    }

    /// Its files, to be watched for changes on disk; none when that was said before.
    pub fn to_watch(&self, application: &ApplicationKey, lineage: &Lineage) -> Vec<Watch> {
        if self.is_watched.replace(true) {
            return Vec::new();
        }
        let executable = self.exec.file.map(|file| Watch {
            application: application.clone(),
            path: lineage.executable.path.clone(),
            sha256: lineage.executable.sha256,
            executed: Some((file, self.key.pid)),
        });
        let image = self.exec.script.as_ref().and_then(Script::image);
        let script = match (&lineage.script, image) {
            (Some(FileContent { path, sha256: Some(sha256) }), Some(image))
                if application.is_of_the_machine() =>
            {
                Some(Watch {
                    application: application.clone(),
                    path: path.clone(),
                    sha256: *sha256,
                    executed: Some((read_as(image.key), self.key.pid)),
                })
            }
            _ => None,
        };
        executable.into_iter().chain(script).collect()
    }

    /// What to look for foreign code in, where it is time to; what is told of this process is noted by [`Self::looked_at`].
    pub fn to_look_at(&self, application: &ApplicationKey, lineage: &Lineage, now: Now) -> Option<Request> {
        if !self.looks.borrow().is_due(now.monotonic) {
            return None;
        }
        let note = &self.exec.note;
        Some(Request {
            application: application.clone(),
            process: self.key,
            uid: self.uid,
            executable: lineage.executable.clone(),
            script: lineage.script.as_ref().map(|script| script.path.clone()),
            markers: markers(&note.environment),
            executed: now.earlier(self.exec.at),
        })
    }

    /// A look at it was asked for.
    pub fn looked_at(&self, now: Now) {
        self.looks.borrow_mut().note(now.monotonic);
    }

    /// This process and those that started it, the nearest first.
    pub fn chain(&self, now: Now) -> Vec<ProcessEvidence> {
        self.with_parents().map(|process| process.to_evidence(now)).collect()
    }
}

/// The file that a script was read from, which the machine may not have in that place: its process may have another root.
/// It says nothing of whether it has changed since.
fn read_as(FileKey { device, inode, size, .. }: FileKey) -> FileId {
    let (changed, stamps) = ((0, 0), Stamps::Unseen);
    let (is_served, is_guarded, is_overlaid) = (false, false, false);
    FileId { device, inode, generation: 0, changed, size, stamps, is_served, is_guarded, is_overlaid }
}

/// What the dynamic linker obeys: the last of several (musl's obeys the first), of the auditors all.
fn markers(environment: &Environment) -> Markers {
    if environment.is_secure {
        return Markers::default();
    }
    let last = |variable| environment.values(variable).last().map(|value| value.text.clone());
    let audit: Vec<&str> = environment.values(Variable::Audit).map(|value| value.text.as_raw()).collect();
    Markers {
        preload: last(Variable::Preload),
        audit: (!audit.is_empty()).then(|| audit.join(":").into()),
        library_path: last(Variable::LibraryPath),
    }
}

impl Processes {
    /// A process, what started it, the nearest first, and whose child it is by now, where that is another one.
    pub fn evidence_of(
        &self,
        process: &Process,
        now: Now,
    ) -> (Option<ProcessEvidence>, Vec<ProcessEvidence>, Option<ProcessEvidence>) {
        let mut chain = process.chain(now).into_iter();
        let who = chain.next();
        let today = self
            .parent_now(process)
            .filter(|today| process.parent.as_ref().is_none_or(|parent| parent.key.pid != today.key.pid));
        (who, chain.collect(), today.map(|today| today.to_evidence(now)))
    }

    /// The process that has this id, or had it last.
    pub fn latest(&self, pid: Pid) -> Option<Rc<Process>> {
        let ended = || self.ended.iter().rev().find(|(_, _, key)| key.pid == pid).map(|(_, _, key)| key);
        self.table.get(self.current.get(&pid).or_else(ended)?).cloned()
    }

    /// Whose child a process is by now: after the end of its parent it was given to another one.
    fn parent_now(&self, process: &Process) -> Option<Rc<Process>> {
        if process.ended.get().is_some() {
            return None;
        }
        let parent = file::parent_of(process.key.pid)?;
        self.table.get(self.current.get(&parent)?).cloned()
    }
}
