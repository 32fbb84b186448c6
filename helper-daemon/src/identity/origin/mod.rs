//! Which application a program is and where its file comes from, as far as that is known to the machine: its packages.
//!
//! A thread of its own reads the package databases, for programs that talk: a question is asked when the first byte was counted, many
//! are answered in one pass, and answers are remembered until the databases or the file change.

mod at_path;
mod boxes;
mod shipped;

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use portolan_core::{Container, Lineage, Package, PackageManager, Provenance, Sha256Digest, Uid, Untrusted};
use portolan_packages::{Ownership, Packages, PackagesError, Stamp};

pub(super) use at_path::Place;
use at_path::{AtPath, Machine};
use boxes::{ContainerImages, is_genuine};
use shipped::Shipped;

use super::file::FileKey;
use crate::resources;

/// Questions that may wait; the others are asked again at the next tick.
const QUEUE: usize = 1024;
/// Questions that are answered in one pass.
const BATCH: usize = 256;
/// Paths that are remembered.
const REMEMBERED: usize = 16_384;

/// Where is this file from?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// To tell the answers apart.
    pub(super) number: u64,
    /// Its path when it was executed, as its mount namespace knew it.
    pub(super) path: Untrusted,
    /// The file; `None` when it could not be looked at.
    pub(super) key: Option<FileKey>,
    /// The same of the script that it runs.
    pub(super) script: Option<(Untrusted, Option<FileKey>)>,
    /// The mount namespace; `None` when it is not known.
    pub(super) mount_namespace: Option<u32>,
    /// What its cgroup's name says that it is in.
    pub(super) container: Option<Container>,
    /// Whether that is the word of a user, not of the machine.
    pub(super) is_users_word: bool,
    /// Its real uid.
    pub(super) uid: Uid,
}

/// What the machine says of the files of an exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) number: u64,
    pub(super) executable: Source,
    /// Of the script, where one was asked about.
    pub(super) script: Option<Source>,
    /// Whether the file is of the Flatpak application or the snap that its cgroup names.
    pub(super) is_genuine: bool,
    /// The image that its container is made of.
    pub(super) image: Option<Untrusted>,
}

/// What the machine says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Whether the machine knows the file by its path.
    pub(super) place: Place,
    owned: Owned,
}

/// What the package databases say of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owned {
    /// A package lists it; what it shipped.
    By(Package, Shipped),
    /// No package does.
    Nobody,
    /// It could not be found out: a sentence.
    Unknown(String),
}

impl Answer {
    /// To a question that nobody answers.
    pub(super) fn unknown(number: u64, because: &str) -> Self {
        let source = Source { place: Place::OfTheMachine, owned: Owned::Unknown(because.to_owned()) };
        Self { number, executable: source.clone(), script: Some(source), is_genuine: false, image: None }
    }

    /// Where what runs comes from: of an interpreter and its script, whichever is less certain.
    pub(super) fn provenance_of(&self, lineage: &Lineage) -> Provenance {
        let executable = self.executable.provenance_of(Some(&lineage.executable.sha256));
        match (&lineage.script, &self.script) {
            (Some(script), Some(source)) => {
                less_certain(source.provenance_of(script.sha256.as_ref()), executable)
            }
            _ => executable,
        }
    }
}

/// The first one where both are as certain.
fn less_certain(first: Provenance, second: Provenance) -> Provenance {
    let doubt = |provenance: &Provenance| match provenance {
        Provenance::Verified(_) => 0,
        Provenance::Unchecked(_) => 1,
        Provenance::Unknown(_) => 2,
        Provenance::Unowned => 3,
        Provenance::Modified(_) => 4,
    };
    if doubt(&second) > doubt(&first) { second } else { first }
}

impl Source {
    /// The package that lists the file.
    pub(super) fn package(&self) -> Option<&Package> {
        match &self.owned {
            Owned::By(package, _) => Some(package),
            Owned::Nobody | Owned::Unknown(_) => None,
        }
    }

    /// Where a content of this file comes from.
    fn provenance_of(&self, content: Option<&Sha256Digest>) -> Provenance {
        match &self.owned {
            Owned::By(package, shipped) => match content {
                Some(content) => shipped.compare(package, content),
                None => Provenance::Unknown("its content could not be read".to_owned()),
            },
            Owned::Nobody => Provenance::Unowned,
            Owned::Unknown(because) => Provenance::Unknown(because.clone()),
        }
    }
}

/// The thread that answers. It ends when this is dropped.
pub struct Origins {
    questions: Option<mpsc::SyncSender<Question>>,
    thread: Option<JoinHandle<()>>,
}

