//! What is found about the same twice.

use portolan_core::{
    ApplicationKey, ChangeEvidence, ChangeKind, Evidence, FindingKind, ForeignCode, ForeignCodeKind, Pid,
    ProcessEvidence, ReviewState, Severity, Sha256Digest, Uid, UnixMillis,
};
use portolan_history::{Answered, FindingState, NewFinding, Subject};

use crate::world::{Place, executable};

fn found(kind: FindingKind, at: i64, evidence: Evidence) -> NewFinding {
    let executable = executable("/bin/a", 1);
    let subject = Subject {
        application: ApplicationKey::of_path(&executable),
        executable,
        previous_sha256: None,
        parent: None,
        uid: Uid(1000),
        remote: None,
        remote_name: None,
    };
    NewFinding {
        at: UnixMillis(at),
        kind,
        severity: Severity::Loud,
        subject: Some(subject),
        user: None,
        group: None,
        detail: None,
        evidence,
    }
}

fn process(path: &str, at: i64) -> ProcessEvidence {
    ProcessEvidence {
        pid: Pid(u32::try_from(at).unwrap()),
        started: UnixMillis(at),
        uid: Uid(0),
        path: path.into(),
        sha256: None,
        command_line: None,
        working_directory: None,
    }
}

fn changed(at: i64, content: u8, by: &str) -> NewFinding {
    let change = ChangeEvidence {
        kind: ChangeKind::Written,
        at: UnixMillis(at),
        by: vec![process(by, at)],
        provenance: None,
        sha256: Some(Sha256Digest([content; 32])),
    };
    found(FindingKind::ChangedFile, at, Evidence { change: Some(change), ..Evidence::default() })
}

fn injected(at: i64, path: &str) -> NewFinding {
    let code = ForeignCode {
        kind: ForeignCodeKind::Preload,
        path: path.into(),
        sha256: None,
        provenance: None,
        since: UnixMillis(at),
    };
    found(FindingKind::ForeignCode, at, Evidence { foreign_code: vec![code], ..Evidence::default() })
}

#[test]
fn the_same_again_is_counted_and_what_was_answered_stays_so() {
    let place = Place::new();
    let mut history = place.history();
    let first = history.raise(&changed(10, 2, "/usr/bin/vim")).unwrap();
    assert_eq!((first.times, first.updated), (1, UnixMillis(10)));
    let again = history.raise(&changed(20, 2, "/usr/bin/vim")).unwrap();
    assert_eq!((again.id, again.times, again.updated), (first.id, 2, UnixMillis(20)));
    assert_eq!(again.finding.at, UnixMillis(10), "it is no news");

    let key = ApplicationKey::of_path(&executable("/bin/a", 1));
    history.review(&key, ReviewState::Approved, Uid(7), UnixMillis(30)).unwrap();
    let answered = history.raise(&changed(40, 2, "/usr/bin/vim")).unwrap();
    assert_eq!((answered.id, answered.times, answered.state), (first.id, 3, FindingState::Approved));
    assert_eq!(answered.answered, Some(Answered { by: Uid(7), at: UnixMillis(30) }));
    assert_eq!(place.reader().findings(true, None).unwrap(), [answered]);
}

#[test]
fn another_content_or_another_who_did_it_opens_it_again() {
    for other in [changed(40, 3, "/usr/bin/vim"), changed(40, 2, "/usr/bin/cp")] {
        let place = Place::new();
        let mut history = place.history();
        let first = history.raise(&changed(10, 2, "/usr/bin/vim")).unwrap();
        let key = ApplicationKey::of_path(&executable("/bin/a", 1));
        history.review(&key, ReviewState::Ignored, Uid(7), UnixMillis(30)).unwrap();
        let again = history.raise(&other).unwrap();
        assert_eq!((again.id, again.state, again.answered), (first.id, FindingState::Open, None));
        assert_eq!((again.times, again.finding.at), (2, UnixMillis(40)));
        assert_eq!(again.finding.evidence, other.evidence);
    }
}

