use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use portolan_core::{Bytes, Dimension, UnixMillis};
use portolan_history::{
    History, Limits, OpenError, Question, ReadError, Reader, Record, Salvage, WriteError,
};

use crate::world::{Dice, Place, everything, record, records, service};

fn sqlite(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_new_file_is_readable_by_its_owner_only() {
    let place = Place::new();
    let mut history = place.history();
    history.write(&[record()]).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mut path = place.path().into_os_string();
        path.push(suffix);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    let pragma = |name: &str| -> String {
        let connection = rusqlite::Connection::open(place.path()).unwrap();
        connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| format!("{value:?}"))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("auto_vacuum"), "Integer(2)");
    assert_eq!(pragma("user_version"), "Integer(13)");
    let info = place.reader().info().unwrap();
    assert_eq!(info.first_bucket, Some(record().bucket_start));
    assert!(info.file_bytes > 0 && info.log_bytes > 0, "{info:?}");
}

#[test]
fn what_the_first_version_wrote_stays_and_new_rows_have_their_place() {
    let place = Place::new();
    let first = include_str!("../../src/migrations/0001_first.sql");
    sqlite(
        &place.path(),
        &format!(
            "{first}
            PRAGMA application_id = 0x504f5254; PRAGMA user_version = 1;
            INSERT INTO text VALUES (1, '/usr/bin/curl'), (2, 'curl https://example.org');
            INSERT INTO executable VALUES (1, 1, zeroblob(32));
            INSERT INTO lineage VALUES (1, 1, NULL);
            INSERT INTO application (id, key) VALUES (1, 'path:/usr/bin/curl');
            INSERT INTO actor VALUES (1, 'program', NULL, 1, 1, 2, 1000, 4026531840);
            INSERT INTO peer VALUES (1, 'tcp', 'outbound', NULL, NULL, 443);
            INSERT INTO bucket VALUES (1, 1700000000000, 10000);
            INSERT INTO traffic VALUES (1, 1, 1, 0, 0, 7, 8, 1, 0, 0);"
        ),
    );
    let mut history = place.history();
    history.write(&[record(), record()]).unwrap();
    let question = Question { by: vec![Dimension::Unit, Dimension::Namespace], ..everything() };
    let rows = place.reader().answer(&question, &Limits::default()).unwrap().groups;
    let units: Vec<_> = rows.iter().map(|row| (row.keys.get("unit").cloned(), row.sum.bytes.tx)).collect();
    assert_eq!(units, [(Some("web.service".to_owned()), 200), (None, 7)]);
    assert!(rows.iter().all(|row| row.keys["namespace"] == "4026531840"));
    place.assert_sound();
}

#[test]
fn an_empty_file_becomes_a_history() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    assert!(matches!(Reader::open(&place.path()), Err(OpenError::Empty { .. })));
    place.history().write(&[record()]).unwrap();
    place.assert_sound();
}

