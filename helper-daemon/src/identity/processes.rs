use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
};

use portolan_bpf::{Event, EventKind};
use portolan_core::{MonotonicNs, Pid, Placement, ProcessKey, Untrusted, mask_secrets};

use super::remembered::Remembered;
use super::{
    file::{self, FileKey},
    hasher::{Hashed, Hasher},
    image::Image,
    images::Images,
    pending_files::PendingFiles,
    placements::Placements,
    process::{MAX_PARENTS, Process},
};
use crate::{clock::Now, journal::Entry, monitor::ExecFile};

/// How long a process is kept after its end, for bytes that are read later.
const KEPT_AFTER_END_NS: u64 = 10_000_000_000;
/// Ticks for which it is kept at least: one that reads a million flows may take longer than the above.
const KEPT_AFTER_END_TICKS: u64 = 3;
/// Bytes of a command line that are kept.
const ARGUMENTS_MAX: usize = 1024;

/// All processes: those that run, and those that ended and may still be owed bytes.
#[derive(Default)]
pub struct Processes {
    pub(super) table: HashMap<ProcessKey, Rc<Process>>,
    pub(super) current: HashMap<Pid, ProcessKey>,
    /// When, in which tick, who.
    pub(super) ended: VecDeque<(MonotonicNs, u64, ProcessKey)>,
    pub(super) tick: u64,
    pub(super) images: Images,
    /// Whether command lines are kept at all.
    pub(super) keeps_command_lines: bool,
    files: PendingFiles,
    placements: Placements,
    /// Whose files' stamps are to be noted.
    unnoted: Vec<Rc<Process>>,
    /// Who executed a file since the last look.
    executed: Vec<Rc<Process>>,
    /// What the journal is still to be told.
    pub(super) changes: Vec<Entry>,
}

impl Processes {
    /// None yet.
    #[must_use]
    pub fn new(keeps_command_lines: bool) -> Self {
        Self { keeps_command_lines, ..Self::default() }
    }

    /// Keeps a file until the exec that names it.
    pub fn file_opened(&mut self, file: ExecFile) {
        self.files.add(file);
    }

    /// Takes in what happened to a process.
    pub fn event(&mut self, event: Event) {
        // Threads of the kernel have no key and nobody asks for them.
        let Some(key) = event.process else { return };
        match event.kind {
            EventKind::Fork => self.forked(key, event),
            EventKind::Exec => self.executed(key, event),
            EventKind::Exit => self.exited(key, event.at),
            EventKind::Task => self.found(key, event),
            EventKind::Moved => self.moved(key, event),
        }
    }

    /// Notes what time it is after the last event: the files of all that began before have been looked at.
    pub fn looked_at(&mut self, now: Now) {
        self.unnoted.drain(..).for_each(|process| process.note_stamps(now));
    }

    /// Whether the file of this exec has not been handed in yet.
    #[must_use]
    pub fn lacks_file_of(&self, event: &Event) -> bool {
        match (event.kind, event.process, event.file) {
            (EventKind::Exec, Some(key), Some(file)) => !self.files.has(key.pid, &file),
            _ => false,
        }
    }

    /// After lost events: what is not in the list of all processes has ended, and who knows when.
    pub fn end_all_but(&mut self, running: &HashSet<ProcessKey>, now: MonotonicNs) {
        let gone: Vec<ProcessKey> =
            self.current.values().filter(|key| !running.contains(key)).copied().collect();
        for key in gone {
            if let Some(process) = self.table.get(&key) {
                process.end_is_guessed.set(true);
            }
            self.exited(key, now);
        }
    }

    /// The process of an owner; `None` when its beginning was not seen.
    #[must_use]
    pub fn get(&self, key: &ProcessKey) -> Option<Rc<Process>> {
        self.table.get(key).cloned()
    }

    /// Executed files that were closed before their exec came, because too many waited.
    #[must_use]
    pub fn files_closed_early(&self) -> u64 {
        self.files.closed_early()
    }