#[test]
fn foreign_code_adds_up_in_one_finding() {
    let place = Place::new();
    let mut history = place.history();
    let first = history.raise(&injected(10, "/tmp/a.so")).unwrap();
    let second = history.raise(&injected(20, "/tmp/b.so")).unwrap();
    assert_eq!((second.id, second.finding.at), (first.id, UnixMillis(20)));
    let paths: Vec<_> =
        second.finding.evidence.foreign_code.iter().map(|code| code.path.as_raw().to_owned()).collect();
    assert_eq!(paths, ["/tmp/b.so", "/tmp/a.so"]);
    let third = history.raise(&injected(30, "/tmp/a.so")).unwrap();
    assert_eq!((third.times, third.finding.at), (3, UnixMillis(20)), "it was known");
}

#[test]
fn another_user_and_another_kind_are_other_findings() {
    let place = Place::new();
    let mut history = place.history();
    let first = history.raise(&changed(10, 2, "/usr/bin/vim")).unwrap();
    let mut other = changed(20, 2, "/usr/bin/vim");
    other.subject.as_mut().unwrap().uid = Uid(0);
    assert_ne!(history.raise(&other).unwrap().id, first.id);
    other = changed(30, 2, "/usr/bin/vim");
    other.kind = FindingKind::ForeignCode;
    assert_ne!(history.raise(&other).unwrap().id, first.id);
}

#[test]
fn a_snoozed_finding_is_open_until_it_is_news_or_answered() {
    let place = Place::new();
    let mut history = place.history();
    let id = history.raise(&changed(10, 2, "/usr/bin/vim")).unwrap().id;
    let until = Some(UnixMillis(5000));
    assert_eq!(history.snooze(99, until).unwrap(), None);
    let snoozed = history.snooze(id, until).unwrap().unwrap();
    assert_eq!((snoozed.state, snoozed.snoozed_until), (FindingState::Open, until));
    let same = history.raise(&changed(20, 2, "/usr/bin/vim")).unwrap();
    assert_eq!(same.snoozed_until, until);
    let news = history.raise(&changed(30, 3, "/usr/bin/vim")).unwrap();
    assert_eq!((news.id, news.snoozed_until), (id, None));

    history.snooze(id, until).unwrap();
    assert_eq!(history.snooze(id, None).unwrap().unwrap().snoozed_until, None);
    history.snooze(id, until).unwrap();
    let key = ApplicationKey::of_path(&executable("/bin/a", 1));
    let answered = history.review(&key, ReviewState::Approved, Uid(7), UnixMillis(40)).unwrap();
    assert_eq!(answered[0].snoozed_until, None);
    assert_eq!(history.snooze(id, until).unwrap(), None, "it is answered");
}

#[test]
fn a_quiet_removal_leaves_who_changed_the_file_in_what_nobody_has_answered() {
    let place = Place::new();
    let removed = |at| {
        let mut removed = changed(at, 3, "/usr/bin/dpkg");
        let change = removed.evidence.change.as_mut().unwrap();
        (change.kind, change.sha256, removed.severity) = (ChangeKind::Removed, None, Severity::Quiet);
        removed
    };
    let mut history = place.history();
    history.raise(&changed(10, 2, "/usr/bin/cp")).unwrap();
    let finding = history.raise(&removed(20)).unwrap();
    assert_eq!(
        (finding.times, finding.finding.at, finding.finding.severity),
        (2, UnixMillis(10), Severity::Loud)
    );
    let change = finding.finding.evidence.change.unwrap();
    assert_eq!((change.kind, change.by[0].path.as_raw()), (ChangeKind::Written, "/usr/bin/cp"));
}

#[test]
fn a_changed_file_has_not_talked_with_what_it_holds() {
    let place = Place::new();
    let mut history = place.history();
    history.raise(&changed(10, 2, "/usr/bin/vim")).unwrap();
    let known = history.known_applications().unwrap().remove(0);
    assert_eq!((known.executables, known.told), (vec![], vec![(executable("/bin/a", 2), Uid(1000))]));
}

#[test]
fn what_a_changed_file_held_is_known_once_it_is_approved() {
    let place = Place::new();
    let mut history = place.history();
    let key = ApplicationKey::of_path(&executable("/bin/a", 1));
    for (at, content) in [(10, 2), (20, 3)] {
        history.raise(&changed(at, content, "/usr/bin/vim")).unwrap();
        history.review(&key, ReviewState::Ignored, Uid(7), UnixMillis(at)).unwrap();
        let before = history.known_applications().unwrap().remove(0).executables;
        assert!(!before.contains(&executable("/bin/a", content)), "{before:?}");
        history.review(&key, ReviewState::Approved, Uid(7), UnixMillis(at)).unwrap();
    }
    let known = place.history().known_applications().unwrap().remove(0);
    assert_eq!(known.executables, [executable("/bin/a", 2), executable("/bin/a", 3)]);
}