#[test]
fn what_is_no_history_is_named_and_left_alone() {
    let place = Place::new();
    let path = place.path();
    let unchanged = |content: &[u8], check: fn(&OpenError) -> bool| {
        for error in [History::open(&path).unwrap_err(), Reader::open(&path).unwrap_err()] {
            assert!(check(&error), "{error:?}");
            assert!(error.to_string().contains("history.sqlite"));
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    };
    for text in ["hello\n".to_owned(), "hello\n".repeat(2000)] {
        fs::write(&path, &text).unwrap();
        unchanged(text.as_bytes(), |error| matches!(error, OpenError::NotADatabase { .. }));
    }

    fs::remove_file(&path).unwrap();
    sqlite(&path, "CREATE TABLE moz_places (id INTEGER); PRAGMA user_version = 1");
    unchanged(&fs::read(&path).unwrap(), |error| matches!(error, OpenError::NotAHistory { .. }));

    fs::remove_file(&path).unwrap();
    drop(place.history());
    sqlite(
        &path,
        "ALTER TABLE domain RENAME TO elsewhere;
            CREATE VIEW domain AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
                SELECT x AS id, 'a' AS name, NULL AS registrable FROM n;
            PRAGMA wal_checkpoint(TRUNCATE)",
    );
    unchanged(&fs::read(&path).unwrap(), |error| matches!(error, OpenError::NotAHistory { .. }));

    fs::remove_file(&path).unwrap();
    drop(place.history());
    sqlite(&path, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
    unchanged(&fs::read(&path).unwrap(), |error| {
        matches!(error, OpenError::NewerVersion { found: 99, known: 13, .. })
    });
}

#[test]
fn a_place_where_no_file_can_be_is_named() {
    let place = Place::new();
    let dir = place.dir.path();
    assert!(matches!(Reader::open(&place.path()), Err(OpenError::Missing { .. })));
    assert!(matches!(History::open(&dir.join("no/history.sqlite")), Err(OpenError::Create { .. })));
    symlink("/nowhere/at/all", dir.join("dangling")).unwrap();
    symlink(place.path(), dir.join("leads")).unwrap();
    drop(place.history());
    for link in ["dangling", "leads"] {
        assert!(matches!(History::open(&dir.join(link)), Err(OpenError::NotAFile { .. })));
    }
    fs::remove_file(place.path()).unwrap();
    for open in [|path: &Path| History::open(path).map(drop), |path: &Path| Reader::open(path).map(drop)] {
        assert!(matches!(open(dir), Err(OpenError::NotAFile { .. })));
        assert!(matches!(open(Path::new("/dev/null")), Err(OpenError::NotAFile { .. })));
    }
}

#[test]
fn a_truncated_file_is_damaged_and_can_be_set_aside() {
    let place = Place::new();
    place.history().write(&records(&mut Dice(3), 2000)).unwrap();
    let path = place.path();
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    let content = fs::read(&path).unwrap();
    assert!(matches!(History::open(&path), Err(OpenError::Damaged { .. })));
    assert!(matches!(Reader::open(&path), Err(OpenError::Damaged { .. })));

    let aside = set_aside(&path);
    assert_eq!(aside, place.dir.path().join("history.sqlite.damaged-1234"));
    assert_eq!(fs::read(&aside).unwrap(), content);
    place.history().write(&[record()]).unwrap();
    // Again in the same millisecond, with a log beside the file: both go, nothing is overwritten.
    fs::write(place.dir.path().join("history.sqlite-wal"), "log").unwrap();
    let again = set_aside(&path);
    assert_eq!(again, place.dir.path().join("history.sqlite.damaged-1235"));
    assert_eq!(fs::read(place.dir.path().join("history.sqlite.damaged-1235-wal")).unwrap(), b"log");
    assert_eq!(fs::read(&aside).unwrap(), content);
    fs::remove_file(&path).unwrap();
    assert!(Salvage::begin(&path, UnixMillis(1234)).is_err(), "there is nothing to set aside");
}

fn set_aside(path: &Path) -> std::path::PathBuf {
    Salvage::begin(path, UnixMillis(1234)).unwrap().saved().aside.clone()
}

#[test]
fn damage_inside_the_file_is_an_error_and_no_panic() {
    let place = Place::new();
    let mut dice = Dice(11);
    let all = records(&mut dice, 2000);
    place.history().write(&all).unwrap();
    let sound = fs::read(place.path()).unwrap();
    let by = Question { by: Dimension::ALL.to_vec(), ..everything() };
    let expected = place.reader().answer(&by, &Limits::default()).unwrap();
    let mut damaged = 0;
    for page in 0..sound.len() / 4096 {
        fs::write(place.path(), &sound).unwrap();
        let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
        let garbage: Vec<u8> = (0..4096).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        file.write_all_at(&garbage, u64::try_from(page * 4096).unwrap()).unwrap();
        match Reader::open(&place.path()) {
            Err(OpenError::Damaged { .. } | OpenError::NotADatabase { .. }) => damaged += 1,
            Err(other) => panic!("{other:?}"),
            Ok(reader) => match reader.naming_services(service).unwrap().answer(&by, &Limits::default()) {
                Err(
                    ReadError::Damaged(_) | ReadError::DamagedInterval { .. } | ReadError::NumberTooLarge(_),
                ) => {
                    damaged += 1;
                }
                Err(other) => panic!("{other:?}"),
                // A page that this question does not touch.
                Ok(answer) => assert_eq!(answer, expected),
            },
        }
        if let Ok(mut history) = History::open(&place.path()) {
            match history.write(&all) {
                Ok(()) | Err(WriteError::Damaged(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    assert!(damaged > 5, "{damaged}");
}

#[test]
fn a_writer_that_dies_loses_nothing_that_was_written() {
    let place = Place::new();
    let mut history = place.history();
    let all = records(&mut Dice(21), 500);
    history.write(&all).unwrap();
    // What is on the disk while the writer still has it open is what is there after a kill.
    let crashed = Place::new();
    let status = Command::new("cp")
        .args([place.path(), place.dir.path().join("history.sqlite-wal")])
        .arg(crashed.dir.path())
        .status();
    assert!(status.unwrap().success());
    let _history = crashed.history();
    let by = Question { by: Dimension::ALL.to_vec(), ..everything() };
    assert_eq!(
        crashed.reader().answer(&by, &Limits::default()).unwrap(),
        place.reader().answer(&by, &Limits::default()).unwrap()
    );
    crashed.assert_sound();
}

#[test]
fn a_reader_cannot_write_and_sees_what_was_committed() {
    let place = Place::new();
    let mut history = place.history();
    let reader = place.reader();
    history.write(&[record()]).unwrap();
    assert_eq!(reader.answer(&everything(), &Limits::default()).unwrap().groups[0].sum.bytes, record().bytes);
    history.write(&[record(), Record { bucket_start: UnixMillis(0), ..record() }]).unwrap();
    assert_eq!(reader.answer(&everything(), &Limits::default()).unwrap().groups[0].sum.bytes.tx, 300);
}

#[test]
fn the_log_stays_small_over_many_writes() {
    let place = Place::new();
    let mut history = place.history();
    let mut dice = Dice(4);
    for _ in 0..30 {
        history.write(&records(&mut dice, 400)).unwrap();
    }
    let info = place.reader().info().unwrap();
    assert!(info.log_bytes <= 9 * 1024 * 1024, "{info:?}");
}

#[test]
fn a_checkpoint_is_there_with_its_records_or_not_at_all() {
    use portolan_history::Checkpoint;
    let place = Place::new();
    let mut history = place.history();
    assert_eq!(history.checkpoint().unwrap(), None);
    let checkpoint_of = |epoch| Checkpoint {
        journal: -5,
        epoch,
        tables: 6,
        accounted: Bytes { tx: epoch, rx: 30 },
        waiting: Bytes { tx: 1, rx: epoch },
    };
    for epoch in [7, 8] {
        let checkpoint = checkpoint_of(epoch);
        history.write_up_to(&[record()], Some(checkpoint)).unwrap();
        assert_eq!(place.history().checkpoint().unwrap(), Some(checkpoint));
    }
    sqlite(
        &place.path(),
        "CREATE TRIGGER refuse BEFORE INSERT ON block BEGIN SELECT raise(ABORT, 'no'); END",
    );
    let later = Record { bucket_start: UnixMillis(990_000), ..record() };
    history.write_up_to(&[later], Some(checkpoint_of(9))).unwrap_err();
    assert_eq!(place.history().checkpoint().unwrap().map(|checkpoint| checkpoint.epoch), Some(8));
}

#[test]
fn a_history_that_loses_its_name_can_be_left_for_the_one_that_is_there_now() {
    let place = Place::new();
    let path = place.path();
    let flows = |path: &Path| {
        Reader::open(path).unwrap().answer(&everything(), &Limits::default()).unwrap().groups[0].sum.flows
    };
    let mut history = place.history();
    history.write(&[record()]).unwrap();
    assert!(history.is_in_place());
    // Renamed: it has everything, and its log is not taken for that of the next file.
    let renamed = path.with_extension("renamed");
    fs::rename(&path, &renamed).unwrap();
    assert!(!history.is_in_place());
    history.leave().unwrap();
    let mut history = place.history();
    assert_eq!(flows(&place.path()), 0);
    assert_eq!(flows(&renamed), record().flows_opened);
    // Replaced by a copy while the log of the file before is still there.
    history.write(&records(&mut Dice(5), 50)).unwrap();
    fs::remove_file(&path).unwrap();
    fs::copy(&renamed, &path).unwrap();
    assert!(!history.is_in_place());
    history.leave().unwrap();
    let mut history = place.history();
    history.write(&[Record { bucket_start: UnixMillis(990_000), ..record() }]).unwrap();
    assert_eq!(flows(&path), 2 * record().flows_opened);
    place.assert_sound();
    // Without its log.
    fs::remove_file(path.with_extension("sqlite-wal")).unwrap();
    assert!(!history.is_in_place());
    history.leave().unwrap();
    drop(place.history());
    assert_eq!(flows(&path), 2 * record().flows_opened);
}

#[test]
fn a_history_is_asked_without_room_and_nothing_is_written() {
    let place = Place::new();
    assert!(History::open_without_room(&place.path()).unwrap().is_none());
    fs::write(place.path(), "").unwrap();
    assert!(History::open_without_room(&place.path()).unwrap().is_none());
    let mut history = place.history();
    history.write(&records(&mut Dice(22), 500)).unwrap();
    let crashed = Place::new();
    let (file, log) = (place.path(), place.dir.path().join("history.sqlite-wal"));
    assert!(Command::new("cp").args([file, log]).arg(crashed.dir.path()).status().unwrap().success());
    let read = || {
        let log = crashed.dir.path().join("history.sqlite-wal");
        (fs::read(crashed.path()).unwrap(), fs::read(log).unwrap())
    };
    let before = read();
    let known = History::open_without_room(&crashed.path()).unwrap().unwrap().known_applications().unwrap();
    assert_eq!(known, place.history().known_applications().unwrap());
    assert!(!known.is_empty() && read() == before);
}
