use std::collections::{BTreeSet, HashMap};

use portolan_core::{
    ApplicationKey, Endpoint, Evidence, Executable, FileContent, FindingKind, Lineage, Member, Name,
    PackageManager, Provenance, ReviewState, Severity, Sha256Digest, Uid, UnixMillis, Untrusted,
};
use portolan_history::{KnownApplication, NewFinding, Subject};

use super::groups::Groups;
use crate::changes::is_manager;

mod changes;
mod daemon;
mod known;
mod told;
mod unidentified;

pub use changes::FileChange;
use known::Known;
use told::Told;
use unidentified::Nameless;
pub use unidentified::Unidentified;

/// Decides what is told.
///
/// Rules, in this order:
/// 1. A content (path and SHA-256, of an executable or a script) that the application had before is never told.
/// 2. An ignored application is remembered, never told. Only a changed file of it, and foreign code, are noted quietly.
/// 3. An application that was never seen is a [`FindingKind::NewApplication`]: loud when a package lists the file with another
///    content, otherwise normal. While Portolan learns, those that a package lists are the [`FindingKind::Baseline`] together, and
///    what is known to be no package's is loud.
/// 4. Any other new content is explained when it is what a package ships, or a package's own script that its manager runs, and one
///    [`FindingKind::Upgraded`] with the rest of the manager's run; otherwise it is a loud [`FindingKind::ChangedExecutable`], whether the
///    application was approved or not, and a normal one where a manager runs it before its package is installed.
///    The user is told once of a content of a file of this machine, however many applications (scripts of one interpreter) have it.
///
/// Everything observed is remembered at once, so that each is told once.
#[derive(Debug, Default)]
pub struct Judge {
    applications: HashMap<ApplicationKey, Known>,
    told: Told,
    groups: Groups,
    /// Findings about the daemon that nobody has answered.
    open: BTreeSet<FindingKind>,
    nameless: Nameless,
}

/// A program that talked.
#[derive(Debug, Clone, Copy)]
pub struct Talk<'a> {
    /// What runs, and what started it.
    pub lineage: &'a Lineage,
    /// What a person approves.
    pub application: &'a ApplicationKey,
    /// Where the executable comes from.
    pub provenance: &'a Provenance,
    /// Where that comes from which it runs, where it is an interpreter; `None` where it is not.
    pub code: Option<&'a Provenance>,
    /// As which user.
    pub uid: Uid,
    /// Where it talked to first; `None` when the program did not say.
    pub remote: Option<Endpoint>,
    /// What that is called; `None` when no name was seen.
    pub name: Option<&'a Name>,
}

