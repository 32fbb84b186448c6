//! Where executables come from, and what scripts they run.

use std::sync::Arc;

use portolan_core::{
    Dimension, FileContent, Lineage, Owner, Package, PackageManager, Provenance, Sha256Digest, UnixMillis,
};
use portolan_history::{Question, Record};

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
    let package = |version: &str| Package {
        manager: PackageManager::Deb,
        name: "curl".into(),
        version: version.into(),
    };
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
        (applications[0].executables, &applications[0].executable),
        (1, &executable("/usr/bin/python3", 1))
    );

    let question = Question { by: vec![Dimension::Script], ..everything() };
    let rows = place.reader().query(&question).unwrap().rows;
    let hashes: Vec<_> =
        rows.iter().map(|row| row.keys.get("script_sha256").map(|hash| &hash[..2])).collect();
    assert_eq!(hashes, [None, Some("02"), Some("03")]);
    assert!(rows.iter().all(|row| row.keys["script"] == "/opt/tool.py"));
    place.assert_sound();
}
