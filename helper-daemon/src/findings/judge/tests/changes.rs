//! Files that change, and foreign code.

use portolan_core::{ChangeEvidence, ChangeKind, ForeignCode, ForeignCodeKind};

use super::*;

fn change(kind: ChangeKind, content: Option<u8>, provenance: Option<Provenance>) -> ChangeEvidence {
    let sha256 = content.map(|content| Sha256Digest([content; 32]));
    ChangeEvidence { kind, at: NOW, by: Vec::new(), provenance, sha256 }
}

fn changed(judge: &mut Judge, change: ChangeEvidence) -> Option<NewFinding> {
    judge.changed_file(&key(), &"/usr/bin/curl".into(), change, NOW)
}

fn code(content: u8, provenance: Option<Provenance>) -> ForeignCode {
    ForeignCode {
        kind: ForeignCodeKind::Preload,
        path: "/tmp/x.so".into(),
        sha256: Some(Sha256Digest([content; 32])),
        provenance,
        since: NOW,
    }
}

fn injected(judge: &mut Judge, found: Vec<ForeignCode>) -> Option<Severity> {
    let executable = executable("/usr/bin/curl", 1);
    judge.foreign_code(&key(), &executable, USER, found, NOW).map(|found| found.severity)
}

#[test]
fn only_what_a_package_ships_explains_a_changed_file() {
    use ChangeKind::{Attributes, Removed, Replaced, Written};
    let modified = || Some(Provenance::Modified(package()));
    let cases = [
        (change(Replaced, Some(2), Some(verified())), Some((Upgraded, Quiet))),
        (change(Written, Some(2), Some(verified())), Some((Upgraded, Quiet))),
        (change(Replaced, Some(2), modified()), Some((ChangedFile, Loud))),
        (change(Replaced, Some(2), Some(Provenance::Unowned)), Some((ChangedFile, Loud))),
        (change(Written, Some(2), None), Some((ChangedFile, Loud))),
        (change(Written, None, Some(Provenance::not_looked_at())), Some((ChangedFile, Loud))),
        (change(Attributes, Some(1), Some(verified())), Some((ChangedFile, Loud))),
        (change(Removed, None, None), Some((ChangedFile, Normal))),
        (change(Replaced, Some(1), Some(verified())), None),
        (change(Written, Some(1), None), None),
    ];
    for (change, expected) in cases {
        let mut judge = known(ReviewState::Approved, &[1]);
        let found = changed(&mut judge, change.clone());
        assert_eq!(found.as_ref().map(|found| (found.kind, found.severity)), expected, "{change:?}");
        if let Some(NewFinding { subject: Some(subject), evidence, .. }) = found {
            assert_eq!((subject.executable, subject.uid), (executable("/usr/bin/curl", 1), USER));
            assert_eq!(evidence.change, Some(change));
        }
    }
}

#[test]
fn what_a_package_brought_is_known_when_it_talks() {
    let mut judge = known(ReviewState::Approved, &[1]);
    changed(&mut judge, change(ChangeKind::Replaced, Some(2), Some(verified()))).unwrap();
    assert_eq!(told(&mut judge, &Program::of("/usr/bin/curl", 2, verified())), []);
}

#[test]
fn an_unexplained_change_is_told_again_when_it_talks_unless_it_was_approved() {
    for (review, expected) in [(None, vec![(ChangedExecutable, Loud)]), (Some(ReviewState::Approved), vec![])]
    {
        let mut judge = known(ReviewState::Approved, &[1]);
        changed(&mut judge, change(ChangeKind::Replaced, Some(2), None)).unwrap();
        assert!(review.is_none_or(|review| judge.reviewed(&key(), review)));
        assert_eq!(told(&mut judge, &curl(2)), expected);
        assert_eq!(told(&mut judge, &curl(3)), [(ChangedExecutable, Loud)], "only that content was approved");
    }
}

#[test]
fn the_file_and_the_code_of_an_ignored_application_are_noted_quietly() {
    let mut judge = known(ReviewState::Ignored, &[1]);
    for kind in [ChangeKind::Replaced, ChangeKind::Removed, ChangeKind::Attributes] {
        assert_eq!(changed(&mut judge, change(kind, Some(2), None)).unwrap().severity, Quiet);
    }
    assert_eq!(injected(&mut judge, vec![code(1, None)]), Some(Quiet));
}

#[test]
fn nobody_is_told_of_a_file_that_no_known_application_has() {
    let change = change(ChangeKind::Written, Some(2), None);
    assert_eq!(changed(&mut Judge::default(), change.clone()), None);
    let mut judge = known(ReviewState::Approved, &[]);
    assert!(changed(&mut judge, change).is_some(), "the application is known, if not by this file");
    assert_eq!(changed(&mut judge, super::changes::change(ChangeKind::Removed, None, None)), None);
}

#[test]
fn foreign_code_is_loud_once_unless_all_of_it_is_what_packages_ship() {
    let mut judge = known(ReviewState::Approved, &[1]);
    assert_eq!(injected(&mut judge, Vec::new()), None);
    assert_eq!(injected(&mut judge, vec![code(1, Some(verified()))]), Some(Quiet));
    assert_eq!(injected(&mut judge, vec![code(1, Some(verified()))]), None);
    let both = vec![code(1, Some(verified())), code(2, Some(Provenance::Unowned))];
    assert_eq!(injected(&mut judge, both.clone()), Some(Loud));
    assert_eq!(injected(&mut judge, both), None);
    assert_eq!(injected(&mut Judge::default(), vec![code(2, None)]), Some(Loud));
}

#[test]
fn an_ignored_application_does_not_hide_a_change_of_what_another_runs_too() {
    let interpreter = || executable("/opt/perl", 1);
    let application =
        |script: &str| -> ApplicationKey { format!("script:/opt/perl:{script}").parse().unwrap() };
    let of = |script, review| KnownApplication {
        application: application(script),
        review,
        executables: vec![interpreter()],
        last_uid: Some(USER),
    };
    let ignored = of("/a.pl", ReviewState::Ignored);
    for (other, expected) in
        [(ReviewState::Approved, Loud), (ReviewState::Unreviewed, Loud), (ReviewState::Ignored, Quiet)]
    {
        let mut judge = Judge::new([ignored.clone(), of("/b.pl", other)]);
        let change = change(ChangeKind::Replaced, Some(2), Some(Provenance::Unowned));
        let found = judge.changed_file(&application("/a.pl"), &"/opt/perl".into(), change, NOW).unwrap();
        let told = found.subject.unwrap().application;
        let concerned = if expected == Loud { "/b.pl" } else { "/a.pl" };
        assert_eq!((found.severity, told), (expected, application(concerned)));
    }
}