impl Judge {
    /// A judge that knows what the history knows.
    ///
    /// An application may come more than once; its executables add up and the last review counts.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = KnownApplication>) -> Self {
        let mut judge = Self::default();
        judge.recall(known);
        judge
    }

    /// From now on it knows these, too, as the history knows them.
    pub fn recall(&mut self, known: impl IntoIterator<Item = KnownApplication>) {
        for KnownApplication { application, review, executables, told, last_uid } in known {
            let last_uid = last_uid.unwrap_or(Uid::UNKNOWN);
            if application.is_of_the_machine() {
                for (content, uid) in &told {
                    if executables.contains(content) {
                        self.told.talks(&content.path, content.sha256, *uid);
                    } else {
                        self.told.changed(&content.path, content.sha256, *uid);
                    }
                }
            }
            let entry = self.applications.entry(application).or_insert_with(|| Known::new(review, last_uid));
            entry.review = review;
            for executable in &executables {
                entry.remember(&executable.path, executable.sha256);
            }
        }
    }

    /// A program talked. Says what is to be told about it, once for each content. What is known of the process besides is the
    /// caller's to add to the evidence, where there is a subject.
    pub fn observe(&mut self, talk: &Talk<'_>, now: UnixMillis) -> Vec<NewFinding> {
        let Some(known) = self.applications.get_mut(talk.application) else {
            let mut known = Known::new(ReviewState::Unreviewed, talk.uid);
            for (path, sha256, _) in talk.contents() {
                known.remember(path, sha256);
            }
            self.applications.insert(talk.application.clone(), known);
            return vec![self.new_application(talk, now)];
        };
        known.last_uid = talk.uid;
        let mut found = Vec::new();
        for (path, sha256, provenance) in talk.contents() {
            let previous = known.newest(path);
            if !known.remember(path, sha256) || known.review == ReviewState::Ignored {
                continue;
            }
            let content = Executable { path: path.clone(), sha256 };
            // Another application that begins to use the file is another matter.
            let is_shared = previous.is_some() && talk.application.is_of_the_machine();
            let learns = previous.is_none() && self.groups.is_learning();
            found.push(match provenance {
                Some(Provenance::Verified(_) | Provenance::Unchecked(_)) if learns => {
                    Groups::learned(talk.member(&content, previous, provenance), now)
                }
                _ => match provenance.and_then(Provenance::explained_by).or_else(|| talk.run_by(path)) {
                    Some(manager) => {
                        let member = talk.member(&content, previous, provenance);
                        self.groups.upgraded(manager, member, now)
                    }
                    None if is_shared && self.told.has_talked(path, sha256, talk.uid) => continue,
                    None => {
                        if is_shared {
                            self.told.talks(path, sha256, talk.uid);
                        }
                        let kind = FindingKind::ChangedExecutable;
                        let is_unpacked = talk.is_below_manager(PackageManager::of_unpacked_script(path));
                        let severity = if is_unpacked { Severity::Normal } else { Severity::Loud };
                        talk.finding(kind, severity, content, previous, now)
                    }
                },
            });
        }
        found
    }

    fn new_application(&self, talk: &Talk<'_>, now: UnixMillis) -> NewFinding {
        let executable = talk.lineage.executable.clone();
        let provenances = || std::iter::once(talk.provenance).chain(talk.code);
        let is_looked_at = talk.code.is_some() || talk.lineage.script.is_none();
        let is_packaged = is_looked_at
            && provenances().all(|one| matches!(one, Provenance::Verified(_) | Provenance::Unchecked(_)));
        let learns = self.groups.is_learning();
        if is_packaged && learns {
            return Groups::learned(talk.member(&executable, None, Some(talk.provenance)), now);
        }
        let is_loud = |one: &Provenance| match one {
            Provenance::Modified(_) => true,
            Provenance::Unowned => learns,
            Provenance::Verified(_) | Provenance::Unchecked(_) | Provenance::Unknown(_) => false,
        };
        // No package lists what a package manager runs of its packages.
        let is_managers = || {
            talk.lineage.script.as_ref().is_some_and(|FileContent { path, .. }| {
                let manager =
                    PackageManager::of_script(path).or_else(|| PackageManager::of_unpacked_script(path));
                talk.is_below_manager(manager)
            })
        };
        let is_loud = is_loud(talk.provenance) || talk.code.is_some_and(is_loud) && !is_managers();
        let severity = if is_loud { Severity::Loud } else { Severity::Normal };
        talk.finding(FindingKind::NewApplication, severity, executable, None, now)
    }

    /// Whether Portolan learns: what begins to talk while it does is the baseline.
    pub fn learn(&mut self, is_learning: bool) {
        self.groups.learn(is_learning);
    }

    /// How an application is reviewed; `None` when it was never seen.
    #[must_use]
    pub fn review_of(&self, application: &ApplicationKey) -> Option<ReviewState> {
        self.applications.get(application).map(|known| known.review)
    }

    /// A person reviewed an application. `false` when it was never seen; nothing is remembered then.
    #[must_use]
    pub fn reviewed(&mut self, application: &ApplicationKey, review: ReviewState) -> bool {
        match self.applications.get_mut(application) {
            Some(known) => {
                let uid = known.last_uid;
                for (path, sha256) in known.reviewed(review) {
                    if application.is_of_the_machine() {
                        self.told.talks(&path, sha256, uid);
                    }
                }
                true
            }
            None => false,
        }
    }

    /// A person wanted nothing of an application to be known any more: it is as new as if it had never talked.
    pub fn forget(&mut self, application: &ApplicationKey) {
        self.applications.remove(application);
    }

    /// How many applications nobody has looked at.
    #[must_use]
    pub fn unreviewed(&self) -> usize {
        self.applications.values().filter(|known| known.review == ReviewState::Unreviewed).count()
    }
}

impl<'a> Talk<'a> {
    /// The executable and, where its content is known, the script; each with where it comes from.
    fn contents(
        &self,
    ) -> impl Iterator<Item = (&'a Untrusted, Sha256Digest, Option<&'a Provenance>)> + use<'a> {
        let script = match &self.lineage.script {
            Some(FileContent { path, sha256: Some(sha256) }) => Some((path, *sha256, self.code)),
            _ => None,
        };
        let Executable { path, sha256 } = &self.lineage.executable;
        [Some((path, *sha256, Some(self.provenance))), script].into_iter().flatten()
    }

    /// The package manager that runs this, a script of a package which it keeps for itself: another one with each version.
    fn run_by(&self, path: &Untrusted) -> Option<PackageManager> {
        PackageManager::of_script(path).filter(|manager| self.is_below_manager(Some(*manager)))
    }

    /// Whether root runs this on the machine below a package manager, where its place is one of that manager's.
    fn is_below_manager(&self, manager: Option<PackageManager>) -> bool {
        let is_below_one = || self.lineage.iter().skip(1).any(|parent| is_manager(&parent.path));
        manager.is_some() && self.uid == Uid(0) && self.application.is_of_the_machine() && is_below_one()
    }

    fn member(
        &self,
        content: &Executable,
        before: Option<Sha256Digest>,
        provenance: Option<&Provenance>,
    ) -> Member {
        Member {
            application: self.application.clone(),
            uid: self.uid,
            path: content.path.clone(),
            before,
            after: Some(content.sha256),
            provenance: provenance.cloned(),
        }
    }

    fn finding(
        &self,
        kind: FindingKind,
        severity: Severity,
        content: Executable,
        previous_sha256: Option<Sha256Digest>,
        at: UnixMillis,
    ) -> NewFinding {
        let subject = Subject {
            application: self.application.clone(),
            executable: content,
            previous_sha256,
            parent: self.lineage.parent.as_ref().map(|parent| parent.executable.clone()),
            uid: self.uid,
            remote: self.remote,
            remote_name: self.name.cloned(),
        };
        let evidence = Evidence {
            provenance: Some(self.provenance.clone()),
            script: self.lineage.script.clone(),
            code: self.code.cloned(),
            ..Evidence::default()
        };
        NewFinding::about(kind, severity, subject, evidence, at)
    }
}

#[cfg(test)]
mod tests;
