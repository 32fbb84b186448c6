//! Findings about the daemon itself.

use super::*;

#[test]
fn losses_are_told_once_until_answered() {
    let mut judge = Judge::default();
    assert_eq!(judge.lost_events(0, "exec events", NOW), None);
    let found = judge.lost_events(7, "exec events", NOW).unwrap();
    assert_eq!((found.kind, found.severity, found.subject), (FindingKind::LostEvents, Normal, None));
    assert!(found.detail.unwrap().starts_with("7 exec events were lost"));
    assert_eq!(judge.lost_events(9, "exec events", NOW), None);
    judge.answered(FindingKind::LostEvents);
    assert!(judge.lost_events(1, "packets", NOW).is_some());
}

#[test]
fn a_failed_self_test_is_told_once_and_not_mixed_up_with_losses() {
    let mut judge = Judge::default();
    judge.is_open(FindingKind::LostEvents);
    assert_eq!(judge.lost_events(1, "exec events", NOW), None);
    let found = judge.self_test_failed("10 bytes moved, 9 counted.", NOW).unwrap();
    assert_eq!(found.detail.as_deref(), Some("10 bytes moved, 9 counted."));
    assert_eq!(judge.self_test_failed("again", NOW), None);
    assert!(judge.unbalanced("1 byte is missing.", NOW).is_some());
    assert_eq!(judge.unbalanced("again", NOW), None);
}
