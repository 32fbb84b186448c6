use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashSet,
    rc::Rc,
    sync::Arc,
};

use foldhash::fast::RandomState;
use portolan_bpf::{Event, FileId};
use portolan_core::{
    Executable, Lineage, MonotonicNs, Owner, Placement, ProcessKey, Uid, Unattributed, Untrusted,
};

use super::{
    exec::{ContentOf, Exec, Life, Origin},
    image::Reading,
    remembered::Noted,
};

use crate::{clock::Moment, foreign::Looks};

/// One run of one executable.
#[derive(Debug)]
pub struct Process {
    /// Which.
    pub key: ProcessKey,
    /// Its real uid when it began.
    pub uid: Uid,
    /// Where it runs: at its fork or exec, or where it was moved to since.
    pub(super) placement: RefCell<Arc<Placement>>,
    pub(super) parent: Option<Rc<Process>>,
    /// What it runs.
    pub(super) exec: Rc<Exec>,
    /// When it ended, or executed another file; `None` while it is there.
    pub(super) ended: Cell<Option<Moment>>,
    pub(super) lineage: OnceCell<Result<Arc<Lineage>, Unattributed>>,
    /// Whether its files are watched for changes.
    pub(super) is_watched: Cell<bool>,
    /// When it was looked for foreign code in it.
    pub(super) looks: RefCell<Looks>,
    /// What the journal has of it.
    pub(super) noted: Cell<Noted>,
    /// Whether `ended` is only when that was found out.
    pub(super) end_is_guessed: Cell<bool>,
    /// Whether it still names the file that it executed.
    pub(super) hold: Cell<Hold>,
}

/// What is known of a process' hold of the file that it executed, to which nobody can write as long as it has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Hold {
    /// It had it at the exec.
    #[default]
    Begun,
    /// Somebody is to look.
    Asked,
    /// Somebody has looked, and it named no file: it is exiting, or its first thread has.
    Unseen,
    /// It had it until then.
    Until(MonotonicNs),
    /// It has let go of it, who knows when.
    LetGo,
}

/// Who a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Known, or known not to be knowable.
    Settled(Owner),
    /// A file is still being hashed.
    Pending,
}

