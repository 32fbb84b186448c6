use std::{net::Ipv4Addr, sync::Arc};

use portolan_core::{NameSource, Package, PackageManager};

use super::*;

mod changes;
mod daemon;
mod learning;
mod unidentified;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const USER: Uid = Uid(1000);

fn package() -> Package {
    Package { manager: PackageManager::Deb, name: "curl".into(), version: "7.88.1-10".into() }
}

fn verified() -> Provenance {
    Provenance::Verified(package())
}

fn executable(path: &str, content: u8) -> Executable {
    Executable { path: path.into(), sha256: Sha256Digest([content; 32]) }
}

/// A program as it is executed.
struct Program {
    lineage: Lineage,
    application: ApplicationKey,
    provenance: Provenance,
    code: Option<Provenance>,
}

impl Program {
    fn of(path: &str, content: u8, provenance: Provenance) -> Self {
        let parent = Lineage { executable: executable("/usr/bin/bash", 200), script: None, parent: None };
        let executable = executable(path, content);
        let application = ApplicationKey::of_path(&executable);
        let lineage = Lineage { executable, script: None, parent: Some(Arc::new(parent)) };
        Self { lineage, application, provenance, code: None }
    }

    /// The same, running a script; the application is the script's.
    fn with_script(mut self, content: Option<u8>, provenance: Option<Provenance>) -> Self {
        let sha256 = content.map(|content| Sha256Digest([content; 32]));
        self.lineage.script = Some(FileContent { path: "/opt/tool.py".into(), sha256 });
        self.application = "/opt/tool.py".parse().unwrap();
        self.code = provenance;
        self
    }

    fn talk(&self) -> Talk<'_> {
        Talk {
            lineage: &self.lineage,
            application: &self.application,
            provenance: &self.provenance,
            code: self.code.as_ref(),
            uid: USER,
            remote: None,
            name: None,
        }
    }
}

fn curl(content: u8) -> Program {
    Program::of("/usr/bin/curl", content, Provenance::Unowned)
}

fn key() -> ApplicationKey {
    curl(0).application
}

/// Kinds and severities of what is found.
fn told(judge: &mut Judge, program: &Program) -> Vec<(FindingKind, Severity)> {
    judge.observe(&program.talk(), NOW).iter().map(|found| (found.kind, found.severity)).collect()
}

fn known(review: ReviewState, contents: &[u8]) -> Judge {
    let executables = contents.iter().map(|content| executable("/usr/bin/curl", *content)).collect();
    Judge::new([KnownApplication {
        application: key(),
        review,
        executables,
        told: Vec::new(),
        last_uid: Some(USER),
    }])
}

use FindingKind::{Baseline, ChangedExecutable, ChangedFile, NewApplication, Upgraded};
use Severity::{Loud, Normal, Quiet};

#[test]
fn a_new_application_is_told_once_with_everything_known_about_it() {
    let mut judge = Judge::default();
    let program = curl(1);
    let remote = Some(Endpoint { address: Ipv4Addr::LOCALHOST.into(), port: 443 });
    let name = Name {
        domain: "example.org".parse().unwrap(),
        registrable: None,
        source: NameSource::Tls,
        is_inferred: false,
    };
    let found = judge.observe(&Talk { remote, name: Some(&name), ..program.talk() }, NOW);
    let subject = Subject {
        application: key(),
        executable: executable("/usr/bin/curl", 1),
        previous_sha256: None,
        parent: Some(executable("/usr/bin/bash", 200)),
        uid: USER,
        remote,
        remote_name: Some(name.clone()),
    };
    let evidence = Evidence { provenance: Some(Provenance::Unowned), ..Evidence::default() };
    let expected = NewFinding {
        at: NOW,
        kind: NewApplication,
        severity: Normal,
        subject: Some(subject),
        user: None,
        group: None,
        detail: None,
        evidence,
    };
    assert_eq!(found, [expected]);
    assert_eq!(judge.observe(&Talk { uid: Uid(0), ..program.talk() }, NOW), []);
    assert_eq!(judge.review_of(&key()), Some(ReviewState::Unreviewed));
    assert_eq!(judge.unreviewed(), 1);
}

