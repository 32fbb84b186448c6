use std::{collections::HashMap, path::Path, time::UNIX_EPOCH};

use portolan_core::{Package, PackageManager, Pid, Provenance, Sha256Digest, UnixMillis, Untrusted};
use portolan_packages::{Checksum, Ownership, Packages, PackagesError, Stamp};

use super::{
    Answer, AskedScript, Question,
    at_path::{self, AtPath, Place, look_at, look_at_script, sees_machines},
    boxes::{ContainerImages, genuine},
    shipped::Shipped,
};
use crate::{
    changes,
    foreign::Asked,
    identity::{app_image::AppImageFile, file::FileKey},
};

/// Paths that are remembered.
const REMEMBERED: usize = 16_384;

/// What the machine says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::identity) struct Source {
    /// Whether the machine knows the file by its path.
    pub(in crate::identity) place: Place,
    pub(super) owned: Owned,
}

/// What the package databases say of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owned {
    /// A package lists it; what it shipped.
    By(Package, Shipped),
    /// No package does.
    Nobody,
    /// It could not be found out: a sentence.
    Unknown(String),
    /// The same, and it may be known a moment later.
    NotYet(String),
}

impl Source {
    /// The package that lists the file.
    pub(in crate::identity) fn package(&self) -> Option<&Package> {
        match &self.owned {
            Owned::By(package, _) => Some(package),
            Owned::Nobody | Owned::Unknown(_) | Owned::NotYet(_) => None,
        }
    }

    /// Whether another answer can be expected soon.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.owned, Owned::NotYet(_))
    }

    /// Where a content of this file comes from.
    pub(super) fn provenance_of(&self, content: Option<&Sha256Digest>) -> Provenance {
        match &self.owned {
            Owned::By(package, shipped) => match content {
                Some(content) => shipped.compare(package, content),
                None => Provenance::Unknown("its content could not be read".to_owned()),
            },
            Owned::Nobody => Provenance::Unowned,
            Owned::Unknown(because) | Owned::NotYet(because) => Provenance::Unknown(because.clone()),
        }
    }
}

/// The package databases, and what they said.
pub(super) struct Databases {
    packages: Result<Packages, PackagesError>,
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

/// A question whose files were looked at.
struct LookedAt {
    question: Question,
    executable: AtPath,
    /// See [`AskedScript::is_certain`].
    script: Option<(AtPath, bool)>,
}

impl LookedAt {
    fn of(mut question: Question) -> Self {
        // Only root decides what such a process sees at the path: what was there before was the machine's as well.
        let is_machines = question.is_in_machines_mount
            || question
                .pid
                .filter(|_| question.has_roots_mounts)
                .is_some_and(|pid| !question.may_be_layer && sees_machines(pid, &question.path.to_bytes()));
        let mut executable = look_at(question.path.clone(), question.key, is_machines);
        if question.may_be_layer {
            executable.doubt_layer();
        }
        let (machines, roots) = (question.has_machines_mounts, question.has_roots_mounts);
        let script = question.script.take();
        let script = script.map(|AskedScript { path, key, is_certain }| {
            (look_at_script(path, key, machines, roots), is_certain)
        });
        Self { question, executable, script }
    }

    fn files(&self) -> impl Iterator<Item = &AtPath> {
        self.script.iter().map(|(file, _)| file).chain([&self.executable])
    }
}

impl Databases {
    pub(super) fn new() -> Self {
        let packages = Packages::of(Path::new("/"));
        Self { packages, images: ContainerImages::default(), known: HashMap::new(), stamp: None }
    }

    /// Answers each as soon as that can be: those about known files first, and the others after one pass over the databases.
    pub(super) fn answer(&mut self, questions: Vec<Question>, mut tell: impl FnMut(Answer)) {
        self.forget_old();
        let mut unknown = Vec::new();
        for question in questions {
            let asked = LookedAt::of(question);
            if asked.files().any(|file| self.is_to_learn(file)) {
                unknown.push(asked);
            } else {
                tell(self.answer_of(asked));
            }
        }
        self.learn(unknown.iter().flat_map(LookedAt::files).collect());
        unknown.into_iter().for_each(|asked| tell(self.answer_of(asked)));
    }

    fn answer_of(&mut self, LookedAt { question, executable, script }: LookedAt) -> Answer {
        let Question { number, path, key, container, is_users_word, app_image, uid, .. } = question;
        let of_machine = container.as_ref().filter(|_| !is_users_word);
        Answer {
            number,
            executable: self.source_of(&executable),
            script: script.map(|(file, is_certain)| self.source_of_script(&file, is_certain)),
            genuine: container.as_ref().and_then(|container| genuine(container, &path, key, uid)),
            image: of_machine.and_then(|container| self.images.of(container)),
            app_image: app_image.and_then(of_machine_s_mounts),
        }
    }

