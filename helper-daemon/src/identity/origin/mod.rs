//! Which application a program is and where its file comes from, as far as that is known to the machine: its packages.
//!
//! A thread of its own reads the package databases, for programs that talk: a question is asked when the first byte was counted, many
//! are looked up in one pass, each is answered as soon as that can be, and answers are remembered until the databases or the file change.

mod at_path;
mod boxes;
mod databases;
mod shipped;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use portolan_core::{Container, Lineage, Pid, Provenance, Uid, UnixMillis, Untrusted};

use boxes::Genuine;
use databases::{Databases, Owned};

pub(super) use at_path::{Place, mount_of};
pub(super) use databases::Source;

use super::{app_image::AppImageFile, file::FileKey};
use crate::{changes, foreign, resources};

/// Questions that are looked up in one pass.
const BATCH: usize = 256;
/// Questions that may wait; the others are asked again.
const QUEUE: usize = 16_384;
/// Why the origin of a file is not known, where nobody answers.
pub(crate) const UNANSWERED: &str = "the package databases could not be read for a minute";

/// Where is this file from?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// To tell the answers apart.
    pub(super) number: u64,
    /// Its path when it was executed, as its mount namespace knew it.
    pub(super) path: Untrusted,
    /// The file; `None` when it could not be looked at.
    pub(super) key: Option<FileKey>,
    /// Whether the kernel executed it under another device number than its content has: in a layer of an overlay (or on btrfs).
    pub(super) may_be_layer: bool,
    /// The same of the script that it runs.
    pub(super) script: Option<AskedScript>,
    /// Who runs it, while it is there.
    pub(super) pid: Option<Pid>,
    /// See [`super::exec::ExecNote`].
    pub(super) has_machines_mounts: bool,
    /// See there.
    pub(super) has_roots_mounts: bool,
    /// See there.
    pub(super) is_in_machines_mount: bool,
    /// What its cgroup's name says that it is in.
    pub(super) container: Option<Container>,
    /// Whether that is the word of a user, not of the machine.
    pub(super) is_users_word: bool,
    /// The AppImage that it was executed from.
    pub(super) app_image: Option<AppImageFile>,
    /// Its real uid.
    pub(super) uid: Uid,
}

/// What an interpreter runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedScript {
    /// Its path, as its mount namespace knows it.
    pub(super) path: Untrusted,
    /// The file; `None` when it could not be looked at.
    pub(super) key: Option<FileKey>,
    /// See [`super::script::Script::is_certain`].
    pub(super) is_certain: bool,
}

/// What is known by now.
#[derive(Debug)]
pub enum Known {
    /// Of the files of an exec.
    Exec(Answer),
    /// Of a file that was changed.
    Change(changes::Answer),
}

/// What is asked.
enum Asked {
    Exec(Box<Question>),
    Change(changes::Question),
}

/// What the machine says of the files of an exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) number: u64,
    pub(super) executable: Source,
    /// Of the script, where one was asked about.
    pub(super) script: Option<Source>,
    /// That the executable is of the Flatpak application or the snap that its cgroup names; `None` where it is not.
    pub(super) genuine: Option<Genuine>,
    /// The image that its container is made of.
    pub(super) image: Option<Untrusted>,
    /// The AppImage, where the machine knows it by its path.
    pub(super) app_image: Option<Untrusted>,
}

impl Answer {
    /// To a question that nobody answers, about a program that executed the machine's files or may have executed others.
    pub(super) fn unknown(executable: Place, because: &str) -> Self {
        let source = |place| Source { place, owned: Owned::Unknown(because.to_owned()) };
        let (genuine, image, app_image) = (None, None, None);
        let (executable, script) = (source(executable), Some(source(Place::Elsewhere)));
        Self { number: 0, executable, script, genuine, image, app_image }
    }

    /// Whether another answer can be expected soon: a package manager is at work.
    pub(super) fn is_passing(&self) -> bool {
        self.executable.is_passing() || self.script.as_ref().is_some_and(Source::is_passing)
    }

