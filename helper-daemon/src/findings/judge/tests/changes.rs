//! Files that change, and foreign code.

use portolan_core::{ChangeEvidence, ChangeKind, ForeignCode, ForeignCodeKind, Pid, ProcessEvidence};

use super::*;
use crate::findings::FileChange;

fn change(kind: ChangeKind, content: Option<u8>, provenance: Option<Provenance>) -> ChangeEvidence {
    let sha256 = content.map(|content| Sha256Digest([content; 32]));
    ChangeEvidence { kind, at: NOW, by: Vec::new(), provenance, sha256 }
}

fn changed(judge: &mut Judge, change: ChangeEvidence) -> Option<NewFinding> {
    let mut found = judge.changed_file(&file("/usr/bin/curl", change), NOW);
    assert!(found.len() <= 1, "{found:?}");
    found.pop()
}

fn file(path: &str, change: ChangeEvidence) -> FileChange {
    let (path, before) = (path.into(), Sha256Digest([1; 32]));
    FileChange { application: key(), path, is_on_machine: true, before, change, is_explained: false }
}

/// The same, by somebody who was seen.
fn by_somebody(mut change: ChangeEvidence) -> ChangeEvidence {
    change.by = vec![ProcessEvidence {
        pid: Pid(7),
        started: NOW,
        uid: Uid(0),
        path: "/usr/bin/cp".into(),
        sha256: None,
        command_line: None,
        working_directory: None,
    }];
    change
}

/// Scripts of one interpreter, each used by a user.
fn scripts(of: &[(&str, u32, ReviewState)]) -> Judge {
    Judge::new(of.iter().map(|(path, uid, review)| KnownApplication {
        application: ApplicationKey::of_path(&executable(path, 1)),
        review: *review,
        executables: vec![executable("/opt/python", 1), executable(path, 1)],
        told: Vec::new(),
        last_uid: Some(Uid(*uid)),
    }))
}

/// A script that talks, with this content of the interpreter.
fn script(path: &str, content: u8) -> Program {
    let mut program = Program::of("/opt/python", content, Provenance::Unowned);
    program.application = ApplicationKey::of_path(&executable(path, 1));
    program
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
    let mut judge = known(ReviewState::Approved, &[]);
    assert_eq!(changed(&mut judge, super::changes::change(ChangeKind::Removed, None, None)), None);
}

#[test]
fn what_nobody_was_seen_to_do_and_was_known_or_told_is_not_told_after_a_restart() {
    let replaced = |content| change(ChangeKind::Replaced, Some(content), Some(Provenance::Unowned));
    let mut judge = known(ReviewState::Approved, &[1, 2]);
    assert_eq!(changed(&mut judge, replaced(1)), None, "it was seen before the newest");
    assert!(changed(&mut judge, by_somebody(replaced(1))).is_some(), "somebody put the old one back");
    assert!(changed(&mut judge, replaced(3)).is_some());
    assert_eq!(changed(&mut judge, replaced(3)), None, "it was told");
    assert!(changed(&mut judge, by_somebody(replaced(3))).is_some());
    let told = vec![(executable("/usr/bin/curl", 3), USER)];
    let executables = vec![executable("/usr/bin/curl", 1)];
    let review = ReviewState::Approved;
    let restored = KnownApplication { application: key(), review, executables, told, last_uid: Some(USER) };
    let mut judge = Judge::new([restored]);
    assert_eq!(changed(&mut judge, replaced(3)), None);
    assert_eq!(told_of(&mut judge, 3), [(ChangedExecutable, Loud)], "it was not approved");
    assert!(changed(&mut judge, replaced(4)).is_some());
}

fn told_of(judge: &mut Judge, content: u8) -> Vec<(FindingKind, Severity)> {
    told(judge, &curl(content))
}

