use portolan_core::{
    ApplicationKey, Evidence, FindingKind, NameSource, ReviewState, Severity, Sha256Digest, Uid, UnixMillis,
};
use portolan_history::{Answered, FindingState, KnownApplication, NewFinding, Subject, WriteError};

use crate::world::{Place, endpoint, executable, name, record};

fn about(path: &str, uid: u32, at: i64) -> NewFinding {
    let executable = executable(path, 1);
    NewFinding {
        at: UnixMillis(at),
        kind: FindingKind::NewApplication,
        severity: Severity::Normal,
        user: None,
        group: None,
        subject: Some(Subject {
            application: ApplicationKey::of_path(&executable),
            executable,
            previous_sha256: Some(Sha256Digest([9; 32])),
            parent: Some(crate::world::executable("/usr/bin/bash", 2)),
            uid: Uid(uid),
            remote: Some(endpoint("2001:db8::1", 443)),
            remote_name: Some(name("www.example.org", NameSource::Dns, true)),
        }),
        detail: None,
        evidence: Evidence::default(),
    }
}

fn about_daemon(at: i64) -> NewFinding {
    let detail = "12 events were lost".to_owned();
    NewFinding::about_the_daemon(FindingKind::LostEvents, UnixMillis(at), detail)
}

fn key(path: &str) -> ApplicationKey {
    path.parse().unwrap()
}

#[test]
fn findings_read_back_newest_first() {
    let place = Place::new();
    let mut history = place.history();
    let mut bare = about("/bin/b", 1000, 30);
    if let Some(subject) = &mut bare.subject {
        (subject.previous_sha256, subject.parent, subject.remote) = (None, None, None);
    }
    let raised: Vec<_> = [about("/bin/a", 1000, 20), about_daemon(10), bare, about("/bin/a", 0, 20)]
        .iter()
        .map(|finding| history.raise(finding).unwrap())
        .collect();
    let newest_first = [2, 3, 0, 1].map(|index: usize| raised[index].clone());
    assert_eq!(place.reader().findings(false, None).unwrap(), newest_first);
    assert_eq!(place.reader().findings(true, None).unwrap(), newest_first);
}

#[test]
fn only_an_open_finding_about_the_daemon_can_be_dismissed() {
    let place = Place::new();
    let mut history = place.history();
    let (lost, about_program) = (about_daemon(1), about("/bin/a", 1000, 2));
    let (id, other) = (history.raise(&lost).unwrap().id, history.raise(&about_program).unwrap().id);
    assert_eq!(history.open_kinds().unwrap(), [FindingKind::LostEvents]);
    let now = UnixMillis(50);
    for wrong in [other, 99] {
        assert_eq!(history.dismiss(wrong, Uid(3), now).unwrap(), None);
    }
    let dismissed = history.dismiss(id, Uid(3), now).unwrap().unwrap();
    assert_eq!(dismissed.state, FindingState::Ignored);
    assert_eq!(dismissed.answered, Some(Answered { by: Uid(3), at: now }));
    assert_eq!(history.dismiss(id, Uid(3), now).unwrap(), None, "it is answered");
    assert_eq!(history.open_kinds().unwrap(), []);
    assert_eq!(place.reader().findings(false, None).unwrap().len(), 1);
}

#[test]
fn a_viewer_sees_their_own_findings_and_none_about_the_daemon() {
    let place = Place::new();
    let mut history = place.history();
    let own = history.raise(&about("/bin/a", 1000, 1)).unwrap();
    history.raise(&about("/bin/a", 0, 2)).unwrap();
    history.raise(&about_daemon(3)).unwrap();
    for include_answered in [false, true] {
        let seen = |uid| place.reader().findings(include_answered, Some(Uid(uid))).unwrap();
        assert_eq!(seen(1000), std::slice::from_ref(&own));
        assert_eq!(seen(1), []);
    }
}

#[test]
fn a_review_answers_the_open_findings_of_its_application() {
    let place = Place::new();
    let mut history = place.history();
    let first = history.raise(&about("/bin/a", 1000, 1)).unwrap();
    let second = history.raise(&about("/bin/a", 0, 2)).unwrap();
    let other = history.raise(&about("/bin/b", 1000, 3)).unwrap();

    let reset = history.review(&key("/bin/a"), ReviewState::Unreviewed, Uid(7), UnixMillis(50)).unwrap();
    assert_eq!(reset, []);
    let changed = history.review(&key("/bin/a"), ReviewState::Approved, Uid(7), UnixMillis(60)).unwrap();
    let answered = Some(Answered { by: Uid(7), at: UnixMillis(60) });
    let expected: Vec<_> = [first, second]
        .map(|row| portolan_history::FindingRow { state: FindingState::Approved, answered, ..row })
        .into();
    assert_eq!(changed, expected);
    assert_eq!(place.reader().findings(false, None).unwrap(), [other]);
    assert_eq!(place.reader().findings(true, None).unwrap().len(), 3);

    // What was answered stays answered as it was; what comes later is answered anew.
    let mut changed = about("/bin/a", 1000, 70);
    changed.subject.as_mut().unwrap().executable.sha256 = Sha256Digest([2; 32]);
    let later = history.raise(&changed).unwrap();
    let changed = history.review(&key("/bin/a"), ReviewState::Ignored, Uid(8), UnixMillis(80)).unwrap();
    assert_eq!(
        changed.iter().map(|row| (row.id, row.state)).collect::<Vec<_>>(),
        [(later.id, FindingState::Ignored)]
    );
    let reviews: Vec<_> = place.reader().applications(None).unwrap().iter().map(|row| row.review).collect();
    assert_eq!(reviews, [ReviewState::Unreviewed, ReviewState::Ignored]);
}

#[test]
fn an_application_is_known_from_its_finding_or_its_traffic_on() {
    let place = Place::new();
    let mut history = place.history();
    let unknown = history.review(&key("/bin/a\u{1b}[2J"), ReviewState::Approved, Uid(7), UnixMillis(1));
    match unknown {
        Err(WriteError::NotFound { application }) => assert_eq!(application, "path:/bin/a\\u{1b}[2J"),
        other => panic!("{other:?}"),
    }
    history.raise(&about("/bin/a", 1000, 1)).unwrap();
    history.write(&[record()]).unwrap();
    history.review(&key("/bin/a"), ReviewState::Ignored, Uid(7), UnixMillis(1)).unwrap();
    history.review(&key("/usr/bin/curl"), ReviewState::Approved, Uid(7), UnixMillis(1)).unwrap();
    drop(history);

    let known = |path: &str, content, review| KnownApplication {
        application: key(path),
        review,
        executables: vec![executable(path, content)],
        last_uid: Some(Uid(1000)),
        told: Vec::new(),
    };
    let expected =
        [known("/bin/a", 1, ReviewState::Ignored), known("/usr/bin/curl", 2, ReviewState::Approved)];
    assert_eq!(place.history().known_applications().unwrap(), expected);
}

#[test]
fn the_executables_of_an_application_come_oldest_first() {
    let place = Place::new();
    let mut history = place.history();
    for (content, uid, first) in [(3, 1000, 30), (1, 0, 10), (1, 1000, 50), (2, 0, 20)] {
        let owner = crate::world::program(&crate::world::lineage(executable("/bin/a", content), None));
        let (first, last) = (UnixMillis(first), UnixMillis(first));
        history.write(&[portolan_history::Record { owner, uid: Uid(uid), first, last, ..record() }]).unwrap();
    }
    let known = history.known_applications().unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].executables, [1, 2, 3].map(|content| executable("/bin/a", content)));
}
