use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{HashMap, HashSet, VecDeque},
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
};

use foldhash::fast::RandomState;
use portolan_bpf::{Event, EventKind, FileId};
use portolan_core::{Interpreted, Invocation, MonotonicNs, Pid, Placement, ProcessKey, Untrusted};

use super::{
    app_image::AppImageMount,
    command_line::command_line,
    exec::{Exec, ExecNote},
    executed_file::ExecutedFile,
    file::{self, FileKey},
    image::Image,
    images::Images,
    machine_mounts::MachineMounts,
    pending_files::PendingFiles,
    placements::Placements,
    process::{MAX_PARENTS, Process},
    remembered::{Noted, Remembered},
    stamp_clock::StampClock,
};
use crate::{
    clock::{Moment, Now},
    journal::Entry,
    monitor::{ExecFile, Layers, path_of},
};

/// How long a process is kept after its end, for bytes that are read later.
const KEPT_AFTER_END_NS: u64 = 10_000_000_000;
/// Ticks for which it is kept at least: one that reads a million flows may take longer than the above.
const KEPT_AFTER_END_TICKS: u64 = 3;

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
    stamp_clock: StampClock,
    pub(super) machine: MachineMounts,
    /// Whose files' stamps are to be noted.
    pub(super) unnoted: Vec<Rc<Exec>>,
    /// Who executed a file since the last look.
    pub(super) executed: Vec<Rc<Process>>,
    /// Whose files the machine was asked about, by the number of the question.
    pub(super) asked: HashMap<u64, Rc<Exec>>,
    pub(super) questions: u64,
    /// In which tick there was no room for one.
    pub(super) refused_at: Option<MonotonicNs>,
    /// Filesystems that are not behind a server.
    pub(super) local: HashSet<(u32, u32)>,
    pub(super) layers: Layers,
    /// What the journal is still to be told.
    pub(super) changes: Vec<Entry>,
}

impl Processes {
    /// None yet.
    #[must_use]
    pub fn new(keeps_command_lines: bool, layers: Layers) -> Self {
        Self { keeps_command_lines, layers, ..Self::default() }
    }

    /// Keeps command lines from now on, or forgets those that are kept. `true` when there is something to forget.
    pub fn keep_command_lines(&mut self, keeps: bool) -> bool {
        let forgets = self.keeps_command_lines && !keeps;
        self.keeps_command_lines = keeps;
        if forgets {
            for process in self.table.values() {
                let chain = std::iter::successors(Some(process), |process| process.parent.as_ref());
                chain.for_each(|process| drop(process.exec.note.command_line.take()));
            }
        }
        forgets
    }

    /// Keeps a file until the exec that names it.
    pub fn file_opened(&mut self, file: ExecFile) {
        let Ok(key) = FileKey::of(&file.descriptor) else { return };
        self.files.add(key, file);
    }

    /// Takes in what happened to a process.
    pub fn event(&mut self, event: Event) {
        // Threads of the kernel have no key and nobody asks for them.
        let Some(key) = event.process else { return };
        self.stamp_clock.see(&event);
        match event.kind {
            EventKind::Fork => self.forked(key, event),
            EventKind::Exec => self.executed(key, event),
            EventKind::Exit => {
                // Before Linux 6.16, a process that exits names no file.
                if event.file.is_some() {
                    self.note_hold(&key, &event);
                }
                self.exited(key, self.stamp_clock.moment_of(&event));
            }
            EventKind::Task => self.found(key, event),
            EventKind::Moved => self.moved(key, event),
        }
    }