#[test]
fn what_a_new_application_is_made_of_decides_how_loud_it_is() {
    let script = |content, provenance| curl_verified().with_script(content, provenance);
    fn curl_verified() -> Program {
        Program::of("/usr/bin/python3", 1, verified())
    }
    let of = |provenance| Program::of("/usr/bin/curl", 1, provenance);
    let cases = [
        (of(verified()), Normal),
        (of(Provenance::Unchecked(package())), Normal),
        (of(Provenance::Unowned), Normal),
        (of(Provenance::not_looked_at()), Normal),
        (of(Provenance::Modified(package())), Loud),
        (script(Some(2), Some(verified())), Normal),
        (script(Some(2), Some(Provenance::Modified(package()))), Loud),
        (script(None, None), Normal),
    ];
    for (program, severity) in cases {
        assert_eq!(
            told(&mut Judge::default(), &program),
            [(NewApplication, severity)],
            "{:?}",
            program.provenance
        );
    }
}

#[test]
fn a_finding_says_where_the_interpreter_and_where_what_it_runs_come_from() {
    let program = |content| {
        Program::of("/usr/bin/python3", 1, verified()).with_script(Some(content), Some(Provenance::Unowned))
    };
    let mut judge = Judge::default();
    for (content, kind) in [(2, NewApplication), (3, ChangedExecutable)] {
        let found = judge.observe(&program(content).talk(), NOW).remove(0);
        assert_eq!(found.kind, kind);
        let Evidence { provenance, code, .. } = found.evidence;
        assert_eq!((provenance, code), (Some(verified()), Some(Provenance::Unowned)));
    }
}

#[test]
fn what_the_history_knows_is_not_told() {
    for review in [ReviewState::Unreviewed, ReviewState::Approved, ReviewState::Ignored] {
        let mut judge = known(review, &[1, 2]);
        assert_eq!(told(&mut judge, &curl(1)), []);
        assert_eq!(told(&mut judge, &curl(2)), []);
    }
}

#[test]
fn a_changed_executable_is_told_once_with_the_newest_content_before_it() {
    for review in [ReviewState::Unreviewed, ReviewState::Approved] {
        let mut judge = known(review, &[1, 2]);
        let found = judge.observe(&curl(3).talk(), NOW);
        assert_eq!((found.len(), found[0].kind, found[0].severity), (1, ChangedExecutable, Loud));
        assert_eq!(found[0].subject.as_ref().unwrap().previous_sha256, Some(Sha256Digest([2; 32])));
        assert_eq!(told(&mut judge, &curl(3)), []);
        assert_eq!(judge.review_of(&key()), Some(review), "a change does not undo a review");
    }
}

#[test]
fn only_what_a_package_ships_explains_a_change() {
    let cases = [
        (verified(), (Upgraded, Quiet)),
        (Provenance::Modified(package()), (ChangedExecutable, Loud)),
        (Provenance::Unchecked(package()), (ChangedExecutable, Loud)),
        (Provenance::Unowned, (ChangedExecutable, Loud)),
        (Provenance::not_looked_at(), (ChangedExecutable, Loud)),
    ];
    for (provenance, expected) in cases {
        let mut judge = known(ReviewState::Approved, &[1]);
        let program = Program::of("/usr/bin/curl", 2, provenance);
        assert_eq!(told(&mut judge, &program), [expected]);
        assert_eq!(told(&mut judge, &program), []);
    }
}

#[test]
fn a_content_that_comes_back_is_neither_told_nor_the_newest() {
    let mut judge = known(ReviewState::Approved, &[1, 2]);
    assert_eq!(told(&mut judge, &curl(1)), []);
    let found = judge.observe(&curl(3).talk(), NOW);
    assert_eq!(found[0].subject.as_ref().unwrap().previous_sha256, Some(Sha256Digest([2; 32])));
}

