//! Findings between the judge, the history and the bus.

use portolan_bus::{Finding, FindingState};
use portolan_core::{ApplicationKey, Endpoint, Executable};
use portolan_history::{FindingRow, FindingState as Stored, NewFinding, Subject};

use crate::findings::Verdict;

/// A verdict as the history keeps it; `parent` is what started the program.
pub(super) fn to_history(verdict: Verdict, parent: Option<Executable>) -> NewFinding {
    let subject = match (verdict.application, verdict.executable, verdict.uid) {
        (Some(application), Some(executable), Some(uid)) => Some(Subject {
            application,
            executable,
            previous_sha256: verdict.previous_sha256,
            parent,
            uid,
            remote: verdict.remote,
        }),
        _ => None,
    };
    NewFinding { at: verdict.at, kind: verdict.kind, subject, detail: verdict.detail }
}

/// A stored finding as the bus carries it.
pub(super) fn to_wire(row: FindingRow) -> Finding {
    let FindingRow { id, state, finding: NewFinding { at, kind, subject, detail }, .. } = row;
    let mut finding = Finding {
        id,
        kind: kind.to_string(),
        state: match state {
            Stored::Open => FindingState::Open,
            Stored::Approved => FindingState::Approved,
            Stored::Ignored => FindingState::Ignored,
        },
        unix_ms: at.0,
        application: None,
        path: None,
        sha256: None,
        previous_sha256: None,
        parent_path: None,
        uid: None,
        remote: None,
        detail,
    };
    if let Some(subject) = subject {
        finding.application = Some(raw(&subject.application));
        finding.path = Some(subject.executable.path.as_raw().to_owned());
        finding.sha256 = Some(subject.executable.sha256.to_string());
        finding.previous_sha256 = subject.previous_sha256.map(|digest| digest.to_string());
        finding.parent_path = subject.parent.map(|parent| parent.path.as_raw().to_owned());
        finding.uid = Some(subject.uid.0);
        finding.remote = subject.remote.as_ref().map(Endpoint::to_string);
    }
    finding
}

fn raw(application: &ApplicationKey) -> String {
    application.as_untrusted().as_raw().to_owned()
}