    /// Notes what time it is after the last event: the files of all that began before have been looked at.
    pub fn looked_at(&mut self, now: Now) {
        self.unnoted.drain(..).for_each(|exec| exec.note_stamps(now));
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
    pub fn end_all_but(&mut self, running: &HashSet<ProcessKey>, now: Now) {
        let gone: Vec<ProcessKey> =
            self.current.values().filter(|key| !running.contains(key)).copied().collect();
        for key in gone {
            if let Some(process) = self.table.get(&key) {
                process.end_is_guessed.set(true);
            }
            self.exited(key, now.moment());
        }
    }

    /// The process of an owner; `None` when its beginning was not seen.
    #[must_use]
    pub fn get(&self, key: &ProcessKey) -> Option<Rc<Process>> {
        self.table.get(key).cloned()
    }

    /// All that are remembered, and those of whose memory they began with a copy.
    pub fn all_and_originals(&self) -> HashSet<ProcessKey, RandomState> {
        let mut keys = HashSet::default();
        self.table.values().for_each(|process| process.add_with_originals(&mut keys));
        keys
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
        self.machine.sweep();
    }

    /// A copy of its parent, until it calls exec.
    fn forked(&mut self, key: ProcessKey, event: Event) {
        let parent = event.parent.and_then(|parent| self.table.get(&parent)).cloned();
        let Some(parent) = parent else { return self.found(key, event) };
        let exec = Rc::clone(&parent.exec);
        let parent = Some(not_too_deep(&parent, self.stamp_clock.moment_of(&event)));
        self.begin(key, &event, exec, parent);
    }

    /// It runs another executable. What the event does not say, nobody is asked: /proc says what the program wants others to see.
    fn executed(&mut self, key: ProcessKey, event: Event) {
        let mut exec = self.exec_of(key.pid, &event);
        let before = self.current.get(&key.pid).filter(|before| before.started == key.started);
        if let Some(before) = before.and_then(|before| self.table.get(before)) {
            exec.mount = AppImageMount::of(&exec, before, self.stamp_clock.moment_of(&event));
        }
        let exec = Rc::new(exec);
        self.unnoted.extend(exec.mount.as_ref().and_then(|mount| mount.executed()).cloned());
        let parent = self.parent_of(key, event.parent, self.stamp_clock.moment_of(&event));
        self.unnoted.push(Rc::clone(&exec));
        let process = self.begin(key, &event, exec, parent);
        if event.kind == EventKind::Exec {
            self.executed.push(process);
        }
    }

    fn exec_of(&mut self, pid: Pid, event: &Event) -> Exec {
        let (image, path, is_in_machines_mount) = self.image_of(pid, event);
        let variables: Vec<&[u8]> = event.code_variables.iter().map(Vec::as_slice).collect();
        let placement = self.placements.of(event.cgroup.as_ref());
        let note = ExecNote {
            command_line: self.keeps_command_lines.then(|| command_line(&event.arguments)).flatten().into(),
            interpreted: Interpreted::of(&Invocation {
                path: path.as_raw(),
                arguments: (!event.arguments.is_empty()).then_some(&event.arguments[..]),
                arguments_are_cut: event.arguments_truncated,
                working_directory: event.working_directory.as_ref(),
                script_name: event.script_name.as_deref(),
                variables: &variables,
                variables_are_cut: !event.environment.is_complete,
            }),
            working_directory: event.working_directory.clone(),
            environment: event.environment.clone(),
            placement: Placement::clone(&placement),
            has_machines_mounts: self.machine.has_namespace(event.mount_namespace),
            has_machines_root: self.machine.has_root(event.root),
            has_roots_mounts: self.machine.has_roots_mounts(event),
            is_in_machines_mount,
            path,
        };
        let mut exec = Exec::new(note, event.file, self.stamp_clock.moment_of(event), image);
        exec.was_seen = event.kind == EventKind::Exec;
        exec.seen_as = exec.was_seen.then(|| Untrusted::from_bytes(&event.name));
        exec
    }

    /// It is in another cgroup. What it moves in the bucket of now goes there as a whole.
    fn moved(&mut self, key: ProcessKey, event: Event) {
        if let Some(process) = self.table.get(&key) {
            let placement = self.placements.of(event.cgroup.as_ref());
            self.changes.push(Entry::Moved(key, Placement::clone(&placement)));
            process.placement.replace(placement);
        }
    }

    /// What a process that is there names as its file.
    fn note_hold(&self, key: &ProcessKey, event: &Event) {
        if let Some(process) = self.table.get(key).filter(|process| process.ended.get().is_none()) {
            process.note_hold(event);
        }
    }

    fn exited(&mut self, key: ProcessKey, at: Moment) {
        self.files.ended(key.pid);
        if self.current.get(&key.pid) == Some(&key) {
            self.current.remove(&key.pid);
        }
        self.end(key, at);
    }

    /// A process whose beginning was not seen: asks /proc what it runs, where and with what.
    fn found(&mut self, key: ProcessKey, event: Event) {
        self.note_hold(&key, &event);
        if !self.table.contains_key(&key) {
            let (arguments, arguments_truncated) = file::read_arguments(key.pid);
            let (environment, code_variables) = file::read_environment(key.pid);
            let working_directory = file::read_working_directory(key.pid);
            let found = Event {
                arguments,
                arguments_truncated,
                environment,
                code_variables,
                working_directory,
                // Which it executed, nobody can tell any more.
                file: event.file.filter(|_| !event.has_let_go),
                ..event
            };
            self.executed(key, found);
        }
    }

    fn begin(
        &mut self,
        key: ProcessKey,
        event: &Event,
        exec: Rc<Exec>,
        parent: Option<Rc<Process>>,
    ) -> Rc<Process> {
        let at = self.stamp_clock.moment_of(event);
        let process = Rc::new(Process {
            key,
            uid: event.uid,
            placement: RefCell::new(self.placements.of(event.cgroup.as_ref())),
            parent,
            exec,
            ended: Cell::new(None),
            lineage: OnceCell::new(),
            is_watched: Cell::default(),
            looks: RefCell::default(),
            noted: Cell::new(Noted::Process),
            end_is_guessed: Cell::new(false),
            hold: Cell::default(),
        });
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
        self.changes.push(Entry::Process(Box::new(Remembered::of(&process))));
        self.table.insert(key, Rc::clone(&process));
        process
    }

    fn end(&mut self, key: ProcessKey, at: Moment) {
        if let Some(process) = self.table.get(&key) {
            self.changes.push(Entry::Ended(key, at));
            process.ended.set(Some(at));
            self.ended.push_back((at.at, self.tick, key));
        }
    }

    /// Who started a process: who forked it, for by now it may have been given to init; else `parent`.
    fn parent_of(&self, key: ProcessKey, parent: Option<ProcessKey>, at: Moment) -> Option<Rc<Process>> {
        let before = self.current.get(&key.pid).filter(|before| before.started == key.started);
        if let Some(forker) = before.and_then(|before| self.table.get(before)?.parent.as_ref()) {
            return Some(Rc::clone(forker));
        }
        self.table.get(&parent.filter(|parent| *parent != key)?).map(|parent| not_too_deep(parent, at))
    }

    /// The content that a process runs, its path, and whether the machine sees it there: from fanotify, else from /proc when that
    /// still is the same file.
    fn image_of(&mut self, pid: Pid, event: &Event) -> (Option<Rc<Image>>, Untrusted, bool) {
        let unknown = (None, Untrusted::from(""), false);
        let Some(executed) = event.file else { return unknown };
        let Some((descriptor, path)) = self.open(pid, event, &executed) else { return unknown };
        let begun = Now::read();
        match FileKey::of_executed(&descriptor, &executed) {
            Ok(key) if key.is_file(&executed) => {
                let is_next = event.kind == EventKind::Exec;
                // /proc/PID/root leads into other namespaces.
                let is_in_machines_mount = self.machine.has_namespace(event.mount_namespace)
                    && self.machine.has_mount_of(&descriptor, key, &path);
                let mut file = ExecutedFile::run_by(pid, descriptor);
                let key = file.is_known_by_layer(key, &executed, &self.layers).unwrap_or(key);
                let at = self.stamp_clock.moment_of(event);
                let image = self.images.of(file, key, &executed, at, begun, is_next);
                (Some(image), path, is_in_machines_mount)
            }
            _ => unknown,
        }
    }

    /// The file that a process executed, with its path.
    fn open(&mut self, pid: Pid, event: &Event, executed: &FileId) -> Option<(OwnedFd, Untrusted)> {
        if let Some(file) = self.files.take(pid, executed) {
            let path = path_of(file.as_fd(), pid);
            // One that is longer than the kernel can say is none.
            if !path.as_raw().is_empty() {
                self.local.insert(executed.device);
                return Some((file, path));
            }
        }
        file::open_executed(pid, event.parent.map(|parent| parent.pid), &event.name, executed)
    }
}

/// A chain of parents that is too long ends above this one.
fn not_too_deep(parent: &Rc<Process>, at: Moment) -> Rc<Process> {
    if parent.with_parents().count() < MAX_PARENTS {
        Rc::clone(parent)
    } else {
        Rc::new(parent.without_parents(at))
    }
}
