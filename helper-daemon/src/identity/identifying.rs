//! From what a process executed to who it is: its files are hashed, and the machine is asked what it knows of them.

use std::rc::Rc;

use portolan_core::MonotonicNs;

use super::{
    exec::Asked,
    hasher::{Hashed, Hasher},
    image::Image,
    origin::{Answer, Origins},
    process::Process,
    processes::Processes,
    root_folder::root_of,
};

/// How long an answer about the origin of a file is waited for: thousands of files may have to be read from a busy disk, and without
/// them an application has another key. The bytes wait meanwhile.
const ORIGIN_PATIENCE_NS: u64 = 60_000_000_000;
/// How long it is asked again while a package manager is at work.
const AT_WORK_PATIENCE_NS: u64 = 60_000_000_000;

impl Processes {
    /// Has the files of a process and those of its parents hashed, and asks what the machine knows of them, where that is still to
    /// be done.
    pub fn identify(&mut self, process: &Process, hasher: &Hasher, origins: &Origins, now: MonotonicNs) {
        self.have_hashed(process, hasher, Some(now));
        let exec = &process.exec;
        let is_over = |since: MonotonicNs, patience| since.0.saturating_add(patience) <= now.0;
        let asked = exec.asked.borrow().clone();
        match asked {
            Asked::No => self.ask(process, origins, now, now),
            Asked::NotYet { answer, since } if is_over(since, AT_WORK_PATIENCE_NS) => exec.settle(*answer),
            Asked::NotYet { since, .. } => self.ask(process, origins, now, since),
            Asked::Waits { number, at, .. } if is_over(at, ORIGIN_PATIENCE_NS) => {
                self.asked.remove(&number);
                exec.settle_unanswered();
            }
            Asked::Refused { since } if is_over(since, ORIGIN_PATIENCE_NS) => exec.settle_unanswered(),
            Asked::Refused { .. } => self.ask(process, origins, now, now),
            Asked::Waits { .. } => {}
        }
    }

    /// Asks what the machine knows of the files of a process, as soon as those are known.
    fn ask(&mut self, process: &Process, origins: &Origins, now: MonotonicNs, since: MonotonicNs) {
        let exec = &process.exec;
        let is_known = exec.image.is_some() || process.lineage.get().is_some();
        if !is_known {
            return; // asked at a later tick
        }
        // Of a process that another daemon has identified, it was not looked for yet.
        self.look_for_script(process, Some(now));
        if exec.script.as_ref().is_some_and(|script| !script.is_decided()) {
            return;
        }
        if self.refused_at == Some(now) {
            return exec.was_refused(now);
        }
        let number = self.questions + 1;
        let Some(question) = exec.question(number, process) else { return };
        if !origins.ask(question) {
            self.refused_at = Some(now); // too many wait: asked at a later tick
            return exec.was_refused(now);
        }
        self.questions = number;
        exec.asked.replace(Asked::Waits { number, at: now, since });
        self.asked.insert(number, Rc::clone(exec));
    }

    /// Has the files that were executed since the last call hashed, each content once: a file that is removed or replaced while
    /// it runs (an upgrade does that) could not be told from a changed one later.
    pub fn identify_executed(&mut self, hasher: &Hasher) {
        for process in std::mem::take(&mut self.executed) {
            self.have_hashed(&process, hasher, None);
        }
    }

    /// `now` is given where the answer is waited for.
    fn have_hashed(&mut self, process: &Process, hasher: &Hasher, now: Option<MonotonicNs>) {
        let submit = |image: &Rc<Image>| {
            if let Some(file) = image.start_hashing()
                && let Err(file) = hasher.submit(image.number, file)
            {
                image.hold_again(file); // asked for again at the next tick
            }
        };
        for process in process.with_parents() {
            let mount = process.exec.mount.as_ref().and_then(|mount| mount.executed());
            mount.and_then(|executed| executed.image.as_ref()).into_iter().for_each(submit);
            if process.lineage.get().is_some() {
                return;
            }
            process.exec.image.iter().for_each(submit);
            if let Some(script) = &process.exec.script {
                self.look_for_script(process, now);
                script.image().into_iter().for_each(submit);
            }
        }
    }

