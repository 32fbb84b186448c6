//! Which package owns a file, and what its content should be, as the package databases say.
//!
//! The databases of dpkg, rpm and pacman are read as they lie there: no program is run, nothing is written,
//! nothing is kept between two questions, and no lock is taken that a package manager waits for. They are not
//! trusted: a broken or hostile database gives a [`PackagesError`], which says why the owner is unknown, in
//! bounded memory and time.
//!
//! What "owned" is worth: whoever may write the databases (root) can say in them what they like. "Its content
//! is what the package shipped" therefore means: nobody changed the file without changing the database too.
//! dpkg has MD5 only, which does not withstand somebody who made both the package and the file.
//!
//! Invariants:
//! - Read-only: nothing is written; regular files only, never outside the root.
//! - Any number of paths is answered in one pass over the databases.
//! - An answer is of one state of the database: what changes while it is read is read again.
//!
//! Not covered: databases that a configuration moved elsewhere (dpkg's --admindir, `%_dbpath`, `DBPath`),
//! rpm's Berkeley DB (before Fedora 33 and RHEL 9; it is named in the error), and links between folders that
//! the administrator made, such as /opt on another disk: a file there is listed by a path that it no longer
//! has.
#![forbid(unsafe_code)]

mod alias;
mod dpkg;
mod error;
mod lock;
mod ownership;
mod pacman;
mod reading;
mod root;
mod rpm;
mod stamp;

use std::path::{Path, PathBuf};

pub use error::PackagesError;
pub use ownership::{Checksum, Manager, OwnedFile, Ownership};
pub use stamp::Stamp;

use alias::Aliases;
use reading::Reading;
use root::Folder;

/// For each path that was asked for: the file as a package lists it, if one does, or why that is not known.
type Answers = Vec<Result<Option<OwnedFile>, PackagesError>>;

/// As many packages may list one file; only folders have more.
const MOST_OWNERS: usize = 64;

/// How often a database that changes under the reader is read.
const ATTEMPTS: usize = 3;

/// The package databases below a root.
#[derive(Debug)]
pub struct Packages {
    root: Folder,
    path: PathBuf,
}

impl Packages {
    /// Of the machine whose root is `root`, normally "/". Which databases there are is looked up with each
    /// question. An rpm database in SQLite can be read only in this process' mount namespace.
    pub fn of(root: &Path) -> Result<Self, PackagesError> {
        Ok(Self { root: Folder::root(root)?, path: root.into() })
    }

    /// Whose databases there are.
    pub fn managers(&self) -> Result<Vec<Manager>, PackagesError> {
        let is_there = [
            (Manager::Dpkg, dpkg::is_there(&self.root)?),
            (Manager::Rpm, rpm::is_there(&self.root)?),
            (Manager::Pacman, pacman::is_there(&self.root)?),
        ];
        Ok(is_there.into_iter().filter_map(|(manager, is_there)| is_there.then_some(manager)).collect())
    }

    /// Who owns one file; see [`Packages::owners_of`].
    pub fn owner_of(&self, path: &Path) -> Result<Ownership, PackagesError> {
        let unanswered = || Err(PackagesError::NotAPath { path: path.into() });
        self.owners_of(&[path]).pop().unwrap_or_else(unanswered)
    }

    /// Who owns each of `paths`, in their order: absolute paths of files (not of folders) below the root,
    /// with their links resolved. Blocks for one pass over the databases, some 10 to 100 ms, however many
    /// paths there are; a file system that hangs hangs this too. Needs some 100 KiB of memory, with rpm up to
    /// 2 MiB, given back at the end.
    ///
    /// A path is found by every spelling that a merged /usr allows. A link of update-alternatives is owned by
    /// nobody; what it leads to is. With dpkg, a diverted file belongs to the package whose file was moved
    /// there.
    pub fn owners_of(&self, paths: &[&Path]) -> Vec<Result<Ownership, PackagesError>> {
        let aliases = Aliases::of(&self.root);
        let asked: Vec<Result<Vec<u8>, PackagesError>> =
            paths.iter().map(|path| alias::asked(path).map(|path| aliases.canonical(&path))).collect();
        let wanted: Vec<&[u8]> = asked.iter().flatten().map(Vec::as_slice).collect();
        let mut answers = match self.search(&aliases, &wanted) {
            Ok(answers) => answers,
            Err(error) => wanted.iter().map(|_| Err(error.clone())).collect(),
        }
        .into_iter();
        let unanswered = || Err(PackagesError::NoDatabase { root: self.path.clone() });
        asked.into_iter().map(|path| path.and_then(|_| answers.next().unwrap_or_else(unanswered))).collect()
    }

