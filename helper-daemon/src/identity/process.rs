use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

use portolan_bpf::{FileId, Stamps};
use portolan_core::{
    ApplicationKey, Executable, Lineage, MonotonicNs, Owner, Placement, ProcessKey, Uid, Unattributed,
    Untrusted,
};

use super::{
    image::{Content, Image, Reading},
    proof::{Run, next_stamp},
};
use crate::clock::Now;

/// One run of one executable.
#[derive(Debug)]
pub struct Process {
    /// Which.
    pub key: ProcessKey,
    /// Its real uid when it began.
    pub uid: Uid,
    /// Its arguments, joined with spaces; `None` when they are not known.
    pub command_line: Option<Untrusted>,
    /// Where it runs: at its fork or exec, or where it was moved to since.
    pub(super) placement: RefCell<Arc<Placement>>,
    pub(super) parent: Option<Rc<Process>>,
    pub(super) executed: Option<FileId>,
    /// When it did (of a file that others may write to: when it began to); of a process that was found running: when it was found.
    pub(super) executed_at: MonotonicNs,
    pub(super) path: Untrusted,
    pub(super) image: Option<Rc<Image>>,
    /// When it ended, or executed another file; `None` while it is there.
    pub(super) ended: Cell<Option<MonotonicNs>>,
    /// From when on a change of its file shows in the file's ctime; `None` until that is known. Shared by all forks.
    pub(super) shows_changes: Rc<Cell<Option<MonotonicNs>>>,
    pub(super) identity: OnceCell<Result<Arc<Lineage>, Unattributed>>,
    /// Whether the journal has its identity.
    pub(super) is_noted: Cell<bool>,
    /// Whether `ended` is only when that was found out.
    pub(super) end_is_guessed: Cell<bool>,
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

    /// Who this is. Settled once and for ever.
    pub fn identity(&self) -> Identity {
        match self.lineage() {
            None => Identity::Pending,
            Some(Ok(lineage)) => {
                let application = ApplicationKey::of_path(&lineage.executable);
                Identity::Settled(Owner::Program { lineage, application })
            }
            Some(Err(reason)) => Identity::Settled(Owner::Unattributed(reason)),
        }
    }

    /// `None` while a file of this process or of a parent is being hashed.
    fn lineage(&self) -> Option<Result<Arc<Lineage>, Unattributed>> {
        if let Some(settled) = self.identity.get() {
            return Some(settled.clone());
        }
        // From the root down, without recursion: a hostile program may nest its parents deeply.
        let chain: Vec<&Process> = self.with_parents().collect();
        let mut parent = None;
        for process in chain.into_iter().rev() {
            let settled = match process.identity.get() {
                Some(settled) => settled.clone(),
                None => {
                    let executable = process.executable()?;
                    let lineage =
                        executable.map(|executable| Arc::new(Lineage { executable, parent: parent.take() }));
                    process.identity.get_or_init(|| lineage).clone()
                }
            };
            parent = settled.ok();
        }
        self.identity.get().cloned()
    }

    fn executable(&self) -> Option<Result<Executable, Unattributed>> {
        let Some(image) = &self.image else { return Some(Err(Unattributed::FileUnavailable)) };
        Some(match image.content() {
            Content::Pending => return None,
            Content::Failed(reason) => Err(reason),
            Content::Hashed(reading) if self.is_proven_by(&reading) => {
                Ok(Executable { path: self.path.clone(), sha256: reading.digest })
            }
            Content::Hashed(_) => Err(Unattributed::FileChanged),
        })
    }

    /// Whether this is what the process executed.
    fn is_proven_by(&self, reading: &Reading) -> bool {
        let Some(executed) = self.executed else { return false };
        // Of a guessed end, only the beginning is certain.
        let until =
            self.ended.get().map(|ended| if self.end_is_guessed.get() { self.executed_at } else { ended });
        Run { executed, since: self.executed_at, until, shows_changes: self.shows_changes.get() }
            .is_proven_by(reading)
    }

    /// Notes from when on changes of the file show. The file's ctime was asked for before `now`.
    pub(super) fn note_stamps(&self, now: Now) {
        let Some(executed) = &self.executed else { return };
        let since = match executed.stamps {
            Stamps::Fine | Stamps::Sealed => MonotonicNs(0),
            Stamps::FineOnceQueried => now.monotonic.min(next_stamp(executed.changed, now)),
            Stamps::Coarse => next_stamp(executed.changed, now),
            Stamps::Unseen => MonotonicNs(u64::MAX),
        };
        self.shows_changes.set(Some(since));
    }

    /// The same without those that started it. Its end will not be noted: it is known to be there until `at`.
    pub(super) fn without_parents(&self, at: MonotonicNs) -> Self {
        Self {
            key: self.key,
            uid: self.uid,
            command_line: self.command_line.clone(),
            placement: self.placement.clone(),
            parent: None,
            executed: self.executed,
            executed_at: self.executed_at,
            path: self.path.clone(),
            image: self.image.clone(),
            ended: Cell::new(self.ended.get().or(Some(at))),
            shows_changes: Rc::clone(&self.shows_changes),
            identity: OnceCell::new(),
            is_noted: Cell::new(false),
            end_is_guessed: Cell::new(false),
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
