//! What is found about an application while it does not talk.

use portolan_core::{
    ApplicationKey, ChangeEvidence, ChangeKind, Evidence, Executable, FindingKind, ForeignCode, Member,
    Provenance, ReviewState, Severity, Uid, UnixMillis, Untrusted,
};
use portolan_history::{NewFinding, Subject};

use super::{Judge, Known};

impl Judge {
    /// The file of an application that has talked was changed on disk.
    ///
    /// `None` when that is nothing to tell: nobody knows the application, or the file holds the same as before. The hash of the
    /// finding's executable is the content that was known; the new one stands in the evidence.
    pub fn changed_file(
        &mut self,
        application: &ApplicationKey,
        path: &Untrusted,
        change: ChangeEvidence,
        now: UnixMillis,
    ) -> Option<NewFinding> {
        let application = &self.concerned(application, path);
        let known = self.applications.get_mut(application)?;
        let before = known.newest(path);
        let is_content = matches!(change.kind, ChangeKind::Written | ChangeKind::Replaced);
        if is_content && change.sha256.is_some() && change.sha256 == before {
            return None;
        }
        let uid = known.last_uid;
        let explained_by = change.provenance.as_ref().and_then(Provenance::explained_by);
        if let (true, Some(sha256), Some(manager)) = (is_content, change.sha256, explained_by) {
            known.remember(path, sha256);
            let member = Member {
                application: application.clone(),
                uid,
                path: path.clone(),
                before,
                after: Some(sha256),
                provenance: change.provenance.clone(),
            };
            return Some(self.groups.upgraded(manager, member, now));
        }
        let sha256 = before.or(change.sha256)?;
        if is_content {
            known.told_of(path, change.sha256);
        }
        let severity = match (known.review, change.kind) {
            (ReviewState::Ignored, _) => Severity::Quiet,
            // Nothing runs of it any more; what comes in its place is told.
            (_, ChangeKind::Removed) => Severity::Normal,
            _ => Severity::Loud,
        };
        let executable = Executable { path: path.clone(), sha256 };
        let evidence = Evidence { change: Some(change), ..Evidence::default() };
        Some(about(FindingKind::ChangedFile, severity, application, executable, uid, evidence, now))
    }

    /// The application to tell of a change of this file: one that is not ignored, where several run it (an interpreter).
    fn concerned(&self, application: &ApplicationKey, path: &Untrusted) -> ApplicationKey {
        let is_ignored = |known: &Known| known.review == ReviewState::Ignored;
        if !application.is_of_the_machine() || !self.applications.get(application).is_some_and(is_ignored) {
            return application.clone();
        }
        let others = self.applications.iter().filter(|(other, known)| {
            other.is_of_the_machine() && !is_ignored(known) && known.newest(path).is_some()
        });
        others.map(|(other, _)| other).min().unwrap_or(application).clone()
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
    };
    NewFinding { at, kind, severity, subject: Some(subject), group: None, detail: None, evidence }
}