impl Origins {
    /// Starts the thread. `done` is called on it after each answer.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(done: impl Fn(Answer) + Send + 'static) -> io::Result<Self> {
        let (questions, queue) = mpsc::sync_channel(QUEUE);
        let thread = thread::Builder::new().name("packages".to_owned()).spawn(move || {
            resources::go_along();
            let mut databases = Databases::new();
            while let Ok(first) = queue.recv() {
                let batch: Vec<Question> =
                    std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)).collect();
                databases.answer(batch).into_iter().for_each(&done);
            }
        })?;
        Ok(Self { questions: Some(questions), thread: Some(thread) })
    }

    /// `false` when too many wait: ask again.
    pub(super) fn ask(&self, question: Question) -> bool {
        self.questions.as_ref().is_some_and(|questions| questions.try_send(question).is_ok())
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

/// The package databases, and what they said.
struct Databases {
    packages: Result<Packages, PackagesError>,
    machine: Machine,
    images: ContainerImages,
    known: HashMap<Untrusted, Known>,
    /// The state of the databases that `known` is of.
    stamp: Option<Stamp>,
}

/// What was found out about a path.
struct Known {
    /// The file that was there.
    at_path: Option<FileKey>,
    owned: Owned,
}

impl Databases {
    fn new() -> Self {
        let packages = Packages::of(Path::new("/"));
        Self {
            packages,
            machine: Machine::new(),
            images: ContainerImages::default(),
            known: HashMap::new(),
            stamp: None,
        }
    }

    fn answer(&mut self, questions: Vec<Question>) -> Vec<Answer> {
        self.forget_old();
        let mut looked_at = Vec::new();
        for mut question in questions {
            let namespace = question.mount_namespace;
            let executable = self.machine.look_at(question.path.clone(), question.key, namespace);
            let script = question.script.take();
            let script = script.map(|(path, key)| self.machine.look_at(path, key, namespace));
            looked_at.push((question, executable, script));
        }
        let files = looked_at.iter().flat_map(|(_, executable, script)| script.iter().chain([executable]));
        self.learn(files.collect());
        let mut answers = Vec::with_capacity(looked_at.len());
        for (question, executable, script) in looked_at {
            let Question { number, path, key, container, is_users_word, uid, .. } = question;
            let of_machine = container.as_ref().filter(|_| !is_users_word);
            answers.push(Answer {
                number,
                executable: self.source_of(&executable),
                script: script.map(|script| self.source_of(&script)),
                is_genuine: container
                    .as_ref()
                    .is_some_and(|container| is_genuine(container, &path, key, uid)),
                image: of_machine.and_then(|container| self.images.of(container)),
            });
        }
        answers
    }

    fn source_of(&self, file: &AtPath) -> Source {
        let owned = match (file.place, self.known.get(&file.path)) {
            (Place::Elsewhere, _) => Owned::Unknown(
                "it runs in a mount namespace of its own, where another file is at its path than the machine has there"
                    .to_owned(),
            ),
            (Place::OfTheMachine, Some(known)) => known.owned.clone(),
            (Place::OfTheMachine, None) => Owned::Nobody, // no file on a disk: made in memory
        };
        Source { place: file.place, owned }
    }

    /// Forgets everything when the databases have changed since.
    fn forget_old(&mut self) {
        let stamp = self.packages.as_ref().ok().and_then(|packages| packages.stamp().ok());
        if stamp.is_none() || stamp != self.stamp || self.known.len() > REMEMBERED {
            self.known.clear();
        }
        self.stamp = stamp;
    }

    /// Asks the databases for all paths that are not known, in one pass.
    fn learn(&mut self, mut files: Vec<&AtPath>) {
        files.retain(|file| {
            file.place == Place::OfTheMachine
                && file.path.as_raw().starts_with('/')
                && self
                    .known
                    .get(&file.path)
                    .is_none_or(|known| file.key.is_none() || known.at_path != file.key)
        });
        files.sort_unstable_by_key(|file| &file.path);
        files.dedup_by_key(|file| &file.path);
        let new: Vec<(&Untrusted, Option<FileKey>)> =
            files.into_iter().map(|file| (&file.path, file.key)).collect();
        if new.is_empty() {
            return;
        }
        let packages = match &self.packages {
            Ok(packages) => packages,
            Err(error) => {
                for (path, at_path) in new {
                    let owned = Owned::Unknown(error.to_string());
                    self.known.insert(path.clone(), Known { at_path, owned });
                }
                return;
            }
        };
        let paths: Vec<Vec<u8>> = new.iter().map(|(path, _)| path.to_bytes()).collect();
        let asked: Vec<&Path> = paths.iter().map(|path| at_path::as_path(path)).collect();
        let owners = packages.owners_of(&asked);
        for (((path, at_path), asked), owner) in new.into_iter().zip(asked).zip(owners) {
            let owned = match owner {
                Ok(Ownership::Owned(file)) => {
                    let shipped = Shipped::of(file.checksum.as_ref(), asked);
                    Owned::By(package(file), shipped)
                }
                Ok(Ownership::Unowned) => Owned::Nobody,
                Err(error) => Owned::Unknown(error.to_string()),
            };
            self.known.insert(path.clone(), Known { at_path, owned });
        }
        // What is being changed may be of another version a moment later.
        if packages.at_work().is_ok_and(|managers| !managers.is_empty()) {
            self.stamp = None;
        }
    }
}

fn package(file: portolan_packages::OwnedFile) -> Package {
    let manager = match file.manager {
        portolan_packages::Manager::Dpkg => PackageManager::Deb,
        portolan_packages::Manager::Rpm => PackageManager::Rpm,
        portolan_packages::Manager::Pacman => PackageManager::Pacman,
    };
    Package { manager, name: file.package, version: file.version }
}

#[cfg(test)]
mod tests;
