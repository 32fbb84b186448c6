//! What is looked at besides bytes, once a program has talked: its files on disk, and what else runs in its process.

use std::rc::Rc;

use portolan_core::{Evidence, Owner, Pid, ProcessEvidence, Uid, Unattributed};
use portolan_history::{KnownApplication, NewFinding};

use super::{learning::Learning, recorder::Recorder, rows::Source};
use crate::{
    changes::{Changed, Changer, Changes, Verdict, Watch},
    clock::Now,
    findings::{FileChange, Judge},
    foreign::{Inspected, Inspector},
    identity::{Process, Processes},
};

/// A process that changed a file, and when that was seen.
#[derive(Debug, Clone)]
pub(super) struct SeenAt {
    process: Rc<Process>,
    at: Now,
}

impl Changer for SeenAt {
    fn chain(&self) -> Vec<ProcessEvidence> {
        self.process.chain(self.at)
    }
}

/// Has a talking program watched: its files for changes, its process for foreign code.
pub(super) fn watch(
    changes: &mut Changes<SeenAt>,
    inspector: &Inspector,
    source: &Source,
    owner: &Owner,
    now: Now,
) {
    let (Source::Process(process), Owner::Program { lineage, application, .. }) = (source, owner) else {
        return;
    };
    for watch in process.to_watch(application, lineage) {
        changes.watch(watch, now);
    }
    if let Some(request) = process.to_look_at(application, lineage, now)
        && inspector.inspect(request)
    {
        process.looked_at(now);
    }
}

/// Watches the files of all that talked before this daemon, as they were known last: what was done to them meanwhile is told, too,
/// unless they hold what was known or told before.
pub(super) fn watch_known(changes: &mut Changes<SeenAt>, known: &[KnownApplication], now: Now) {
    for KnownApplication { application, executables, .. } in known {
        if !application.is_of_the_machine() {
            continue;
        }
        // The newest of each path is the last.
        let mut watched = Vec::new();
        for executable in executables.iter().rev() {
            if watched.contains(&&executable.path) {
                continue;
            }
            watched.push(&executable.path);
            let (application, path) = (application.clone(), executable.path.clone());
            changes.watch(Watch { application, path, sha256: executable.sha256, executed: None }, now);
        }
    }
}

impl Recorder {
    /// Takes in what the history knew, where that could not be read when the daemon started.
    pub(super) fn take_known_late(&mut self) {
        let Some(known) = self.writer.take_known_late() else { return };
        let now = Now::read();
        self.learning = known.learned().map(|past| Learning::new(past, now.monotonic));
        self.judge.learn(self.learning.is_some());
        known.open_kinds.into_iter().for_each(|kind| self.judge.is_open(kind));
        watch_known(&mut self.changes, &known.applications, now);
        self.judge.recall(known.applications);
    }

    /// Takes in what was done to files, and tells what has been found out about it.
    pub(super) fn look_at_changes(&mut self, now: Now) {
        let Self { monitor, changes, processes, origins, .. } = self;
        let Some(watched) = monitor.watched_files() else { return };
        let who = |pid: Pid| processes.latest(pid).map(|process| SeenAt { process, at: now });
        changes.take(watched, who, now);
        for verdict in changes.settle(watched, |question| origins.ask_about_change(question), now) {
            self.tell_change(verdict, now);
        }
    }

    fn tell_change(&mut self, verdict: Verdict, now: Now) {
        let (changed, is_explained) = match verdict {
            Verdict::Explained(changed) => (changed, true),
            Verdict::Unexplained(changed) => (changed, false),
            Verdict::Harmless(_) => return,
        };
        let Changed { application, path, is_on_machine, before, change } = changed;
        let file = FileChange { application, path, is_on_machine, before, change, is_explained };
        for finding in self.judge.changed_file(&file, now.wall) {
            self.raise(finding);
        }
    }

    /// Tells of code in a process that is not its executable's.
    pub(super) fn tell_foreign_code(&mut self, inspected: Inspected, now: Now) {
        let Inspected { request, foreign } = inspected;
        let found = self.judge.foreign_code(
            &request.application,
            &request.executable,
            request.uid,
            foreign,
            now.wall,
        );
        if let Some(mut finding) = found {
            match self.processes.get(&request.process) {
                Some(process) => add_process(&mut finding, &self.processes, &process, now),
                // It ended while it waited to be looked at, and what started it is forgotten.
                None => finding.evidence.process = Some(request.to_evidence(now)),
            }
            self.raise(finding);
        }
    }
}

/// A program that talked: what is told of it, where it cannot be identified. Once where it has no path, by which it could be known
/// when it talks on after an answer.
pub(super) fn tell_unidentified(
    judge: &mut Judge,
    processes: &Processes,
    (process, reason, uid): (&Process, Unattributed, Uid),
    now: Now,
) -> Option<NewFinding> {
    let mut finding = judge.unidentified(&process.to_tell_unidentified(reason, uid)?, now.wall)?;
    process.was_told_unidentified();
    add_process(&mut finding, processes, process, now);
    Some(finding)
}

/// Says which process a finding is about, and what started it. One about several applications is about no process.
pub(super) fn add_process(finding: &mut NewFinding, processes: &Processes, process: &Process, now: Now) {
    if finding.evidence.members.is_empty() {
        let Evidence { process: who, parents, parent_now, .. } = &mut finding.evidence;
        (*who, *parents, *parent_now) = processes.evidence_of(process, now);
    }
}