    /// Looks for the file that a process runs besides itself. Where it has ended, another that runs the same may still be there, and
    /// the machine's paths are.
    fn look_for_script(&mut self, process: &Process, now: Option<MonotonicNs>) {
        let exec = &process.exec;
        let Some(script) = exec.script.as_ref().filter(|script| !script.is_decided()) else { return };
        let runs_it = if process.ended.get().is_none() {
            Some(process.key.pid)
        } else if Rc::strong_count(exec) > 1 {
            let runs_it = |one: &&Rc<Process>| Rc::ptr_eq(&one.exec, exec) && one.ended.get().is_none();
            self.table.values().find(runs_it).map(|one| one.key.pid)
        } else {
            None
        };
        let root_of = |pid| root_of(pid).map_err(Into::into);
        let root = if exec.note.has_machines_root { self.machine.root() } else { runs_it.map(root_of) };
        script.look(root, &mut self.images, &self.local, now);
    }

    /// Takes in a hash.
    pub fn hashed(&mut self, hashed: Hashed) {
        self.images.finish(hashed);
    }

    /// Takes in what the machine knows of a file.
    pub fn answered(&mut self, answer: Answer) {
        if let Some(exec) = self.asked.remove(&answer.number) {
            exec.answered(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use portolan_bpf::{Event, EventKind, FileId, Stamps};
    use portolan_core::{Executable, Lineage, Pid, ProcessKey, Provenance, Sha256Digest};

    use super::*;
    use crate::{
        clock::Now,
        identity::{file::FileKey, origin::UNANSWERED, stamp_clock::tests::event},
        monitor::Layers,
    };

    /// This very process, as if it had been executed now.
    fn executed(now: Now) -> Event {
        let FileKey { device, inode, changed, size } =
            FileKey::of(&File::open("/proc/self/exe").unwrap()).unwrap();
        let (stamps, is_served, is_guarded) = (Stamps::Coarse, false, true);
        Event {
            kind: EventKind::Exec,
            process: Some(ProcessKey {
                pid: Pid(std::process::id()),
                started: now.monotonic,
                exec_generation: 1,
            }),
            file: Some(FileId {
                device,
                inode,
                generation: 0,
                changed,
                size,
                stamps,
                is_served,
                is_guarded,
                is_overlaid: false,
            }),
            ..event(now.monotonic.0, now.monotonic.0, None)
        }
    }

    #[test]
    fn who_finds_no_room_for_a_question_asks_again_and_is_answered_after_a_minute_at_last() {
        let (now, hasher) = (Now::read(), Hasher::start(|_| ()).unwrap());
        let at = |ns| MonotonicNs(now.monotonic.0 + ns);
        let mut processes = Processes::new(false, Layers::default());
        let event = executed(now);
        let key = event.process.unwrap();
        processes.event(event);
        let process = processes.get(&key).unwrap();
        let executable = Executable { path: "/x".into(), sha256: Sha256Digest([0; 32]) };
        let lineage = Lineage { executable, script: None, parent: None };
        let nobody = Origins::without_room();

        for ns in [0, ORIGIN_PATIENCE_NS - 2] {
            processes.identify(&process, &hasher, &nobody, at(ns));
            assert!(matches!(&*process.exec.asked.borrow(), Asked::Refused { since } if *since == at(0)));
        }
        assert!(process.exec.origin(&lineage).is_none());
        processes.identify(&process, &hasher, &Origins::start(|_| ()).unwrap(), at(ORIGIN_PATIENCE_NS - 1));
        assert!(matches!(&*process.exec.asked.borrow(), Asked::Waits { .. }), "there is room by now");

        process.exec.asked.replace(Asked::Refused { since: at(0) });
        processes.identify(&process, &hasher, &nobody, at(ORIGIN_PATIENCE_NS));
        let origin = process.exec.origin(&lineage).unwrap();
        assert_eq!(*origin.provenance, Provenance::Unknown(UNANSWERED.to_owned()));
    }
}
