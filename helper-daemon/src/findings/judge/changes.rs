//! What is found about an application while it does not talk.

use std::collections::BTreeMap;

use portolan_core::{
    ApplicationKey, ChangeEvidence, ChangeKind, Evidence, Executable, FindingKind, ForeignCode, Member,
    PackageManager, ProcessEvidence, Provenance, ReviewState, Severity, Sha256Digest, Uid, UnixMillis,
    Untrusted,
};
use portolan_history::{NewFinding, Subject};

use super::{Judge, known::Known};

/// Where nobody misses what is removed.
const TEMPORARY: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

/// The file of an application that has talked is another one on disk.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// Whose it is; whose else, the judge knows.
    pub application: ApplicationKey,
    /// Where.
    pub path: Untrusted,
    /// Whether the path is this machine's, and no container's.
    pub is_on_machine: bool,
    /// The content that it had.
    pub before: Sha256Digest,
    /// What was done to it.
    pub change: ChangeEvidence,
    /// Whether a package manager did that itself.
    pub is_explained: bool,
}

/// An application that has the file and does not know what was done to it.
struct Affected {
    application: ApplicationKey,
    uid: Uid,
    review: ReviewState,
    before: Option<Sha256Digest>,
    has_newer_version: bool,
}

impl Judge {
    /// A file was changed on disk: of all applications that have it, one finding for each user who used one of them.
    ///
    /// Nothing where that is nothing to tell: nobody knows the applications, the file holds the same as before, or nobody was
    /// seen to change it and what it holds is known. The hash of a finding's executable is the content that was known; the new one
    /// stands in the evidence.
    pub fn changed_file(&mut self, file: &FileChange, now: UnixMillis) -> Vec<NewFinding> {
        let FileChange { path, change, .. } = file;
        let affected = self.affected(file);
        let content = change.sha256.filter(|_| change.kind.is_of_content());
        let package = change.provenance.as_ref().and_then(Provenance::package);
        let explained_by = change
            .provenance
            .as_ref()
            .and_then(Provenance::explained_by)
            .or_else(|| package.filter(|_| file.is_explained).map(|package| package.manager))
            .or_else(|| PackageManager::of_script(path).filter(|_| file.is_explained && file.is_on_machine));
        if affected.is_empty() {
            return self.name_run(explained_by, &change.by, now).into_iter().collect();
        }
        if let (Some(sha256), Some(manager)) = (content, explained_by) {
            return self.upgraded(file, sha256, manager, affected, now).into_iter().collect();
        }
        let mut loudest: BTreeMap<Uid, (Severity, Affected)> = BTreeMap::new();
        let mut sharing: BTreeMap<Uid, Vec<ApplicationKey>> = BTreeMap::new();
        for one in affected {
            sharing.entry(one.uid).or_default().push(one.application.clone());
            if change.kind.is_of_content()
                && let Some(known) = self.applications.get_mut(&one.application)
            {
                known.told_of(path, content);
            }
            let severity = severity_of(file, &one);
            if loudest.get(&one.uid).is_none_or(|(before, _)| severity > *before) {
                loudest.insert(one.uid, (severity, one));
            }
        }
        let mut found = Vec::new();
        for (uid, (severity, one)) in loudest {
            let Some(sha256) = one.before.or(change.sha256) else { continue };
            if let (Some(content), Severity::Loud, true) = (content, severity, file.is_on_machine) {
                self.told.changed(path, content, uid);
            }
            let executable = Executable { path: path.clone(), sha256 };
            let mut shared_with = sharing.remove(&uid).unwrap_or_default();
            shared_with.retain(|other| *other != one.application);
            shared_with.truncate(Evidence::SHARED_WITH_AT_MOST);
            let evidence = Evidence { change: Some(change.clone()), shared_with, ..Evidence::default() };
            let kind = FindingKind::ChangedFile;
            found.push(about(kind, severity, &one.application, executable, uid, evidence, now));
        }
        found
    }