#[test]
fn an_interpreter_is_told_once_to_each_user_for_all_its_scripts() {
    use ReviewState::{Approved, Ignored};
    let of = [("/a", 1, Ignored), ("/b", 1, Approved), ("/c", 1, Approved), ("/d", 2, Approved)];
    let mut judge = scripts(&of);
    let replaced = |content| by_somebody(change(ChangeKind::Replaced, Some(content), None));
    let mut changed = file("/opt/python", replaced(2));
    changed.application = ApplicationKey::of_path(&executable("/a", 1));
    let found = judge.changed_file(&changed, NOW);
    let found: Vec<_> = found
        .iter()
        .map(|found| (found.severity, found.subject.as_ref().map(|subject| subject.uid).unwrap()))
        .collect();
    assert_eq!(found, [(Loud, Uid(1)), (Loud, Uid(2))], "that the first one is ignored hides nothing");
    let talks = |judge: &mut Judge, path: &str, uid: u32, content: u8| {
        let program = script(path, content);
        judge.observe(&Talk { uid: Uid(uid), ..program.talk() }, NOW).len()
    };
    let loud = ["/b", "/c", "/a"].map(|path| talks(&mut judge, path, 1, 2));
    assert_eq!((loud, talks(&mut judge, "/d", 2, 2)), ([1, 0, 0], 1));

    // What somebody approved is approved for all of that user's.
    changed.change = replaced(3);
    assert_eq!(judge.changed_file(&changed, NOW).len(), 2);
    assert!(judge.reviewed(&ApplicationKey::of_path(&executable("/b", 1)), Approved));
    assert_eq!((talks(&mut judge, "/c", 1, 3), talks(&mut judge, "/d", 2, 3)), (0, 1));

    // Of a container's file nobody else is concerned.
    changed.is_on_machine = false;
    changed.change = replaced(4);
    let found = judge.changed_file(&changed, NOW);
    assert_eq!((found.len(), found[0].severity), (1, Quiet));
}

#[test]
fn what_a_package_manager_installs_without_a_checksum_is_quiet_and_known() {
    let unchecked = || Some(Provenance::Unchecked(package()));
    let mut judge = known(ReviewState::Approved, &[1]);
    let mut file = file("/usr/bin/curl", by_somebody(change(ChangeKind::Replaced, Some(2), unchecked())));
    file.is_explained = true;
    let found = judge.changed_file(&file, NOW);
    assert_eq!((found.len(), found[0].kind, found[0].severity), (1, Upgraded, Quiet));
    assert_eq!(told_of(&mut judge, 2), []);
}

#[test]
fn who_made_an_upgrade_is_told_also_when_what_it_brought_talks_before_that_is_seen() {
    let mut judge = known(ReviewState::Approved, &[1]);
    let talked = judge.observe(&Program::of("/usr/bin/curl", 2, verified()).talk(), NOW).remove(0);
    assert_eq!((talked.kind, talked.evidence.process), (Upgraded, None));
    let upgrade = || by_somebody(change(ChangeKind::Replaced, Some(2), Some(verified())));
    let named = changed(&mut judge, upgrade()).unwrap();
    assert_eq!((named.kind, named.group), (Upgraded, talked.group));
    assert_eq!((named.evidence.members, named.evidence.process.unwrap().pid), (Vec::new(), Pid(7)));
    assert_eq!(changed(&mut judge, upgrade()), None);
}

