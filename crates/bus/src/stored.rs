//! Findings and applications of the history, as the bus carries them: for whoever asks a history itself.

use portolan_core::{Endpoint, Severity as Loudness, Untrusted};
use portolan_history::{ApplicationRow, Content, FindingRow, FindingState as Stored, NewFinding};

use crate::{Application, Finding, FindingState, Provenance, Script, Severity};

impl Finding {
    /// A stored finding.
    #[must_use]
    pub fn found(row: FindingRow) -> Self {
        let FindingRow { id, state, finding, times, updated, snoozed_until, answered } = row;
        let NewFinding { at, kind, severity, subject, user, group: _, detail, evidence } = finding;
        let mut finding = Finding {
            id,
            kind: kind.to_string(),
            severity: match severity {
                Loudness::Quiet => Severity::Quiet,
                Loudness::Normal => Severity::Normal,
                Loudness::Loud => Severity::Loud,
            },
            state: match state {
                Stored::Open => FindingState::Open,
                Stored::Approved => FindingState::Approved,
                Stored::Ignored => FindingState::Ignored,
            },
            unix_ms: at.0,
            updated_unix_ms: updated.0,
            times,
            snoozed_until_unix_ms: snoozed_until.map(|until| until.0),
            answered_by: answered.map(|answered| answered.by.0),
            answered_unix_ms: answered.map(|answered| answered.at.0),
            application: None,
            path: evidence.unidentified.first().map(raw),
            sha256: None,
            previous_sha256: None,
            parent_path: evidence
                .parents
                .first()
                .filter(|_| subject.is_none())
                .map(|parent| raw(&parent.path)),
            uid: user.map(|uid| uid.0),
            remote: None,
            remote_name: None,
            remote_name_inferred: false,
            detail,
            evidence: (!evidence.is_empty()).then(|| evidence.to_json()),
        };
        if let Some(subject) = subject {
            finding.application = Some(raw(subject.application.as_untrusted()));
            finding.path = Some(raw(&subject.executable.path));
            finding.sha256 = Some(subject.executable.sha256.to_string());
            finding.previous_sha256 = subject.previous_sha256.map(|digest| digest.to_string());
            finding.parent_path = subject.parent.map(|parent| raw(&parent.path));
            finding.uid = Some(subject.uid.0);
            finding.remote = subject.remote.as_ref().map(Endpoint::to_string);
            finding.remote_name_inferred = subject.remote_name.as_ref().is_some_and(|name| name.is_inferred);
            finding.remote_name = subject.remote_name.map(|name| name.domain.into());
        }
        finding
    }
}

impl Application {
    /// An application and its review.
    #[must_use]
    pub fn found(row: ApplicationRow) -> Self {
        let ApplicationRow { application, executable, script, review, first, last, executables } = row;
        Application {
            application: application.as_untrusted().as_raw().to_owned(),
            path: executable.file.path.as_raw().to_owned(),
            sha256: executable.file.sha256.to_string(),
            provenance: provenance(&executable),
            script: script.map(|script| Script {
                path: script.file.path.as_raw().to_owned(),
                sha256: script.file.sha256.to_string(),
                provenance: provenance(&script),
            }),
            review: review.to_string(),
            first_unix_ms: first.0,
            last_unix_ms: last.0,
            executables,
        }
    }
}

fn provenance(content: &Content) -> Option<Provenance> {
    content.provenance.as_ref().map(Provenance::from)
}

fn raw(text: &Untrusted) -> String {
    text.as_raw().to_owned()
}
