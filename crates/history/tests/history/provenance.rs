//! Where executables come from, and what scripts they run.

use std::sync::Arc;

use portolan_core::{
    Dimension, FileContent, Lineage, Owner, Package, PackageManager, Provenance, Sha256Digest, Uid,
    UnixMillis,
};
use portolan_history::{Limits, Question, Record};

use crate::world::{Place, everything, executable, lineage, program, record};

fn run(provenance: Provenance, last: i64) -> Record {
    let owner = Owner::Program {
        lineage: lineage(executable("/usr/bin/curl", 1), None),
        application: "/usr/bin/curl".parse().unwrap(),
        provenance: Arc::new(provenance),
        code: None,
    };
    Record { owner, last: UnixMillis(last), ..record() }
}

/// python3, which dpkg vouches for, runs what nobody does.
fn script(content: u8, code: Option<Provenance>) -> Record {
    let script = Some(FileContent { path: "/opt/tool.py".into(), sha256: Some(Sha256Digest([content; 32])) });
    let executable = executable("/usr/bin/python3", 1);
    let owner = Owner::Program {
        lineage: Arc::new(Lineage { executable, script, parent: None }),
        application: "script:/usr/bin/python3:/opt/tool.py".parse().unwrap(),
        provenance: Arc::new(Provenance::Verified(package("python3", "3.11"))),
        code: code.map(Arc::new),
    };
    Record { owner, last: UnixMillis(1), ..record() }
}

fn package(name: &str, version: &str) -> Package {
    Package { manager: PackageManager::Deb, name: name.into(), version: version.into() }
}

type Stored = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<i64>);

fn stored(place: &Place) -> Stored {
    rusqlite::Connection::open(place.path())
        .unwrap()
        .query_row(
            "SELECT provenance, package_manager, package_name, package_version, provenance_reason, provenance_ms
                FROM executable",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
        )
        .unwrap()
}

#[test]
fn the_newest_provenance_that_is_known_stands_with_the_time_when_it_became_so() {
    let place = Place::new();
    let mut history = place.history();
    let word = |text: &str| Some(text.to_owned());
    let package = |version: &str| package("curl", version);
    history.write(&[run(Provenance::Unknown("busy".into()), 1)]).unwrap();
    assert_eq!(stored(&place), (word("unknown"), None, None, None, word("busy"), Some(1)));
    history.write(&[run(Provenance::Verified(package("1")), 2)]).unwrap();
    let verified = (word("verified"), word("deb"), word("curl"), word("1"), None, Some(2));
    assert_eq!(stored(&place), verified);
    for again in [Provenance::Verified(package("1")), Provenance::Unknown("busy".into())] {
        history.write(&[run(again, 3)]).unwrap();
        assert_eq!(stored(&place), verified);
    }
    // Also by a writer that remembers nothing.
    drop(history);
    let mut history = place.history();
    history.write(&[run(Provenance::Verified(package("1")), 4)]).unwrap();
    assert_eq!(stored(&place), verified);
    history.write(&[run(Provenance::Unowned, 5)]).unwrap();
    assert_eq!(stored(&place), (word("unowned"), None, None, None, None, Some(5)));
}

#[test]
fn a_script_is_a_content_of_its_application_and_no_executable_of_it() {
    let place = Place::new();
    let mut history = place.history();
    let run = |content: Option<u8>| {
        let sha256 = content.map(|content| Sha256Digest([content; 32]));
        let script = Some(FileContent { path: "/opt/tool.py".into(), sha256 });
        let python = executable("/usr/bin/python3", 1);
        Record { owner: program(&Arc::new(Lineage { executable: python, script, parent: None })), ..record() }
    };
    history.write(&[run(Some(2)), run(Some(3)), run(None)]).unwrap();
    let known = history.known_applications().unwrap();
    let expected = [("/usr/bin/python3", 1), ("/opt/tool.py", 2), ("/opt/tool.py", 3)];
    assert_eq!(known[0].executables, expected.map(|(path, content)| executable(path, content)));
    let applications = place.reader().applications(None).unwrap();
    assert_eq!(
        (applications[0].executables, &applications[0].executable.file),
        (1, &executable("/usr/bin/python3", 1))
    );

    let question = Question { by: vec![Dimension::Script], ..everything() };
    let rows = place.reader().answer(&question, &Limits::default()).unwrap().groups;
    assert!(rows.iter().all(|row| !row.keys.contains_key("script_provenance")), "nobody looked");
    let hashes: Vec<_> =
        rows.iter().map(|row| row.keys.get("script_sha256").map(|hash| &hash[..2])).collect();
    assert_eq!(hashes, [None, Some("02"), Some("03")]);
    assert!(rows.iter().all(|row| row.keys["script"] == "/opt/tool.py"));
    place.assert_sound();
}