#[test]
fn what_dpkg_runs_of_its_packages_is_not_loud_below_dpkg_and_quiet_where_it_is_one_package_s() {
    let parent = |path| Lineage { executable: executable(path, 100), script: None, parent: None };
    let (installed, unpacked) = ("/var/lib/dpkg/info/curl.postinst", "/var/lib/dpkg/tmp.ci/preinst");
    let cases = [
        (installed, "/usr/bin/dpkg", [(NewApplication, Normal), (Upgraded, Quiet)]),
        (installed, "/tmp/dpkg", [(NewApplication, Loud), (ChangedExecutable, Loud)]),
        (unpacked, "/usr/bin/dpkg", [(NewApplication, Normal), (ChangedExecutable, Normal)]),
        (unpacked, "/tmp/dpkg", [(NewApplication, Loud), (ChangedExecutable, Loud)]),
    ];
    for (path, parent_path, expected) in cases {
        let mut judge = Judge::default();
        judge.learn(true);
        let mut all = Vec::new();
        for content in [1, 2] {
            let mut program = Program::of("/usr/bin/dash", 9, verified());
            let sha256 = Some(Sha256Digest([content; 32]));
            program.lineage.script = Some(FileContent { path: path.into(), sha256 });
            program.lineage.parent = Some(Arc::new(parent(parent_path)));
            program.application = format!("script:/usr/bin/dash:{path}").parse().unwrap();
            program.code = Some(Provenance::Unowned);
            let talk = Talk { uid: Uid(0), ..program.talk() };
            let found = judge.observe(&talk, NOW);
            all.extend(found.iter().map(|found| (found.kind, found.severity)));
        }
        assert_eq!(all, expected, "{path} below {parent_path}");
    }
}

#[test]
fn what_is_removed_is_quiet_where_a_newer_version_is_known_or_nothing_lasts() {
    let paths = ["/opt/x-1.9/x", "/opt/x-1.10/x", "/opt/tool.py", "/tmp/x"];
    let executables = paths.iter().map(|path| executable(path, 1)).collect();
    let review = ReviewState::Approved;
    let known =
        KnownApplication { application: key(), review, executables, told: Vec::new(), last_uid: Some(USER) };
    let mut judge = Judge::new([known]);
    let severities = paths.map(|path| {
        let removed = by_somebody(change(ChangeKind::Removed, None, None));
        judge.changed_file(&file(path, removed), NOW)[0].severity
    });
    assert_eq!(severities, [Quiet, Normal, Normal, Quiet]);
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
        told: Vec::new(),
    };
    let ignored = of("/a.pl", ReviewState::Ignored);
    for (other, expected) in
        [(ReviewState::Approved, Loud), (ReviewState::Unreviewed, Loud), (ReviewState::Ignored, Quiet)]
    {
        let mut judge = Judge::new([ignored.clone(), of("/b.pl", other)]);
        let change = change(ChangeKind::Replaced, Some(2), Some(Provenance::Unowned));
        let changed = FileChange { application: application("/a.pl"), ..file("/opt/perl", change) };
        let found = judge.changed_file(&changed, NOW).remove(0);
        let told = found.subject.unwrap().application;
        let concerned = if expected == Loud { "/b.pl" } else { "/a.pl" };
        assert_eq!((found.severity, told), (expected, application(concerned)));
    }
}

#[test]
fn a_changed_file_names_all_applications_of_the_user_that_have_it() {
    use ReviewState::{Approved, Ignored, Unreviewed};
    let key = |path| ApplicationKey::of_path(&executable(path, 1));
    let of =
        [("/opt/a", 7, Approved), ("/opt/b", 7, Unreviewed), ("/opt/c", 7, Ignored), ("/opt/d", 8, Approved)];
    let change = by_somebody(change(ChangeKind::Written, Some(2), None));
    let found = scripts(&of).changed_file(&file("/opt/python", change.clone()), NOW);
    let told: Vec<_> = found
        .iter()
        .map(|finding| {
            (finding.subject.as_ref().unwrap().application.clone(), &finding.evidence.shared_with[..])
        })
        .collect();
    let others = [key("/opt/b"), key("/opt/c")];
    assert_eq!(told, [(key("/opt/a"), &others[..]), (key("/opt/d"), &[][..])]);

    let many: Vec<String> = (0..500).map(|number| format!("/opt/{number}")).collect();
    let many: Vec<_> = many.iter().map(|path| (path.as_str(), 7, Approved)).collect();
    let found = scripts(&many).changed_file(&file("/opt/python", change), NOW);
    assert_eq!((found.len(), found[0].evidence.shared_with.len()), (1, 64));
}
