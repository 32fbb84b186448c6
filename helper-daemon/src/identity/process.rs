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
    file::FileKey,
    image::{Content, Image},
};
use crate::clock::{self, Now};

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
    /// When it did; of a process that was found running: when it was found.
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
                let application = ApplicationKey::of(&lineage.executable);
                Identity::Settled(Owner::Program { lineage, application })
            }
            Some(Err(reason)) => Identity::Settled(Owner::Unattributed(reason)),
        }
    }

    /// Whether its file is behind a server that may never answer.
    pub(super) fn is_served(&self) -> bool {
        self.executed.is_some_and(|executed| executed.is_served)
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
            Content::Hashed { digest, after, at } if self.is_certain(after, at) => {
                Ok(Executable { path: self.path.clone(), sha256: digest })
            }
            Content::Hashed { .. } => Err(Unattributed::FileChanged),
        })
    }

    /// Whether the hashed content is what this process executed.
    ///
    /// The kernel denies writing to a file that is being executed (ETXTBSY), so a process that is still there proves it.
    /// Otherwise the file must not have changed since the exec, and a change after the end must be one that shows; or the last
    /// change was before the end: then it was renamed, removed or its mode changed, as nobody could write to it.
    ///
    /// Nothing denies writing to a memfd through the descriptor that made it, unless it is sealed: there, every change since the
    /// exec must be one that shows, whether the process still is there or not. (A write through shared memory leaves no trace.)
    fn is_certain(&self, after: FileKey, at: Now) -> bool {
        if self.path.as_raw().starts_with(MEMFD) {
            return self.executed.is_some_and(|executed| match executed.stamps {
                Stamps::Sealed => true,
                Stamps::Fine => after.is_unchanged_since(&executed),
                Stamps::Coarse | Stamps::FineOnceQueried => {
                    after.is_unchanged_since(&executed)
                        && next_stamp(executed.changed, at) <= self.executed_at
                }
            });
        }
        let (Some(ended), Some(executed)) = (self.ended.get(), &self.executed) else {
            return self.ended.get().is_none();
        };
        // Of a guessed end, only the beginning is certain.
        let ended = if self.end_is_guessed.get() { self.executed_at } else { ended };
        if after.is_unchanged_since(executed) {
            return self.shows_changes.get().is_some_and(|since| since <= ended);
        }
        after.is_file(executed) && after.size == executed.size && next_stamp(after.changed, at) <= ended
    }

    /// Notes from when on changes of the file show. The file's ctime was asked for before `now`.
    pub(super) fn note_stamps(&self, now: Now) {
        let Some(executed) = &self.executed else { return };
        let since = match executed.stamps {
            Stamps::Fine | Stamps::Sealed => MonotonicNs(0),
            Stamps::FineOnceQueried => now.monotonic.min(next_stamp(executed.changed, now)),
            Stamps::Coarse => next_stamp(executed.changed, now),
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

/// How the path of a file that was made in memory begins.
const MEMFD: &str = "/memfd:";
/// The millisecond to which the two clocks are compared.
const PRECISION_NS: u64 = 1_000_000;

/// When the tick is over in which a file with this ctime changed last: a later change has another one.
fn next_stamp((seconds, nanoseconds): (i64, u32), now: Now) -> MonotonicNs {
    let changed_ms = seconds.saturating_mul(1000).saturating_add(i64::from(nanoseconds / 1_000_000));
    let ago_ms = u64::try_from(now.wall.0.saturating_sub(changed_ms)).unwrap_or_default();
    let changed = now.monotonic.0.saturating_sub(ago_ms.saturating_mul(1_000_000));
    MonotonicNs(changed.saturating_add(clock::tick_ns()).saturating_add(PRECISION_NS))
}

/// Parents beyond this are not kept; no sane machine has so many.
pub(super) const MAX_PARENTS: usize = 128;

#[cfg(test)]
mod tests {
    use portolan_core::{Pid, UnixMillis};

    use super::*;

    const WALL_MS: i64 = 1_000_000;
    const NOW: Now = Now { monotonic: MonotonicNs(500_000_000), wall: UnixMillis(WALL_MS) };

    /// A process whose file was changed so long before now, and which ended so long after now.
    fn process(stamps: Stamps, changed_ms_ago: i64, ended_ns: Option<u64>) -> (Process, FileKey) {
        let changed_ms = WALL_MS - changed_ms_ago;
        let changed = (changed_ms / 1000, u32::try_from(changed_ms % 1000).unwrap() * 1_000_000);
        let executed =
            FileId { device: (8, 1), inode: 7, generation: 0, changed, size: 3, stamps, is_served: false };
        let process = Process {
            key: ProcessKey { pid: Pid(1), started: MonotonicNs(1), exec_generation: 1 },
            uid: Uid(0),
            command_line: None,
            placement: RefCell::default(),
            parent: None,
            executed: Some(executed),
            executed_at: MonotonicNs(NOW.monotonic.0 - 50_000_000),
            path: Untrusted::from("/x"),
            image: None,
            ended: Cell::new(ended_ns.map(MonotonicNs)),
            shows_changes: Rc::default(),
            identity: OnceCell::new(),
            is_noted: Cell::new(false),
            end_is_guessed: Cell::new(false),
        };
        process.note_stamps(NOW);
        (process, FileKey { device: (8, 1), inode: 7, changed, size: 3 })
    }

    #[test]
    fn a_file_that_may_have_changed_unseen_after_the_end_proves_nothing() {
        let before = Some(NOW.monotonic.0 - 1);
        let after = Some(NOW.monotonic.0 + 1);
        for (stamps, changed_ms_ago, ended, is_certain) in [
            (Stamps::Coarse, 1, before, false),
            (Stamps::Coarse, 1, after, false),
            (Stamps::Coarse, 100, before, true),
            (Stamps::FineOnceQueried, 1, before, false),
            (Stamps::FineOnceQueried, 1, after, true),
            (Stamps::FineOnceQueried, 100, before, true),
            (Stamps::Fine, 1, before, true),
            (Stamps::Coarse, 1, None, true),
        ] {
            let (process, key) = process(stamps, changed_ms_ago, ended);
            assert_eq!(process.is_certain(key, NOW), is_certain, "{stamps:?} {changed_ms_ago} {ended:?}");
        }
    }

    #[test]
    fn a_change_while_it_ran_was_no_change_of_content_and_a_later_one_may_be() {
        let ended_ns = NOW.monotonic.0 - 100_000_000;
        let (process, key) = process(Stamps::Coarse, 400, Some(ended_ns));
        let touched = |ms_ago: i64| {
            let changed_ms = WALL_MS - ms_ago;
            let changed = (changed_ms / 1000, u32::try_from(changed_ms % 1000).unwrap() * 1_000_000);
            FileKey { changed, ..key }
        };
        assert!(process.is_certain(touched(300), NOW), "renamed while it ran");
        assert!(!process.is_certain(touched(101), NOW), "in the tick of its end");
        assert!(!process.is_certain(touched(50), NOW), "after its end");
        assert!(!process.is_certain(FileKey { size: 4, ..touched(300) }, NOW));
        process.ended.set(None);
        assert!(process.is_certain(touched(50), NOW), "it runs");
    }

    #[test]
    fn a_file_in_memory_that_may_have_been_written_to_proves_nothing_while_it_runs() {
        // Executed 50 ms ago.
        for (stamps, changed_ms_ago, is_certain) in [
            (Stamps::Coarse, 100, true),
            (Stamps::FineOnceQueried, 51, false),
            (Stamps::Fine, 51, true),
            (Stamps::Sealed, 51, true),
        ] {
            let (mut process, key) = process(stamps, changed_ms_ago, None);
            process.path = Untrusted::from("/memfd:x");
            assert_eq!(process.is_certain(key, NOW), is_certain);
            let written = FileKey { changed: (key.changed.0, key.changed.1 + 1), ..key };
            assert_eq!(process.is_certain(written, NOW), stamps == Stamps::Sealed);
        }
    }
}