    /// Where the executable comes from.
    pub(super) fn provenance_of(&self, lineage: &Lineage) -> Provenance {
        match &self.genuine {
            Some(Genuine { package: Some(package) }) => Provenance::Unchecked(package.clone()),
            Some(Genuine { package: None }) => Provenance::Unowned,
            None => self.executable.provenance_of(Some(&lineage.executable.sha256)),
        }
    }

    /// Where its script comes from; `None` where it runs none.
    pub(super) fn script_provenance_of(&self, lineage: &Lineage) -> Option<Provenance> {
        let (script, source) = lineage.script.as_ref().zip(self.script.as_ref())?;
        Some(source.provenance_of(script.sha256.as_ref()))
    }
}

/// The thread that answers. It ends when this is dropped.
pub struct Origins {
    questions: Option<mpsc::SyncSender<Asked>>,
    thread: Option<JoinHandle<()>>,
    /// That nobody answers any more is logged.
    is_gone: Once,
    provenances: Provenances,
}

/// Answers for threads that may wait: for 10 to 100 ms where a path is asked about for the first time.
#[derive(Clone)]
pub struct Provenances(Arc<Mutex<Databases>>);

impl Provenances {
    fn databases(&self) -> MutexGuard<'_, Databases> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl foreign::Databases for Provenances {
    fn provenance(&mut self, files: &[foreign::Asked]) -> Vec<Provenance> {
        self.databases().of_contents(files)
    }

    fn changed_at(&mut self) -> Option<UnixMillis> {
        self.databases().changed_at()
    }
}

impl Origins {
    /// Starts the thread. `done` is called on it after each answer.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(done: impl Fn(Known) + Send + 'static) -> io::Result<Self> {
        let (questions, queue) = mpsc::sync_channel(QUEUE);
        let provenances = Provenances(Arc::new(Mutex::new(Databases::new())));
        let asked = provenances.clone();
        let thread = thread::Builder::new().name("packages".to_owned()).spawn(move || {
            resources::go_along();
            while let Ok(first) = queue.recv() {
                let mut execs = Vec::new();
                for one in std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)) {
                    match one {
                        Asked::Exec(question) => execs.push(*question),
                        Asked::Change(question) => {
                            done(Known::Change(asked.databases().answer_change(question)));
                        }
                    }
                }
                if !execs.is_empty() {
                    asked.databases().answer(execs, |answer| done(Known::Exec(answer)));
                }
            }
        })?;
        Ok(Self { questions: Some(questions), thread: Some(thread), is_gone: Once::new(), provenances })
    }

    /// Ones that have room for no question, and never will.
    #[cfg(test)]
    pub(super) fn without_room() -> Self {
        let provenances = Provenances(Arc::new(Mutex::new(Databases::new())));
        Self { questions: None, thread: None, is_gone: Once::new(), provenances }
    }

    /// The same for threads that may wait.
    pub fn provenances(&self) -> Provenances {
        self.provenances.clone()
    }

    /// Asks where the files of an exec are from. `false` when too many questions wait: to be asked again later.
    #[must_use]
    pub(super) fn ask(&self, question: Question) -> bool {
        self.queue(Asked::Exec(Box::new(question)))
    }

    /// Asks about a file that was changed. `false` as above.
    #[must_use]
    pub fn ask_about_change(&self, question: changes::Question) -> bool {
        self.queue(Asked::Change(question))
    }

    fn queue(&self, asked: Asked) -> bool {
        let Some(questions) = &self.questions else { return false };
        match questions.try_send(asked) {
            Ok(()) => true,
            Err(mpsc::TrySendError::Full(_)) => false,
            Err(mpsc::TrySendError::Disconnected(_)) => {
                self.is_gone.call_once(|| {
                    tracing::error!(
                        "the thread that reads package databases has ended: the owners of files stay unknown until \
                         the daemon is started again"
                    );
                });
                false
            }
        }
    }
}

impl Drop for Origins {
    fn drop(&mut self) {
        self.questions = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that reads package databases ended with a panic");
        }
    }
}

#[cfg(test)]
mod tests;
