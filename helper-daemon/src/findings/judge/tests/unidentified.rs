use portolan_core::Unattributed;

use super::*;
use crate::findings::Unidentified;

fn found(reason: Unattributed, path: &str) -> Unidentified {
    Unidentified { uid: USER, reason, path: path.into(), was_seen: true, has_ended: false }
}

#[test]
fn only_reasons_that_say_something_of_a_program_are_told() {
    use Unattributed::{FileChanged, FileUnavailable, FileUnreadable};
    let told = |found: &Unidentified| {
        let finding = Judge::default().unidentified(found, NOW)?;
        assert_eq!(
            (finding.kind, finding.user, finding.subject),
            (FindingKind::Unidentified, Some(USER), None)
        );
        assert_eq!(finding.group, Some(format!("1000 {}", found.reason)));
        assert_eq!(finding.evidence.unidentified, ["/tmp/x".into()]);
        Some(finding.severity)
    };
    for reason in Unattributed::ALL {
        let seen = found(reason, "/tmp/x");
        let found_running = Unidentified { was_seen: false, ..seen.clone() };
        let over = |found: &Unidentified| Unidentified { has_ended: true, ..found.clone() };
        let all = [&seen, &over(&seen), &found_running, &over(&found_running)].map(told);
        let expected = match reason {
            FileUnavailable => [Some(Loud), Some(Normal), Some(Normal), None],
            FileChanged | FileUnreadable => [Some(Loud), Some(Loud), Some(Normal), Some(Normal)],
            _ => [None; 4],
        };
        assert_eq!(all, expected, "{reason}");
    }
}

#[test]
fn each_path_is_told_once_and_not_many_before_somebody_answers() {
    let mut judge = Judge::default();
    let tell = |judge: &mut Judge, path: &str| {
        judge.unidentified(&found(Unattributed::FileChanged, path), NOW).is_some()
    };
    assert!(tell(&mut judge, "/tmp/x") && !tell(&mut judge, "/tmp/x") && tell(&mut judge, "/tmp/y"));
    let told = (0..1000).filter(|number| tell(&mut judge, &format!("/tmp/{number}"))).count();
    assert_eq!(told, 30);
    let other = Unidentified { uid: Uid(0), ..found(Unattributed::FileChanged, "/tmp/x") };
    assert!(judge.unidentified(&other, NOW).is_some(), "another user is told");
    judge.answered(FindingKind::Unidentified);
    assert!(tell(&mut judge, "/tmp/z"));
}

#[test]
fn what_is_louder_is_told_whatever_was_told_before() {
    let mut judge = Judge::default();
    let mut tell = |path: &str, has_ended| {
        let found = Unidentified { has_ended, ..found(Unattributed::FileUnavailable, path) };
        judge.unidentified(&found, NOW).map(|finding| finding.severity)
    };
    assert_eq!((tell("/tmp/x", true), tell("/tmp/x", true)), (Some(Normal), None));
    for number in 1..1000 {
        tell(&format!("/tmp/{number}"), true);
    }
    assert_eq!(
        [tell("/tmp/other", true), tell("/tmp/other", false), tell("/tmp/more", false)],
        [None, Some(Loud), None]
    );
    assert_eq!(
        [tell("/tmp/x", false), tell("/tmp/x", false), tell("/tmp/x", true)],
        [Some(Loud), None, None]
    );
}