    /// How many run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.current.len()
    }

    /// Has the file of a process and those of its parents hashed, where that is still to be done.
    pub fn identify(&self, process: &Process, hasher: &Hasher) {
        for process in process.with_parents() {
            if process.identity.get().is_some() {
                return;
            }
            let Some(image) = &process.image else { continue };
            if let Some(file) = image.start_hashing()
                && let Err(file) = hasher.submit(image.number, file)
            {
                image.hold_again(file); // asked for again at the next tick
            }
        }
    }

    /// Has the files that were executed since the last call hashed, each content once: a file that is removed or replaced while
    /// it runs (an upgrade does that) could not be told from a changed one later.
    pub fn identify_executed(&mut self, hasher: &Hasher) {
        for process in std::mem::take(&mut self.executed) {
            self.identify(&process, hasher);
        }
    }

    /// Takes in a hash.
    pub fn hashed(&mut self, hashed: Hashed) {
        self.images.finish(hashed);
    }

    /// Forgets what ended long enough ago. Who still holds a process keeps it.
    pub fn sweep(&mut self, now: MonotonicNs) {
        self.tick += 1;
        while let Some((ended, tick, key)) = self.ended.front().copied() {
            if ended.0.saturating_add(KEPT_AFTER_END_NS) > now.0 || tick + KEPT_AFTER_END_TICKS > self.tick {
                break;
            }
            self.ended.pop_front();
            if self.current.get(&key.pid) != Some(&key) {
                self.table.remove(&key);
            }
        }
        self.images.sweep();
        self.files.sweep();
    }

    /// A copy of its parent, until it calls exec.
    fn forked(&mut self, key: ProcessKey, event: Event) {
        let parent = event.parent.and_then(|parent| self.table.get(&parent)).cloned();
        let Some(parent) = parent else { return self.found(key, event) };
        let placement = self.placements.of(event.cgroup);
        let process = Process {
            key,
            uid: event.uid,
            command_line: parent.command_line.clone(),
            placement: RefCell::new(placement),
            executed: parent.executed,
            executed_at: parent.executed_at,
            path: parent.path.clone(),
            image: parent.image.clone(),
            ended: Cell::new(None),
            shows_changes: Rc::clone(&parent.shows_changes),
            identity: OnceCell::new(),
            is_noted: Cell::new(false),
            end_is_guessed: Cell::new(false),
            parent: Some(not_too_deep(&parent, event.at)),
        };
        self.begin(process, event.at);
    }

    /// It runs another executable. What the event does not say of its arguments, /proc may.
    fn executed(&mut self, key: ProcessKey, event: Event) {
        let (image, path) = self.image_of(key.pid, &event);
        let mut arguments = event.arguments;
        if arguments.is_empty() || event.arguments_truncated {
            let longer = file::read_arguments(key.pid, ARGUMENTS_MAX);
            if longer.len() > arguments.len() {
                arguments = longer;
            }
        }
        let parent = self.parent_of(key, event.parent, event.at);
        let placement = self.placements.of(event.cgroup);
        let process = Process {
            key,
            uid: event.uid,
            command_line: self.keeps_command_lines.then(|| command_line(&arguments)).flatten(),
            placement: RefCell::new(placement),
            parent,
            executed: event.file,
            executed_at: event.at,
            path,
            image,
            ended: Cell::new(None),
            shows_changes: Rc::default(),
            identity: OnceCell::new(),
            is_noted: Cell::new(false),
            end_is_guessed: Cell::new(false),
        };
        let process = self.begin(process, event.at);
        if event.kind == EventKind::Exec {
            self.executed.push(process);
        }
    }

    /// It is in another cgroup. What it moves in the bucket of now goes there as a whole.
    fn moved(&mut self, key: ProcessKey, event: Event) {
        if let Some(process) = self.table.get(&key) {
            let placement = self.placements.of(event.cgroup);
            self.changes.push(Entry::Moved(key, Placement::clone(&placement)));
            process.placement.replace(placement);
        }
    }

    fn exited(&mut self, key: ProcessKey, at: MonotonicNs) {
        self.files.ended(key.pid);
        if self.current.get(&key.pid) == Some(&key) {
            self.current.remove(&key.pid);
        }
        self.end(key, at);
    }

    /// A process whose beginning was not seen: asks /proc what it runs, where and with what.
    fn found(&mut self, key: ProcessKey, event: Event) {
        if !self.table.contains_key(&key) {
            let working_directory = file::read_working_directory(key.pid);
            let environment = file::read_environment(key.pid);
            self.executed(key, Event { working_directory, environment, ..event });
        }
    }

    fn begin(&mut self, process: Process, at: MonotonicNs) -> Rc<Process> {
        let key = process.key;
        if let Some(before) = self.current.insert(key.pid, key)
            && before != key
        {
            self.end(before, at); // it called exec
        }
        if let Some(found) = self.table.get(&key) {
            // Its beginning is told after it was found; its end will not be.
            found.end_is_guessed.set(true);
            found.ended.set(Some(at));
        }
        self.changes.push(Entry::Process(Remembered::of(&process)));
        let process = Rc::new(process);
        if process.shows_changes.get().is_none() {
            self.unnoted.push(Rc::clone(&process));
        }
        self.table.insert(key, Rc::clone(&process));
        process
    }

    fn end(&mut self, key: ProcessKey, at: MonotonicNs) {
        if let Some(process) = self.table.get(&key) {
            self.changes.push(Entry::Ended(key, at));
            process.ended.set(Some(at));
            self.ended.push_back((at, self.tick, key));
        }
    }

    /// Who started a process: who forked it, for by now it may have been given to init; else `parent`.
    fn parent_of(&self, key: ProcessKey, parent: Option<ProcessKey>, at: MonotonicNs) -> Option<Rc<Process>> {
        let before = self.current.get(&key.pid).filter(|before| before.started == key.started);
        if let Some(forker) = before.and_then(|before| self.table.get(before)?.parent.as_ref()) {
            return Some(Rc::clone(forker));
        }
        self.table.get(&parent.filter(|parent| *parent != key)?).map(|parent| not_too_deep(parent, at))
    }

    /// The content that a process runs, and its path: from fanotify, else from /proc when that still is the same file.
    fn image_of(&mut self, pid: Pid, event: &Event) -> (Option<Rc<Image>>, Untrusted) {
        let unknown = (None, Untrusted::from(""));
        let Some(executed) = event.file else { return unknown };
        let (descriptor, path) = match self.files.take(pid, &executed) {
            // A path that is longer than the kernel can say is none.
            Some(file) if !file.path.as_raw().is_empty() => (file.descriptor, file.path),
            _ => {
                match file::open_executed(pid, event.parent.map(|parent| parent.pid), &event.name, &executed)
                {
                    Some(opened) => opened,
                    None => return unknown,
                }
            }
        };
        match FileKey::of(&descriptor) {
            Ok(key) if key.is_file(&executed) => {
                let is_next = event.kind == EventKind::Exec;
                match self.images.of(descriptor, &executed, Now::read(), is_next) {
                    Ok(image) => (Some(image), path),
                    Err(_) => unknown,
                }
            }
            _ => unknown,
        }
    }
}

/// A chain of parents that is too long ends above this one.
fn not_too_deep(parent: &Rc<Process>, at: MonotonicNs) -> Rc<Process> {
    if parent.with_parents().count() < MAX_PARENTS {
        Rc::clone(parent)
    } else {
        Rc::new(parent.without_parents(at))
    }
}

/// Arguments on one line, secrets masked; `None` when there are none.
fn command_line(arguments: &[u8]) -> Option<Untrusted> {
    let arguments = arguments.strip_suffix(b"\0").unwrap_or(arguments);
    if arguments.is_empty() {
        return None;
    }
    let line: Vec<u8> =
        mask_secrets(arguments).iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    Some(Untrusted::from_bytes(&line))
}