impl Process {
    /// Where it runs, or ran at its end.
    pub fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.placement.borrow())
    }

    /// Its arguments, joined with spaces; `None` when they are not known or not kept.
    pub fn command_line(&self) -> Option<Untrusted> {
        self.exec.note.command_line.borrow().clone()
    }

    /// Who this is. Settled once and for ever.
    pub fn identity(&self) -> Identity {
        let lineage = match self.lineage() {
            None => return Identity::Pending,
            Some(Ok(lineage)) => lineage,
            Some(Err(reason)) => return Identity::Settled(Owner::Unattributed(reason)),
        };
        match self.exec.origin(&lineage) {
            Some(Origin { application, provenance, code }) => Identity::Settled(Owner::Program {
                lineage,
                application: application.clone(),
                provenance: Arc::clone(provenance),
                code: code.clone(),
            }),
            None => Identity::Pending,
        }
    }

    /// This process, and those of whose memory it began with a copy: who forked it, when it has executed nothing since.
    pub fn and_originals(&self) -> impl Iterator<Item = &Process> {
        self.with_parents().take_while(|process| Rc::ptr_eq(&process.exec, &self.exec))
    }

    /// Adds all of those; where one is there already, so are the ones before it.
    pub fn add_with_originals(&self, keys: &mut HashSet<ProcessKey, RandomState>) {
        self.and_originals().take_while(|process| keys.insert(process.key)).for_each(drop);
    }

    /// Whether the machine's own files are what it has at their paths, as far as that can be known without asking its filesystems.
    pub fn has_machines_files(&self) -> bool {
        let note = &self.exec.note;
        note.has_machines_mounts || (note.has_roots_mounts && note.placement.container.is_none())
    }

    /// `None` while a file of this process or of a parent is being hashed.
    pub(super) fn lineage(&self) -> Option<Result<Arc<Lineage>, Unattributed>> {
        if let Some(settled) = self.lineage.get() {
            return Some(settled.clone());
        }
        // From the root down, without recursion: a hostile program may nest its parents deeply.
        let chain: Vec<&Process> = self.with_parents().collect();
        let mut parent = None;
        for process in chain.into_iter().rev() {
            let settled = match process.lineage.get() {
                Some(settled) => settled.clone(),
                None => {
                    let content = process.exec.content(&process.life());
                    if matches!(content, ContentOf::Doubted) && process.hold.get() != Hold::Unseen {
                        process.hold.set(Hold::Asked);
                    }
                    let ContentOf::Known(reading) = content else { return None };
                    let script = process.exec.script_content()?;
                    let lineage = reading.map(|Reading { digest: sha256, .. }| {
                        let executable = Executable { path: process.exec.note.path.clone(), sha256 };
                        Arc::new(Lineage { executable, script, parent: parent.take() })
                    });
                    process.lineage.get_or_init(|| lineage).clone()
                }
            };
            parent = settled.ok();
        }
        self.lineage.get().cloned()
    }

    fn life(&self) -> Life {
        Life { ended: self.ended.get(), end_is_guessed: self.end_is_guessed.get(), hold: self.hold.get() }
    }

    /// Whether it is to be looked at whether this, or what started it, still names the file that it executed.
    pub fn is_doubted(&self) -> bool {
        let is_asked = |process: &Self| {
            matches!(process.hold.get(), Hold::Asked | Hold::Unseen) && process.ended.get().is_none()
        };
        self.lineage().is_none() && self.with_parents().any(is_asked)
    }

    /// Notes what it names: the file that it executed, another one, or none. Who names none twice is not exiting.
    pub(super) fn note_hold(&self, event: &Event) {
        self.hold.set(match self.hold.get() {
            Hold::LetGo => Hold::LetGo,
            _ if event.has_let_go || self.names_another(event) => Hold::LetGo,
            _ if event.file.is_some() => Hold::Until(event.at),
            Hold::Asked => Hold::Unseen,
            Hold::Unseen => Hold::LetGo,
            before => before,
        });
    }

    /// Whether what it names is another file than it executed: a descriptor that an exec opened can also be given to it (binfmt_misc).
    fn names_another(&self, event: &Event) -> bool {
        let which = |file: FileId| (file.device, file.inode, file.generation);
        matches!((self.exec.file, event.file), (Some(executed), Some(named)) if which(executed) != which(named))
    }

    /// The same without those that started it. Its end will not be noted: it is known to be there until `at`.
    pub(super) fn without_parents(&self, at: Moment) -> Self {
        Self {
            key: self.key,
            uid: self.uid,
            placement: self.placement.clone(),
            parent: None,
            exec: Rc::clone(&self.exec),
            ended: Cell::new(self.ended.get().or(Some(at))),
            lineage: OnceCell::new(),
            is_watched: Cell::default(),
            looks: RefCell::default(),
            noted: Cell::new(Noted::Process),
            end_is_guessed: Cell::new(false),
            hold: Cell::new(self.hold.get()),
        }
    }

    /// This process and those that started it, up to the first of the machine.
    pub(super) fn with_parents(&self) -> impl Iterator<Item = &Process> {
        std::iter::successors(Some(self), |process| process.parent.as_deref()).take(MAX_PARENTS)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The chain of parents is taken apart in a loop: dropping it one inside the other could exhaust the stack.
        let mut next = self.parent.take();
        while let Some(parent) = next {
            next = Rc::into_inner(parent).and_then(|mut parent| parent.parent.take());
        }
    }
}

/// Parents beyond this are not kept; no sane machine has so many.
pub(super) const MAX_PARENTS: usize = 128;
