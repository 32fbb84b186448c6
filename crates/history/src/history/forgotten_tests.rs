//! What is kept of applications besides their traffic, and how it goes.

use std::fs;

use portolan_core::{ApplicationKey, FindingKind, Member, NameSource, ReviewState, Uid, UnixMillis};

use super::{
    forgetting_tests::forget_all,
    keeping_tests::{DAY, MINUTE, START, assert_whole, at, level},
};
use crate::{
    History, NewFinding, Record, Subject,
    block::Level,
    language,
    world::{Place, executable, lineage, name, program, record},
};

#[test]
fn of_an_application_whose_traffic_is_too_old_all_that_is_left_is_forgotten() {
    let place = Place::new();
    let mut history = place.history();
    let secret = |time| Record {
        owner: program(&lineage(executable("/opt/secret-program", 9), None)),
        name: Some(name("secret-host.example.org", NameSource::Tls, false)),
        ..at(time, record())
    };
    history.write(&[secret(START), at(START, record())]).unwrap();
    let application: ApplicationKey = "path:/opt/secret-program".parse().unwrap();
    let subject = Subject {
        application: application.clone(),
        executable: executable("/opt/secret-program", 9),
        previous_sha256: None,
        parent: None,
        uid: Uid(1000),
        remote: None,
        remote_name: Some(name("secret-host.example.org", NameSource::Tls, false)),
    };
    let finding = NewFinding::about_the_daemon(FindingKind::NewApplication, UnixMillis(START), String::new());
    history.raise(&NewFinding { subject: Some(subject), ..finding }).unwrap();
    history.review(&application, ReviewState::Ignored, Uid(0), UnixMillis(START)).unwrap();
    for of in ["block", "actor", "peer"] {
        history.connection.execute(&format!("DELETE FROM {of}"), []).unwrap();
    }
    let forget = |history: &mut History, text: &str| {
        let query = language::parse(text, &jiff::Zoned::now()).unwrap();
        let mut what =
            history.begin_forgetting(&query, |_, _| None, Uid(0), UnixMillis(START + DAY)).unwrap();
        forget_all(history, &mut what);
        what.take_gone()
    };
    // That it was seen before is known.
    assert_eq!(forget(&mut history, &format!("app:secret-program since:@{}", START / 1000 + 60)), []);
    assert_eq!(forget(&mut history, "app:secret-program"), [application]);
    let wal = place.dir.path().join("history.sqlite-wal");
    let both = [fs::read(place.path()).unwrap(), fs::read(wal).unwrap()].concat();
    assert!(!both.windows(6).any(|bytes| bytes == b"secret"));
    assert_eq!(history.known_applications().unwrap().len(), 1);
    assert_whole(&place);
}

#[test]
fn an_application_that_goes_on_talking_is_new_again_all_the_same() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[at(START, record())]).unwrap();
    let application: ApplicationKey = "path:/usr/bin/curl".parse().unwrap();
    let subject = Subject {
        application: application.clone(),
        executable: executable("/usr/bin/curl", 2),
        previous_sha256: None,
        parent: None,
        uid: Uid(1000),
        remote: None,
        remote_name: Some(name("secret-host.example.org", NameSource::Tls, false)),
    };
    let finding = NewFinding::about_the_daemon(FindingKind::NewApplication, UnixMillis(START), String::new());
    history.raise(&NewFinding { subject: Some(subject), ..finding }).unwrap();
    assert_eq!(place.reader().findings(true, None).unwrap().len(), 1);
    let mut baseline = NewFinding::about_the_daemon(FindingKind::Baseline, UnixMillis(START), String::new());
    baseline.group = Some("baseline".to_owned());
    baseline.evidence.members = vec![Member {
        application: application.clone(),
        uid: Uid(1000),
        path: "/usr/bin/curl".into(),
        before: None,
        after: Some(executable("/usr/bin/curl", 2).sha256),
        provenance: None,
    }];
    history.raise(&baseline).unwrap();
    history.review(&application, ReviewState::Approved, Uid(0), UnixMillis(START)).unwrap();
    let query = language::parse("app:curl", &jiff::Zoned::now()).unwrap();
    let mut what = history.begin_forgetting(&query, |_, _| None, Uid(0), UnixMillis(START + MINUTE)).unwrap();
    while history.forget(&mut what).unwrap() {
        history.write(&[at(START + MINUTE, record())]).unwrap();
    }
    assert_eq!(what.take_gone(), [application]);
    assert!(place.reader().findings(true, None).unwrap().is_empty());
    history.write(&[at(START + MINUTE, record())]).unwrap();
    let [known] = &history.known_applications().unwrap()[..] else { panic!() };
    assert_eq!((known.review, known.executables.len()), (ReviewState::Unreviewed, 1));
    assert_eq!(
        level(&history.connection, Level::Bucket).keys().copied().collect::<Vec<_>>(),
        [START + MINUTE]
    );
    assert_whole(&place);
}
