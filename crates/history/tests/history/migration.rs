//! Files that older versions wrote.

use portolan_core::{FindingKind, Severity, Uid, UnixMillis};
use portolan_history::{Answered, FindingState, Learning};

use crate::world::{Place, record};

fn version_4(place: &Place, rows: &str) {
    let steps = [
        include_str!("../../src/migrations/0001_first.sql"),
        include_str!("../../src/migrations/0002_checkpoint.sql"),
        include_str!("../../src/migrations/0003_placement.sql"),
        include_str!("../../src/migrations/0004_accounted.sql"),
    ];
    let sql =
        format!("{}; PRAGMA application_id = 0x504f5254; PRAGMA user_version = 4; {rows}", steps.concat());
    rusqlite::Connection::open(place.path()).unwrap().execute_batch(&sql).unwrap();
}

#[test]
fn findings_of_version_4_stay_as_they_were() {
    let place = Place::new();
    version_4(
        &place,
        "INSERT INTO text VALUES (1, '/usr/bin/curl');
        INSERT INTO executable VALUES (1, 1, zeroblob(32)), (2, 1, x'0101010101010101010101010101010101010101010101010101010101010101');
        INSERT INTO lineage VALUES (1, 1, NULL), (2, 1, 1);
        INSERT INTO application (id, key) VALUES (1, 'path:/usr/bin/curl');
        INSERT INTO sighting VALUES (1, 1, 1000, 10, 20), (1, 2, 1000, 30, 40);
        INSERT INTO finding (id, kind, state, at_ms, uid, application_id, executable_id, answered_by, answered_ms)
            VALUES (3, 'new-application', 'approved', 10, 1000, 1, 1, 7, 15);
        INSERT INTO finding (id, kind, at_ms, uid, application_id, executable_id)
            VALUES (4, 'changed-executable', 30, 1000, 1, 2);
        INSERT INTO finding (id, kind, at_ms, detail) VALUES (9, 'lost-events', 35, '7 were lost');",
    );
    let mut history = place.history();
    let found = place.reader().findings(true, None).unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|row| (row.id, row.finding.kind, row.finding.severity, row.state, row.times, row.updated.0))
        .collect();
    use FindingState::{Approved, Open};
    assert_eq!(
        shown,
        [
            (9, FindingKind::LostEvents, Severity::Normal, Open, 1, 35),
            (4, FindingKind::ChangedExecutable, Severity::Loud, Open, 1, 30),
            (3, FindingKind::NewApplication, Severity::Normal, Approved, 1, 10),
        ]
    );
    assert_eq!(found[2].answered, Some(Answered { by: Uid(7), at: UnixMillis(15) }));
    assert!(found.iter().all(|row| row.finding.evidence.is_empty() && row.finding.group.is_none()));
    // Found again, it is the same one.
    let again = history.raise(&found[1].finding).unwrap();
    assert_eq!((again.id, again.times), (4, 2));
    assert_eq!(history.known_applications().unwrap()[0].executables.len(), 2);

    history.write(&[record()]).unwrap();
    place.assert_sound();
    // Who was told about each application has nothing to learn.
    let ended = Some(UnixMillis(10));
    assert_eq!(history.learning().unwrap(), Some(Learning { began: UnixMillis(10), ended }));
}

#[test]
fn an_empty_file_of_version_4_has_learned_nothing() {
    let place = Place::new();
    version_4(&place, "");
    assert_eq!(place.history().learning().unwrap(), None);
}
