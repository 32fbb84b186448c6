//! Findings about several applications, and learning.

use std::time::Duration;

use portolan_core::{
    ApplicationKey, Evidence, FindingKind, Member, Package, PackageManager, Provenance, ReviewState,
    Severity, Sha256Digest, Uid, UnixMillis,
};
use portolan_history::{FindingRow, FindingState, Learning, NewFinding};

use crate::world::{Place, record};

fn member(path: &str, uid: u32, content: u8) -> Member {
    let package = Package { manager: PackageManager::Deb, name: "a".into(), version: "1".into() };
    Member {
        application: path.parse().unwrap(),
        uid: Uid(uid),
        path: path.into(),
        before: Some(Sha256Digest([200; 32])),
        after: Some(Sha256Digest([content; 32])),
        provenance: Some(Provenance::Verified(package)),
    }
}

fn group(kind: FindingKind, name: &str, at: i64, members: Vec<Member>) -> NewFinding {
    NewFinding {
        at: UnixMillis(at),
        kind,
        severity: Severity::Quiet,
        subject: None,
        user: None,
        group: Some(name.to_owned()),
        detail: None,
        evidence: Evidence { members, ..Evidence::default() },
    }
}

fn baseline(at: i64, path: &str, uid: u32) -> NewFinding {
    group(FindingKind::Baseline, "baseline", at, vec![member(path, uid, 1)])
}

fn paths(row: &FindingRow) -> Vec<&str> {
    row.finding.evidence.members.iter().map(|member| member.path.as_raw()).collect()
}

#[test]
fn the_members_of_a_group_add_up_and_read_back() {
    let place = Place::new();
    let mut history = place.history();
    let first = history.raise(&baseline(10, "/bin/b", 1000)).unwrap();
    let second = history.raise(&baseline(20, "/bin/a", 1000)).unwrap();
    assert_eq!((second.id, second.times, paths(&second)), (first.id, 2, vec!["/bin/a", "/bin/b"]));
    assert_eq!(second.finding.evidence.members[0], member("/bin/a", 1000, 1));
    assert_eq!(second.finding.at, UnixMillis(20));
    let same = history.raise(&baseline(30, "/bin/a", 1000)).unwrap();
    assert_eq!((same.times, same.finding.at, same.updated), (3, UnixMillis(20), UnixMillis(30)));
    let other =
        history.raise(&group(FindingKind::Upgraded, "deb 7", 40, vec![member("/bin/a", 0, 2)])).unwrap();
    assert_ne!(other.id, first.id);
    assert_eq!(place.reader().findings(false, None).unwrap(), [other, same]);
    // What was upgraded is known: it is nothing new when it talks.
    let known = history.known_applications().unwrap();
    let contents: Vec<_> = known[0].executables.iter().map(|executable| executable.sha256.0[0]).collect();
    assert_eq!(contents, [1, 2]);
    place.assert_sound();
}

#[test]
fn a_viewer_sees_only_their_own_members() {
    let place = Place::new();
    let mut history = place.history();
    for (path, uid) in [("/bin/a", 1000), ("/bin/b", 0), ("/bin/c", 1000)] {
        history.raise(&baseline(10, path, uid)).unwrap();
    }
    let seen = |viewer| {
        let found = place.reader().findings(false, viewer).unwrap();
        found
            .iter()
            .flat_map(|row| paths(row).into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(None), ["/bin/a", "/bin/b", "/bin/c"]);
    assert_eq!(seen(Some(Uid(1000))), ["/bin/a", "/bin/c"]);
    assert_eq!(seen(Some(Uid(0))), ["/bin/b"]);
    assert_eq!(place.reader().findings(true, Some(Uid(1))).unwrap(), []);
}

#[test]
fn learning_begins_once_and_ends_once_and_then_the_baseline_is_told() {
    let place = Place::new();
    let mut history = place.history();
    assert_eq!(history.learning().unwrap(), None);
    let learning = Learning { began: UnixMillis(5), ended: None, learned: Duration::ZERO };
    assert_eq!(history.begin_learning(UnixMillis(5)).unwrap(), learning);
    drop(history);
    let mut history = place.history();
    assert_eq!(history.begin_learning(UnixMillis(99)).unwrap(), learning, "a restart does not begin it anew");
    for (noted, learned) in [(70, 70), (7, 70), (71, 71)] {
        history.note_learned(Duration::from_millis(noted)).unwrap();
        assert_eq!(history.learning().unwrap().unwrap().learned, Duration::from_millis(learned));
    }

    let quiet = history.raise(&baseline(10, "/bin/a", 1000)).unwrap();
    let told = history.end_learning(UnixMillis(100)).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].id, told[0].finding.severity, told[0].finding.at),
        (quiet.id, Severity::Normal, UnixMillis(100))
    );
    let learned = Duration::from_millis(71);
    let ended = Learning { began: UnixMillis(5), ended: Some(UnixMillis(100)), learned };
    assert_eq!(history.learning().unwrap(), Some(ended));
    assert_eq!(history.end_learning(UnixMillis(200)).unwrap(), []);
    history.note_learned(Duration::from_secs(1)).unwrap();
    assert_eq!(history.learning().unwrap(), Some(ended));
}

#[test]
fn nothing_learned_is_nothing_to_tell() {
    let place = Place::new();
    let mut history = place.history();
    assert_eq!(history.end_learning(UnixMillis(100)).unwrap(), []);
    assert_eq!(place.reader().findings(true, None).unwrap(), []);
}

#[test]
fn the_baseline_is_answered_by_the_review_of_its_last_application_or_dismissed() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[record()]).unwrap();
    for path in ["/bin/a", "/bin/b"] {
        history.raise(&baseline(10, path, 1000)).unwrap();
    }
    let mut review = |path: &str, at| {
        let key: ApplicationKey = path.parse().unwrap();
        history.review(&key, ReviewState::Approved, Uid(7), UnixMillis(at)).unwrap()
    };
    assert_eq!(review("/bin/a", 20), []);
    assert_eq!(review("/bin/b", 20), [], "learning goes on");
    history.end_learning(UnixMillis(30)).unwrap();
    history.review(&"/bin/b".parse().unwrap(), ReviewState::Unreviewed, Uid(7), UnixMillis(31)).unwrap();
    let mut review = |path: &str, at| {
        let key: ApplicationKey = path.parse().unwrap();
        history.review(&key, ReviewState::Approved, Uid(7), UnixMillis(at)).unwrap()
    };
    assert_eq!(review("/usr/bin/curl", 40), [], "it is no member");
    assert_eq!(review("/bin/a", 40), []);
    let answered = review("/bin/b", 50);
    assert_eq!((answered.len(), answered[0].state), (1, FindingState::Approved));

    let id =
        history.raise(&group(FindingKind::Upgraded, "deb 7", 40, vec![member("/bin/a", 0, 2)])).unwrap().id;
    let dismissed = history.dismiss(id, Uid(3), UnixMillis(60)).unwrap().unwrap();
    assert_eq!(dismissed.state, FindingState::Ignored);
}
