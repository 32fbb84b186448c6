//! One look at one process, and what follows from it.

use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use portolan_core::{ForeignCode, ForeignCodeKind, Provenance, Sha256Digest, UnixMillis, Untrusted};

use rustix::fs::{Mode, OFlags, openat};

use super::{
    answers::Answers,
    belonging::Program,
    contents::Contents,
    databases::{Asked, Databases},
    environment::names_for_all,
    habits::{Habits, makes_code},
    inspector::{Counts, Found, Request, path_of},
    judge::Case,
    look::{Look, Missed, Target},
    looker::Looker,
    mapped::{Mapped, Place, State, machine},
};
use crate::{
    clock::{Moment, Now},
    resources,
};

/// Bytes that are read for one process; what is left out is read at the next look.
const BYTES_MAX: u64 = 2 << 30;
/// Looks at one process until all that it has mapped was read; it may go on mapping other files.
const ROUNDS: usize = 32;
/// Libraries for all programs (ld.so(8)).
const FOR_ALL: &str = "etc/ld.so.preload";
const FOR_ALL_MAX: u64 = 64 << 10;
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// What one look after the other learns.
pub(super) struct Inspection {
    contents: Arc<Contents>,
    looker: Looker,
    habits: Habits,
    databases: Box<dyn Databases>,
    answers: Answers,
    is_ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Inspection {
    pub(super) fn new(
        databases: Box<dyn Databases>,
        is_ending: Arc<AtomicBool>,
        counts: Arc<Counts>,
    ) -> Self {
        let contents = Arc::new(Contents::default());
        let looker = Looker::new(Arc::clone(&contents));
        let (habits, answers) = Default::default();
        Self { contents, looker, habits, databases, answers, is_ending, counts }
    }

    /// What is foreign in a process, and the CPU time that it took to find out, in microseconds.
    pub(super) fn of(&mut self, request: &Request) -> (Vec<Found>, u64) {
        let begun = resources::thread_cpu_us();
        let mut used_us = 0;
        self.contents.forget_passing();
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        let found = match self.look(request, &mut used_us) {
            Ok((look, has_ended)) => {
                if has_ended {
                    count(&self.counts.ended);
                } else if look.is_cut_off {
                    count(&self.counts.cut_off);
                }
                self.judge(request, &look, has_ended)
            }
            Err(Missed::Another) => Vec::new(),
            Err(Missed::Gone) => {
                count(&self.counts.ended);
                Vec::new()
            }
            Err(error @ (Missed::Stuck | Missed::Refused(_))) => {
                count(&self.counts.unreadable);
                tracing::debug!("what process {} has mapped is not known: {error}", request.process.pid.0);
                Vec::new()
            }
        };
        (found, used_us + resources::thread_cpu_us().saturating_sub(begun))
    }

    /// Looks until all contents are known. Also returns whether the process has ended: then only what its linker was told
    /// is known.
    fn look(&mut self, request: &Request, used_us: &mut u64) -> Result<(Look, bool), Missed> {
        let names = request.markers.names(&for_all());
        let target = Target { pid: request.process.pid, started: request.process.started, names };
        let path = path_of(&request.executable.path);
        let mut allowance = BYTES_MAX;
        let mut has_ended = false;
        for round in 1.. {
            let look = if has_ended {
                Look::afterwards(&target, &path, &self.contents)
            } else {
                let (look, cpu_us) = self.looker.look(target.clone());
                *used_us += cpu_us;
                look
            };
            let mut look = match look {
                Err(Missed::Gone) if !has_ended => {
                    has_ended = true;
                    continue;
                }
                other => other?,
            };
            let mut is_complete = true;
            for file in std::iter::once(&mut look.executable).chain(&mut look.files) {
                is_complete &= self.settle(file, &mut allowance);
            }
            if look.executable.content().is_some_and(|content| content.sha256 != request.executable.sha256) {
                return Err(Missed::Another);
            }
            if is_complete || round >= ROUNDS {
                look.is_cut_off |= !is_complete;
                return Ok((look, has_ended));
            }
        }
        Err(Missed::Stuck)
    }

    /// Reads a file that has not been read. False when it is not there to be read now.
    fn settle(&self, file: &mut Mapped, allowance: &mut u64) -> bool {
        let may_last = file.may_last();
        match std::mem::replace(&mut file.content, State::Unreadable) {
            State::Unread(descriptor) => {
                self.contents.read(&descriptor, file.key, may_last, allowance, &self.is_ending);
                if let Some(Some(content)) = self.contents.known(&file.key) {
                    file.content = State::Known(content);
                }
                true
            }
            State::Later => false,
            settled => {
                file.content = settled;
                true
            }
        }
    }

    fn judge(&mut self, request: &Request, look: &Look, has_ended: bool) -> Vec<Found> {
        let now = Now::read().wall;
        let changed = self.databases.changed_at();
        let all: Vec<&Mapped> = std::iter::once(&look.executable).chain(&look.files).collect();
        let mut provenances = self.provenance(&all, changed).into_iter();
        let executables = provenances.next().flatten();
        let program = Program {
            path: look.executable.path.clone(),
            script: request.script.as_ref().map(path_of),
            uid: request.uid.0,
            is_packaged: executables.is_some_and(|provenance| provenance.package().is_some()),
        };
        let case = Case::new(&look.executable, program, request.executed.wall, changed);
        let mut found = Vec::new();
        let mut memory = look.has_anonymous.then(|| Untrusted::from(""));
        for (file, provenance) in look.files.iter().zip(provenances) {
            if file.is_mapped && file.content().is_some_and(|content| !content.is_code) {
                memory = memory.or_else(|| Some(text(file)));
            } else if let Some((kind, provenance)) = case.told(file, provenance.as_ref()) {
                let was_named = matches!(file.named, Some((_, false)));
                let since = if was_named { request.executed.wall } else { now };
                let sha256 = sha256_at(file, request.executed.moment());
                let code =
                    ForeignCode { kind, path: text(file), sha256, provenance: Some(provenance), since };
                found.push(Found { code, is_for_all: file.named.is_some_and(|(_, is_for_all)| is_for_all) });
            }
        }
        let is_maker = makes_code(all.iter().map(|file| &file.path));
        if !has_ended
            && !is_maker
            && self.habits.is_unusual(request.executable.sha256, memory.is_some())
            && let Some(path) = memory
        {
            let kind = ForeignCodeKind::Anonymous;
            let code = ForeignCode { kind, path, sha256: None, provenance: None, since: now };
            found.push(Found { code, is_for_all: false });
        }
        found
    }

    /// Where each file comes from; `None` where the machine's databases say nothing about it.
    fn provenance(&mut self, files: &[&Mapped], changed: Option<UnixMillis>) -> Vec<Option<Provenance>> {
        self.answers.forget_old(changed);
        let asked: Vec<Option<Asked>> = files.iter().map(|file| asked(file)).collect();
        let is_new = |asked: &&Asked| self.answers.get(&(asked.path.clone(), asked.sha256)).is_none();
        let new: Vec<Asked> = asked.iter().flatten().filter(is_new).cloned().collect();
        // For this time only.
        let mut passing: HashMap<(PathBuf, Sha256Digest), Provenance> = HashMap::new();
        if !new.is_empty() {
            for (asked, provenance) in new.iter().zip(self.databases.provenance(&new)) {
                let file = (asked.path.clone(), asked.sha256);
                if !Asked::is_settled(&provenance) {
                    passing.insert(file, provenance);
                } else if let Err((file, provenance)) = self.answers.add(file, provenance) {
                    passing.insert(file, provenance);
                }
            }
        }
        let answer = |asked: Asked| {
            let file = (asked.path, asked.sha256);
            self.answers.get(&file).or_else(|| passing.get(&file)).cloned()
        };
        asked.into_iter().map(|asked| asked.and_then(answer)).collect()
    }
}

fn asked(file: &Mapped) -> Option<Asked> {
    let content = file.content()?;
    let is_machines = matches!(file.place, Place::Machine | Place::Removed);
    let path = file.path.clone();
    is_machines.then_some(Asked { path, sha256: content.sha256, md5: content.md5 })
}

/// The hash of what was loaded: of what is mapped, or of what has not changed since the linker was told its path.
fn sha256_at(file: &Mapped, executed: Moment) -> Option<Sha256Digest> {
    let is_it = file.is_mapped || Now::read().was_before(file.key.changed, executed);
    file.content().filter(|_| is_it).map(|content| content.sha256)
}

fn text(file: &Mapped) -> Untrusted {
    Untrusted::from_bytes(file.path.as_os_str().as_bytes())
}

/// What /etc/ld.so.preload names. Every exec asks for that file: no server is asked for more here.
fn for_all() -> Vec<PathBuf> {
    let mut text = Vec::new();
    let file = machine().and_then(|root| Ok(openat(&root, FOR_ALL, FLAGS, Mode::empty())?));
    match file.and_then(|file| File::from(file).take(FOR_ALL_MAX).read_to_end(&mut text)) {
        Ok(_) => names_for_all(&text),
        Err(_) => Vec::new(),
    }
}
