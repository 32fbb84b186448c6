use std::{net::Ipv4Addr, sync::Arc};

use super::*;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const USER: Uid = Uid(1000);

fn executable(path: &str, content: u8) -> Executable {
    Executable { path: path.into(), sha256: Sha256Digest([content; 32]) }
}

fn curl(content: u8) -> (Lineage, ApplicationKey) {
    let parent = Lineage { executable: executable("/usr/bin/bash", 200), script: None, parent: None };
    let executable = executable("/usr/bin/curl", content);
    let application = ApplicationKey::of(&executable);
    (Lineage { executable, script: None, parent: Some(Arc::new(parent)) }, application)
}

fn observe(judge: &mut Judge, (lineage, application): &(Lineage, ApplicationKey)) -> Option<Verdict> {
    judge.observe(lineage, application, USER, None, NOW)
}

fn kind(judge: &mut Judge, program: &(Lineage, ApplicationKey)) -> Option<FindingKind> {
    observe(judge, program).map(|verdict| verdict.kind)
}

fn known(review: ReviewState, contents: &[u8]) -> Judge {
    let executables = contents.iter().map(|content| executable("/usr/bin/curl", *content)).collect();
    Judge::new([KnownApplication { application: curl(0).1, review, executables }])
}

#[test]
fn a_new_application_is_told_once_with_everything_known_about_it() {
    let mut judge = Judge::default();
    let (lineage, application) = curl(1);
    let remote = Endpoint { address: Ipv4Addr::LOCALHOST.into(), port: 443 };
    let verdict = judge.observe(&lineage, &application, USER, Some(remote), NOW);
    assert_eq!(
        verdict,
        Some(Verdict {
            kind: FindingKind::NewApplication,
            at: NOW,
            application: Some(application.clone()),
            executable: Some(executable("/usr/bin/curl", 1)),
            previous_sha256: None,
            parent_path: Some("/usr/bin/bash".into()),
            uid: Some(USER),
            remote: Some(remote),
            detail: None,
        })
    );
    assert_eq!(judge.observe(&lineage, &application, Uid(0), Some(remote), NOW), None);
    assert_eq!(judge.review_of(&application), Some(ReviewState::Unreviewed));
    assert_eq!(judge.unreviewed(), 1);
}

#[test]
fn what_the_history_knows_is_not_told() {
    for review in [ReviewState::Unreviewed, ReviewState::Approved, ReviewState::Ignored] {
        let mut judge = known(review, &[1, 2]);
        assert_eq!(kind(&mut judge, &curl(1)), None);
        assert_eq!(kind(&mut judge, &curl(2)), None);
    }
}

#[test]
fn a_changed_executable_is_told_once_with_the_newest_content_before_it() {
    for review in [ReviewState::Unreviewed, ReviewState::Approved] {
        let mut judge = known(review, &[1, 2]);
        let verdict = observe(&mut judge, &curl(3)).unwrap();
        assert_eq!(verdict.kind, FindingKind::ChangedExecutable);
        assert_eq!(verdict.previous_sha256, Some(Sha256Digest([2; 32])));
        assert_eq!(observe(&mut judge, &curl(3)), None);
        assert_eq!(judge.review_of(&curl(3).1), Some(review), "a change does not undo a review");
    }
}

#[test]
fn a_content_that_comes_back_is_neither_told_nor_the_newest() {
    let mut judge = known(ReviewState::Approved, &[1, 2]);
    assert_eq!(observe(&mut judge, &curl(1)), None);
    let verdict = observe(&mut judge, &curl(3)).unwrap();
    assert_eq!(verdict.previous_sha256, Some(Sha256Digest([2; 32])));
}

#[test]
fn a_change_of_an_application_approved_in_this_run_is_told() {
    let mut judge = Judge::default();
    assert_eq!(kind(&mut judge, &curl(1)), Some(FindingKind::NewApplication));
    assert!(judge.reviewed(&curl(1).1, ReviewState::Approved));
    assert_eq!(judge.unreviewed(), 0);
    assert_eq!(kind(&mut judge, &curl(1)), None);
    assert_eq!(kind(&mut judge, &curl(2)), Some(FindingKind::ChangedExecutable));
}

#[test]
fn an_ignored_application_is_remembered_and_not_told() {
    let mut judge = known(ReviewState::Ignored, &[1]);
    assert_eq!(observe(&mut judge, &curl(2)), None);
    assert!(judge.reviewed(&curl(2).1, ReviewState::Approved));
    assert_eq!(observe(&mut judge, &curl(2)), None, "what was seen while ignored is known");
    let verdict = observe(&mut judge, &curl(3)).unwrap();
    assert_eq!(verdict.previous_sha256, Some(Sha256Digest([2; 32])));
}

#[test]
fn a_second_path_of_a_known_application_has_no_previous_content() {
    let mut judge = known(ReviewState::Approved, &[1]);
    let application = curl(1).1;
    let lineage = Lineage { executable: executable("/opt/curl", 1), script: None, parent: None };
    let verdict = judge.observe(&lineage, &application, USER, None, NOW).unwrap();
    assert_eq!(
        (verdict.kind, verdict.previous_sha256, verdict.parent_path),
        (FindingKind::ChangedExecutable, None, None)
    );
}

#[test]
fn what_was_never_seen_cannot_be_reviewed() {
    let mut judge = Judge::default();
    assert!(!judge.reviewed(&curl(1).1, ReviewState::Approved));
    assert_eq!(kind(&mut judge, &curl(1)), Some(FindingKind::NewApplication));
}

#[test]
fn losses_are_told_once_until_answered() {
    let mut judge = Judge::default();
    assert_eq!(judge.lost_events(0, "exec events", NOW), None);
    let verdict = judge.lost_events(7, "exec events", NOW).unwrap();
    assert_eq!((verdict.kind, verdict.application, verdict.uid), (FindingKind::LostEvents, None, None));
    assert!(verdict.detail.unwrap().starts_with("7 exec events were lost"));
    assert_eq!(judge.lost_events(9, "exec events", NOW), None);
    judge.answered(FindingKind::LostEvents);
    assert!(judge.lost_events(1, "packets", NOW).is_some());
}

#[test]
fn a_failed_self_test_is_told_once_and_not_mixed_up_with_losses() {
    let mut judge = Judge::default();
    judge.is_open(FindingKind::LostEvents);
    assert_eq!(judge.lost_events(1, "exec events", NOW), None);
    let verdict = judge.self_test_failed("10 bytes moved, 9 counted.", NOW).unwrap();
    assert_eq!(verdict.detail.as_deref(), Some("10 bytes moved, 9 counted."));
    assert_eq!(judge.self_test_failed("again", NOW), None);
    assert!(judge.unbalanced("1 byte is missing.", NOW).is_some());
    assert_eq!(judge.unbalanced("again", NOW), None);
}