#[test]
fn a_changed_script_is_a_changed_content_of_its_application() {
    let run = |content| Program::of("/usr/bin/python3", 1, verified()).with_script(content, None);
    let mut judge = Judge::default();
    assert_eq!(told(&mut judge, &run(Some(1))), [(NewApplication, Normal)]);
    assert_eq!(told(&mut judge, &run(Some(1))), []);
    assert_eq!(told(&mut judge, &run(None)), [], "what could not be read is no other content");
    let found = judge.observe(&run(Some(2)).talk(), NOW);
    let subject = found[0].subject.as_ref().unwrap();
    assert_eq!((found[0].kind, &subject.executable), (ChangedExecutable, &executable("/opt/tool.py", 2)));
    assert_eq!(subject.previous_sha256, Some(Sha256Digest([1; 32])));

    // Both at once are two things to know.
    let both = Program::of("/usr/bin/python3", 9, verified()).with_script(Some(9), None);
    assert_eq!(told(&mut judge, &both), [(Upgraded, Quiet), (ChangedExecutable, Loud)]);
    let packaged = Program::of("/usr/bin/python3", 9, verified()).with_script(Some(10), Some(verified()));
    assert_eq!(told(&mut judge, &packaged), [(Upgraded, Quiet)]);
}

#[test]
fn a_change_of_an_application_approved_in_this_run_is_told() {
    let mut judge = Judge::default();
    assert_eq!(told(&mut judge, &curl(1)), [(NewApplication, Normal)]);
    assert!(judge.reviewed(&key(), ReviewState::Approved));
    assert_eq!(judge.unreviewed(), 0);
    assert_eq!(told(&mut judge, &curl(1)), []);
    assert_eq!(told(&mut judge, &curl(2)), [(ChangedExecutable, Loud)]);
}

#[test]
fn an_ignored_application_is_remembered_and_not_told() {
    let mut judge = known(ReviewState::Ignored, &[1]);
    assert_eq!(told(&mut judge, &curl(2)), []);
    assert_eq!(told(&mut judge, &Program::of("/usr/bin/curl", 4, verified())), []);
    assert!(judge.reviewed(&key(), ReviewState::Approved));
    assert_eq!(told(&mut judge, &curl(2)), [], "what was seen while ignored is known");
    let found = judge.observe(&curl(3).talk(), NOW);
    assert_eq!(found[0].subject.as_ref().unwrap().previous_sha256, Some(Sha256Digest([4; 32])));
}

#[test]
fn a_second_path_of_a_known_application_has_no_previous_content() {
    let mut judge = known(ReviewState::Approved, &[1]);
    let mut other = Program::of("/opt/curl", 1, Provenance::Unowned);
    other.application = key();
    let found = judge.observe(&other.talk(), NOW);
    let subject = found[0].subject.as_ref().unwrap();
    assert_eq!((found[0].kind, subject.previous_sha256), (ChangedExecutable, None));
}

#[test]
fn what_was_never_seen_cannot_be_reviewed() {
    let mut judge = Judge::default();
    assert!(!judge.reviewed(&key(), ReviewState::Approved));
    assert_eq!(told(&mut judge, &curl(1)), [(NewApplication, Normal)]);
}

#[test]
fn what_was_forgotten_is_new_again_and_nothing_else_is() {
    let mut judge = Judge::default();
    let [forgotten, kept] = ["/opt/a", "/opt/b"].map(|path| Program::of(path, 1, Provenance::Unowned));
    for program in [&forgotten, &kept] {
        assert_eq!(judge.observe(&program.talk(), NOW).len(), 1);
        assert!(judge.reviewed(&program.application, ReviewState::Approved));
    }
    judge.forget(&forgotten.application);
    assert_eq!(judge.review_of(&forgotten.application), None);
    let found = judge.observe(&forgotten.talk(), NOW);
    assert_eq!(found.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::NewApplication]);
    assert_eq!(judge.review_of(&forgotten.application), Some(ReviewState::Unreviewed));
    assert!(judge.observe(&kept.talk(), NOW).is_empty());
}