#[test]
fn a_change_that_nobody_was_seen_to_make_stays_answered_with_who_was_seen() {
    let place = Place::new();
    let mut history = place.history();
    let first = changed(10, 2, "/usr/bin/vim");
    history.raise(&first).unwrap();
    let key = ApplicationKey::of_path(&executable("/bin/a", 1));
    history.review(&key, ReviewState::Approved, Uid(7), UnixMillis(30)).unwrap();
    let mut unseen = changed(40, 2, "");
    let change = unseen.evidence.change.as_mut().unwrap();
    (change.kind, change.by) = (ChangeKind::Replaced, Vec::new());
    let again = history.raise(&unseen).unwrap();
    assert_eq!((again.state, again.times), (FindingState::Approved, 2));
    assert_eq!(again.finding.evidence, first.evidence);
}

#[test]
fn evidence_that_cannot_be_read_does_not_hide_the_finding() {
    let place = Place::new();
    let mut history = place.history();
    let raised = history.raise(&changed(10, 2, "/usr/bin/vim")).unwrap();
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    for json in ["", "{", "{\"change\": 1}", "\u{0}", &"[".repeat(1 << 20)] {
        connection.execute("UPDATE finding SET evidence = ?1", [json]).unwrap();
        let found = place.reader().findings(false, None).unwrap();
        assert_eq!((found.len(), found[0].id), (1, raised.id));
        assert!(found[0].finding.evidence.is_empty());
    }
    assert_eq!(history.raise(&changed(20, 2, "/usr/bin/vim")).unwrap().id, raised.id);
}

#[test]
fn programs_that_cannot_be_identified_are_one_finding_that_is_told_again_when_another_comes_after_the_answer()
{
    let place = Place::new();
    let mut history = place.history();
    let nameless = |at, path: &str| NewFinding {
        at: UnixMillis(at),
        kind: FindingKind::Unidentified,
        severity: Severity::Loud,
        subject: None,
        user: Some(Uid(1000)),
        group: Some("1000 file-changed".to_owned()),
        detail: Some("It was changed.".to_owned()),
        evidence: Evidence { unidentified: vec![path.into()], ..Evidence::default() },
    };
    let first = history.raise(&nameless(10, "/tmp/a")).unwrap();
    assert_eq!(first.finding, nameless(10, "/tmp/a"), "it reads back");
    assert_eq!(place.reader().findings(false, Some(Uid(7))).unwrap(), [], "it is another user's");
    assert_eq!(place.reader().findings(false, Some(Uid(1000))).unwrap(), [first]);

    let more = history.raise(&nameless(20, "/tmp/b")).unwrap();
    assert_eq!((more.times, more.finding.at), (2, UnixMillis(10)), "it is told that there are such");
    assert_eq!(more.finding.evidence.unidentified, ["/tmp/b".into(), "/tmp/a".into()]);
    let other = NewFinding { group: Some("1000 file-unreadable".to_owned()), ..nameless(20, "/tmp/a") };
    assert_ne!(history.raise(&other).unwrap().id, more.id);

    history.dismiss(more.id, Uid(7), UnixMillis(30)).unwrap().unwrap();
    let known = history.raise(&nameless(40, "/tmp/a")).unwrap();
    assert_eq!((known.id, known.state), (more.id, FindingState::Ignored));
    let news = history.raise(&nameless(50, "/tmp/c")).unwrap();
    assert_eq!((news.id, news.state, news.finding.at), (more.id, FindingState::Open, UnixMillis(50)));

    // No path is known of it: it may be another one that gave itself the same name.
    history.dismiss(more.id, Uid(7), UnixMillis(60)).unwrap().unwrap();
    let mut again = nameless(70, "/tmp/a");
    again.evidence.process = Some(process("", 7));
    assert_eq!(history.raise(&again).unwrap().state, FindingState::Open);
    history.dismiss(more.id, Uid(7), UnixMillis(80)).unwrap().unwrap();
    again.evidence.process = Some(process("/tmp/a", 7));
    assert_eq!(history.raise(&again).unwrap().state, FindingState::Ignored);
}