#[test]
fn applications_say_where_the_newest_executable_and_the_newest_script_come_from() {
    let place = Place::new();
    let mut history = place.history();
    let later = |record: Record| Record { first: UnixMillis(record.first.0 + 1), ..record };
    history.write(&[script(2, Some(Provenance::Verified(package("tool", "1"))))]).unwrap();
    history.write(&[later(script(3, Some(Provenance::Unowned)))]).unwrap();
    let uid = record().uid;
    for viewer in [None, Some(uid)] {
        let applications = place.reader().applications(viewer).unwrap();
        let [application] = applications.as_slice() else { panic!("{applications:?}") };
        let verified = Provenance::Verified(package("python3", "3.11"));
        assert_eq!(application.executable.file, executable("/usr/bin/python3", 1));
        assert_eq!(application.executable.provenance, Some(verified));
        let newest = application.script.as_ref().unwrap();
        assert_eq!(newest.file, executable("/opt/tool.py", 3));
        assert_eq!(newest.provenance, Some(Provenance::Unowned));
    }

    let another = Record { uid: Uid(uid.0 + 1), ..later(later(script(4, None))) };
    history.write(&[another]).unwrap();
    let of = |viewer| place.reader().applications(Some(viewer)).unwrap().remove(0).script.unwrap();
    assert_eq!(of(uid).file, executable("/opt/tool.py", 3), "another user's script stays that user's");
    let never_looked_at = of(Uid(uid.0 + 1));
    assert_eq!((never_looked_at.file, never_looked_at.provenance), (executable("/opt/tool.py", 4), None));
}

#[test]
fn every_provenance_reads_back() {
    let managers = PackageManager::ALL.map(|manager| Package { manager, ..package("curl", "1:7.88") });
    let mut provenances: Vec<_> = managers.into_iter().map(Provenance::Verified).collect();
    provenances.push(Provenance::Modified(package("curl", "2")));
    provenances.push(Provenance::Unchecked(package("curl", "2")));
    provenances.extend([Provenance::Unowned, Provenance::Unknown("It could not be read.".into())]);
    for provenance in provenances {
        let place = Place::new();
        place.history().write(&[run(provenance.clone(), 1)]).unwrap();
        let read = place.reader().applications(None).unwrap().remove(0).executable.provenance;
        assert_eq!(read, Some(provenance));
    }
}

#[test]
fn rows_by_executable_and_by_script_say_where_each_comes_from() {
    let place = Place::new();
    let unlooked = Record { owner: Owner::Kernel, ..record() };
    place.history().write(&[script(2, Some(Provenance::Unowned)), unlooked]).unwrap();
    let question = Question { by: vec![Dimension::Executable, Dimension::Script], ..everything() };
    let rows = place.reader().answer(&question, &Limits::default()).unwrap().groups;
    let key = |row: usize, key: &str| rows[row].keys.get(key).map(String::as_str);
    let of_python = usize::from(key(0, "kernel").is_some());
    assert_eq!(key(of_python, "provenance"), Some("verified"));
    assert_eq!(key(of_python, "package"), Some("deb python3 3.11"));
    assert_eq!(key(of_python, "script_provenance"), Some("unowned"));
    assert_eq!(key(of_python, "script_package"), None);
    assert_eq!(key(1 - of_python, "provenance"), None);
}