    fn search(
        &self,
        aliases: &Aliases,
        wanted: &[&[u8]],
    ) -> Result<Vec<Result<Ownership, PackagesError>>, PackagesError> {
        let managers = self.managers()?;
        if managers.is_empty() {
            return Err(PackagesError::NoDatabase { root: self.path.clone() });
        }
        let mut all: Vec<Answers> = Vec::new();
        for manager in managers {
            let answers = self.settled(manager, || match manager {
                Manager::Dpkg => dpkg::find(&self.root, aliases, wanted, &mut Reading::new()),
                Manager::Rpm => rpm::find(&self.root, aliases, wanted),
                Manager::Pacman => pacman::find(&self.root, aliases, wanted, &mut Reading::new()),
            });
            all.push(answers.unwrap_or_else(|error| wanted.iter().map(|_| Err(error.clone())).collect()));
        }
        let mut all: Vec<_> = all.into_iter().map(Vec::into_iter).collect();
        Ok(wanted.iter().map(|_| joined(all.iter_mut().filter_map(Iterator::next))).collect())
    }

    /// What `find` says of a database that did not change meanwhile.
    fn settled(
        &self,
        manager: Manager,
        mut find: impl FnMut() -> Result<Answers, PackagesError>,
    ) -> Result<Answers, PackagesError> {
        for _ in 0..ATTEMPTS {
            let before = stamp::of(&self.root, manager)?;
            let answers = find();
            if stamp::of(&self.root, manager)? == before {
                return answers;
            }
        }
        Err(PackagesError::BeingChanged { manager })
    }

    /// The state of the databases: answers are as good as new while it is equal. Some twenty calls of stat.
    pub fn stamp(&self) -> Result<Stamp, PackagesError> {
        Stamp::of(&self.root)
    }

    /// Which package managers are at work, as their locks say. No lock is taken.
    ///
    /// dpkg and rpm: a process holds the lock, which ends with that process; apt holds dpkg's from before the
    /// download to the end of its work. pacman: its lock is a file, which a crash leaves behind. A manager
    /// may have locked without changing anything (apt that waits for an answer), and a file may be changed
    /// and its manager be done by the time of this call: compare [`Packages::stamp`] as well. An installation
    /// without locks (`dpkg --force-lock`, a package manager that runs in another root) is not seen.
    pub fn at_work(&self) -> Result<Vec<Manager>, PackagesError> {
        lock::held(&self.root)
    }

    /// Which processes hold the locks that [`Packages::at_work`] tells of, as far as this process may know their
    /// numbers. pacman's lock does not say.
    pub fn holders(&self) -> Result<Vec<u32>, PackagesError> {
        lock::holders(&self.root)
    }
}

/// One answer from those of every database: an owner in one of them is an owner, and nobody is the answer of
/// all.
fn joined(
    answers: impl Iterator<Item = Result<Option<OwnedFile>, PackagesError>>,
) -> Result<Ownership, PackagesError> {
    let (mut owners, mut trouble) = (Vec::new(), None);
    for answer in answers {
        match answer {
            Ok(owner) => owners.extend(owner),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    match (ownership::agreed(owners)?, trouble) {
        (Some(owner), _) => Ok(Ownership::Owned(owner)),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(Ownership::Unowned),
    }
}