    /// What a file is by now that was changed. A package manager at work may have said nothing about it yet.
    pub(super) fn answer_change(&mut self, question: changes::Question) -> changes::Answer {
        let changes::Question { number, path, sha256 } = question;
        // Before the databases are read.
        let at_work = |packages: &Packages| packages.at_work().is_ok_and(|managers| !managers.is_empty());
        let is_being_changed = self.packages.as_ref().is_ok_and(at_work);
        let holders =
            self.packages.as_ref().ok().and_then(|packages| packages.holders().ok()).unwrap_or_default();
        self.forget_old();
        let file = AtPath::of_the_machine(path);
        self.learn(vec![&file]);
        let source = self.source_of(&file);
        let provenance = match (sha256, source.package()) {
            (None, Some(package)) => Provenance::Unchecked(package.clone()),
            (sha256, _) => source.provenance_of(sha256.as_ref()),
        };
        let holders = holders.into_iter().map(Pid).collect();
        changes::Answer { number, sha256, provenance, is_being_changed, holders }
    }

    /// Where contents come from of which all digests are known.
    pub(super) fn of_contents(&self, files: &[Asked]) -> Vec<Provenance> {
        let packages = match &self.packages {
            Ok(packages) => packages,
            Err(error) => return vec![Provenance::Unknown(error.to_string()); files.len()],
        };
        let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        let answer = |(owner, asked): (Result<Ownership, PackagesError>, &Asked)| match owner {
            Ok(Ownership::Owned(file)) => {
                let shipped = match file.checksum {
                    Some(Checksum::Md5(md5)) if md5 == asked.md5 => Shipped::Same(asked.sha256),
                    Some(Checksum::Md5(_)) => Shipped::Other(asked.sha256),
                    Some(Checksum::Sha256(digest)) => Shipped::Content(Sha256Digest(digest)),
                    Some(Checksum::Sha512(_)) | None => Shipped::Unsaid,
                };
                shipped.compare(&package(file), &asked.sha256)
            }
            Ok(Ownership::Unowned) => Provenance::Unowned,
            Err(error) => Provenance::Unknown(error.to_string()),
        };
        packages.owners_of(&paths).into_iter().zip(files).map(answer).collect()
    }

    /// When a package was last installed, upgraded or removed; `None` when that is not known.
    pub(super) fn changed_at(&self) -> Option<UnixMillis> {
        let changed = self.packages.as_ref().ok()?.stamp().ok()?.changed_at()?;
        let ms = changed.duration_since(UNIX_EPOCH).ok()?.as_millis();
        i64::try_from(ms).ok().map(UnixMillis)
    }

    /// What the databases say of a script. Its path is what a program said, which may have a root folder of its own (chroot): it is a package's
    /// only where the file that was run is the one there, and can have been no other.
    fn source_of_script(&self, file: &AtPath, is_certain: bool) -> Source {
        let source = self.source_of(file);
        let because = match source.owned {
            Owned::By(..) if !file.is_it => {
                "the script that was run is not the file that is at its path now, or was gone too soon"
            }
            Owned::By(..) if !is_certain => {
                "another file could have been put in the script's place before its interpreter opened it: others \
                 than root may write on the way there, or the way depends on a working directory"
            }
            _ => return source,
        };
        Source { owned: Owned::Unknown(because.to_owned()), ..source }
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

    /// Whether the databases are to be asked about a file.
    fn is_to_learn(&self, file: &AtPath) -> bool {
        file.place == Place::OfTheMachine
            && file.path.as_raw().starts_with('/')
            && self.known.get(&file.path).is_none_or(|known| {
                let is_passing = matches!(known.owned, Owned::NotYet(_));
                is_passing || file.key.is_none() || known.at_path != file.key
            })
    }

    /// Asks the databases for all paths that are not known, in one pass.
    fn learn(&mut self, mut files: Vec<&AtPath>) {
        files.retain(|file| self.is_to_learn(file));
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
        let is_being_changed = packages.at_work().is_ok_and(|managers| !managers.is_empty());
        for (((path, at_path), asked), owner) in new.into_iter().zip(asked).zip(owners) {
            let owned = match owner {
                Ok(Ownership::Owned(file)) => {
                    let shipped = Shipped::of(file.checksum.as_ref(), asked);
                    Owned::By(package(file), shipped)
                }
                Ok(Ownership::Unowned) => Owned::Nobody,
                Err(error @ (PackagesError::BeingChanged { .. } | PackagesError::HalfInstalled { .. })) => {
                    Owned::NotYet(error.to_string())
                }
                Err(error) if is_being_changed => Owned::NotYet(error.to_string()),
                Err(error) => Owned::Unknown(error.to_string()),
            };
            self.known.insert(path.clone(), Known { at_path, owned });
        }
        // What is being changed may be of another version a moment later.
        if is_being_changed || packages.at_work().is_ok_and(|managers| !managers.is_empty()) {
            self.stamp = None;
        }
    }
}

/// The path of an AppImage, where it is not one of a mount namespace of its own.
fn of_machine_s_mounts(file: AppImageFile) -> Option<Untrusted> {
    let AtPath { path, place, .. } = look_at(file.path, file.key, file.is_in_machines_mount);
    (place == Place::OfTheMachine).then_some(path)
}

fn package(file: portolan_packages::OwnedFile) -> Package {
    let manager = match file.manager {
        portolan_packages::Manager::Dpkg => PackageManager::Deb,
        portolan_packages::Manager::Rpm => PackageManager::Rpm,
        portolan_packages::Manager::Pacman => PackageManager::Pacman,
    };
    Package { manager, name: file.package, version: file.version }
}