    /// Who has the file and does not know the change, by their keys.
    fn affected(&self, file: &FileChange) -> Vec<Affected> {
        let FileChange { application, path, is_on_machine, change, .. } = file;
        let has_it = |key: &ApplicationKey, known: &Known| {
            key == application || *is_on_machine && key.is_of_the_machine() && known.has_path(path)
        };
        let mut users: Vec<_> = self.applications.iter().filter(|(key, known)| has_it(key, known)).collect();
        users.sort_unstable_by_key(|(key, _)| *key);
        let content = change.sha256.filter(|_| change.kind.is_of_content());
        let is_unseen = change.by.is_empty();
        // What was told to the user, if of another application, is told.
        let knows = |(key, known): &(&ApplicationKey, &Known), sha256: Sha256Digest| {
            let one_of_them_has_it = users.iter().any(|(other_key, other)| {
                let is_told = other_key == key
                    || other.review != ReviewState::Ignored
                        && (is_unseen || other.last_uid == known.last_uid);
                is_told && (other.newest(path) == Some(sha256) || is_unseen && other.has_seen(path, sha256))
            });
            let was_told = || *is_on_machine && self.told.has_changed(path, sha256, known.last_uid);
            one_of_them_has_it || is_unseen && was_told()
        };
        users
            .iter()
            .filter(|user| !content.is_some_and(|sha256| knows(user, sha256)))
            .map(|(key, known)| Affected {
                application: (*key).clone(),
                uid: known.last_uid,
                review: known.review,
                before: known.newest(path),
                has_newer_version: known.has_newer_version(path),
            })
            .collect()
    }

    /// A package manager brought this: all who have the file know it from now on.
    fn upgraded(
        &mut self,
        file: &FileChange,
        sha256: Sha256Digest,
        manager: PackageManager,
        affected: Vec<Affected>,
        now: UnixMillis,
    ) -> Option<NewFinding> {
        let mut finding: Option<NewFinding> = None;
        for Affected { application, uid, .. } in affected {
            if let Some(known) = self.applications.get_mut(&application) {
                known.remember(&file.path, sha256);
            }
            let (path, provenance) = (file.path.clone(), file.change.provenance.clone());
            let (before, after) = (Some(file.before), Some(sha256));
            let member = Member { application, uid, path, before, after, provenance };
            match &mut finding {
                Some(finding) => finding.evidence.members.push(member),
                None => finding = Some(self.groups.upgraded(manager, member, now)),
            }
        }
        finding.iter_mut().for_each(|finding| self.groups.name(manager, finding, &file.change.by));
        finding
    }

    /// What a package manager brought talked before it was seen who did it.
    fn name_run(
        &mut self,
        manager: Option<PackageManager>,
        by: &[ProcessEvidence],
        now: UnixMillis,
    ) -> Option<NewFinding> {
        let manager = manager.filter(|_| !by.is_empty())?;
        let mut finding = self.groups.unnamed(manager, now)?;
        self.groups.name(manager, &mut finding, by);
        Some(finding)
    }

    /// There is code in a process of the application that is not its executable's. `None` when all of it was told before.
    pub fn foreign_code(
        &mut self,
        application: &ApplicationKey,
        executable: &Executable,
        uid: Uid,
        found: Vec<ForeignCode>,
        now: UnixMillis,
    ) -> Option<NewFinding> {
        let mut is_ignored = false;
        if let Some(known) = self.applications.get_mut(application) {
            is_ignored = known.review == ReviewState::Ignored;
            if !known.remember_foreign(&found) {
                return None;
            }
        }
        if found.is_empty() {
            return None;
        }
        let is_explained = found.iter().all(|code| matches!(code.provenance, Some(Provenance::Verified(_))));
        let severity = if is_ignored || is_explained { Severity::Quiet } else { Severity::Loud };
        let evidence = Evidence { foreign_code: found, ..Evidence::default() };
        Some(about(FindingKind::ForeignCode, severity, application, executable.clone(), uid, evidence, now))
    }
}

fn severity_of(file: &FileChange, one: &Affected) -> Severity {
    let is_temporary = || TEMPORARY.iter().any(|folder| file.path.as_raw().starts_with(folder));
    match (one.review, file.change.kind) {
        (ReviewState::Ignored, _) => Severity::Quiet,
        (_, ChangeKind::Removed) if file.is_explained || one.has_newer_version || is_temporary() => {
            Severity::Quiet
        }
        // Nothing runs of it any more; what comes in its place is told.
        (_, ChangeKind::Removed) => Severity::Normal,
        _ => Severity::Loud,
    }
}

fn about(
    kind: FindingKind,
    severity: Severity,
    application: &ApplicationKey,
    executable: Executable,
    uid: Uid,
    evidence: Evidence,
    at: UnixMillis,
) -> NewFinding {
    let subject = Subject {
        application: application.clone(),
        executable,
        previous_sha256: None,
        parent: None,
        uid,
        remote: None,
        remote_name: None,
    };
    NewFinding::about(kind, severity, subject, evidence, at)
}
