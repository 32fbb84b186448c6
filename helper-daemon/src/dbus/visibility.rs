use portolan_bus::{Access, Finding, LiveTick, Severity};
use portolan_config::Notifications;
use portolan_core::{Evidence, FindingKind, ProcessEvidence, Severity as Found};

use super::Viewer;

/// A tick with the rows that the viewer may see. It is there even without rows: it says that the daemon is alive.
pub(super) fn tick(viewer: Viewer, tick: &LiveTick) -> LiveTick {
    let shows = |uid: u32| viewer.access == Access::All || uid == viewer.uid.0;
    LiveTick {
        unix_ms: tick.unix_ms,
        interval_ms: tick.interval_ms,
        rows: tick.rows.iter().filter(|row| shows(row.uid)).cloned().collect(),
    }
}

/// Whether the viewer may see a finding. What the machine's configuration does not let disturb a person is quiet; the history keeps
/// how severe it is.
pub(super) fn show(viewer: Viewer, notifications: &Notifications, finding: &mut Finding) -> bool {
    let severity = match finding.severity {
        Severity::Quiet => Found::Quiet,
        Severity::Normal => Found::Normal,
        Severity::Loud => Found::Loud,
    };
    if finding.kind.parse().is_ok_and(|kind| !notifications.tell(kind, severity)) {
        finding.severity = Severity::Quiet;
    }
    restrict(viewer, finding)
}

/// Whether the viewer may see a finding; takes out of it what they may not.
///
/// With one's own uid: findings of that uid, and those about the daemon itself (neither application nor uid), because
/// they say how far one's own figures can be trusted. Of those about several applications, the members of that uid; without
/// any, none. What started a program is part of the evidence whoever ran it, but not the arguments and folders of others.
fn restrict(viewer: Viewer, finding: &mut Finding) -> bool {
    if viewer.access == Access::All {
        return true;
    }
    let is_theirs = match finding.uid {
        Some(uid) => uid == viewer.uid.0,
        None => finding.application.is_none() && finding.path.is_none(),
    };
    let Some(json) = finding.evidence.take().filter(|_| is_theirs) else {
        return is_theirs && !is_group(finding);
    };
    let mut evidence = Evidence::from_json(&json);
    evidence.members.retain(|member| member.uid == viewer.uid);
    let others = evidence.processes_mut().filter(|process| process.uid != viewer.uid);
    others.for_each(ProcessEvidence::forget_arguments);
    let is_empty = evidence.members.is_empty();
    finding.evidence = (!evidence.is_empty()).then(|| evidence.to_json());
    !(is_empty && is_group(finding))
}

/// Whether it is about several applications. A kind that is not known is one: it might be.
fn is_group(finding: &Finding) -> bool {
    match finding.kind.parse() {
        Ok(FindingKind::Baseline | FindingKind::Upgraded) | Err(_) => true,
        Ok(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use portolan_bus::FindingState;
    use portolan_core::{Member, Pid, Uid, UnixMillis};

    use super::*;

    const OWN: Viewer = Viewer { uid: Uid(1000), access: Access::Own };

    fn finding(kind: &str, uid: Option<u32>, evidence: &Evidence) -> Finding {
        Finding {
            id: 1,
            kind: kind.to_owned(),
            severity: Severity::Quiet,
            state: FindingState::Open,
            unix_ms: 0,
            updated_unix_ms: 0,
            times: 1,
            snoozed_until_unix_ms: None,
            answered_by: None,
            answered_unix_ms: None,
            application: uid.map(|_| "path:/bin/a".to_owned()),
            path: uid.map(|_| "/bin/a".to_owned()),
            sha256: None,
            previous_sha256: None,
            parent_path: None,
            uid,
            remote: None,
            remote_name: None,
            remote_name_inferred: false,
            detail: None,
            evidence: (!evidence.is_empty()).then(|| evidence.to_json()),
        }
    }

    fn member(uid: u32) -> Member {
        let (application, path) = ("/bin/a".parse().unwrap(), "/bin/a".into());
        Member { application, uid: Uid(uid), path, before: None, after: None, provenance: None }
    }

    fn process(uid: u32) -> ProcessEvidence {
        ProcessEvidence {
            pid: Pid(7),
            started: UnixMillis(0),
            uid: Uid(uid),
            path: "/bin/a".into(),
            sha256: None,
            command_line: Some("a secret".into()),
            working_directory: Some("/home".into()),
        }
    }

    fn seen(kind: &str, uid: Option<u32>, evidence: &Evidence) -> Option<Evidence> {
        let mut finding = finding(kind, uid, evidence);
        let all = Viewer { uid: Uid(5), access: Access::All };
        let whole = finding.clone();
        assert!(restrict(all, &mut finding) && finding == whole);
        restrict(OWN, &mut finding).then(|| Evidence::from_json(&finding.evidence.unwrap_or_default()))
    }

    #[test]
    fn members_of_other_users_are_taken_out() {
        let members = |uids: &[u32]| Evidence {
            members: uids.iter().copied().map(member).collect(),
            ..Evidence::default()
        };
        for kind in ["baseline", "upgraded", "a kind of a newer daemon"] {
            assert_eq!(seen(kind, None, &members(&[0, 1000, 5])), Some(members(&[1000])));
            assert_eq!(seen(kind, None, &members(&[0, 5])), None);
            assert_eq!(seen(kind, None, &members(&[])), None);
        }
        assert_eq!(seen("lost-events", None, &members(&[])), Some(Evidence::default()));
    }

    #[test]
    fn others_findings_and_the_arguments_of_others_are_not_shown() {
        let evidence = Evidence {
            process: Some(process(1000)),
            parents: vec![process(1000), process(0)],
            parent_now: Some(process(0)),
            ..Evidence::default()
        };
        assert_eq!(seen("new-application", Some(0), &evidence), None);
        let shown = seen("new-application", Some(1000), &evidence).unwrap();
        let bare = ProcessEvidence { command_line: None, working_directory: None, ..process(0) };
        assert_eq!(shown.process, Some(process(1000)));
        assert_eq!(shown.parents, [process(1000), bare.clone()]);
        assert_eq!(shown.parent_now, Some(bare));
    }
}
