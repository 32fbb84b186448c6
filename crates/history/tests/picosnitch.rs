//! Databases of picosnitch, as it makes them and as nobody should.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

use std::path::{Path, PathBuf};

use portolan_core::{Owner, ReviewState, Uid, Unattributed, UnixMillis};
use portolan_history::{
    Batch, History, Imported, Importing, Reader,
    picosnitch::{FileError, Picosnitch},
};
use rusqlite::Connection;
use tempfile::TempDir;

/// The tables of version 4.
const TABLES: &str = "
    CREATE TABLE executables (id INTEGER PRIMARY KEY, exe TEXT NOT NULL, name TEXT NOT NULL, cmdline TEXT NOT NULL,
        sha256 TEXT NOT NULL, UNIQUE (exe, name, cmdline, sha256)) STRICT;
    CREATE TABLE domains (id INTEGER PRIMARY KEY, domain TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE addresses (id INTEGER PRIMARY KEY, addr TEXT NOT NULL UNIQUE) STRICT;";
const CONNECTIONS: &str = "
    CREATE TABLE connections (contime INTEGER NOT NULL, send INTEGER NOT NULL, recv INTEGER NOT NULL,
        events INTEGER NOT NULL, exe_id INTEGER NOT NULL, pexe_id INTEGER NOT NULL, gpexe_id INTEGER NOT NULL,
        uid INTEGER NOT NULL, family INTEGER NOT NULL, protocol INTEGER NOT NULL, lport INTEGER NOT NULL,
        rport INTEGER NOT NULL, laddr_id INTEGER NOT NULL, raddr_id INTEGER NOT NULL, domain_id INTEGER NOT NULL,
        netns INTEGER NOT NULL) STRICT;";
/// The same without types, as another program may have made it.
const LOOSE: &str = "
    CREATE TABLE connections (contime, send, recv, events, exe_id, pexe_id, gpexe_id, uid, family, protocol, lport, rport,
        laddr_id, raddr_id, domain_id, netns);";
const WORDS: &str = "
    INSERT INTO executables VALUES (0, '', '', '', ''),
        (1, '/usr/bin/curl', 'curl', 'curl --user me:hunter2 x',
            'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'),
        (2, '/usr/bin/bash', 'bash', 'bash', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'),
        (3, '', '', '''''', ''), (4, '/opt/gone', 'gone', 'gone', '!!! FD Read Error');
    INSERT INTO domains VALUES (0, ''), (1, 'org.example.www'), (2, '192.0.2.7');
    INSERT INTO addresses VALUES (0, ''), (1, '10.0.0.2'), (2, '192.0.2.7'), (3, 'fe80::1%eth0');
    PRAGMA user_version = 4;";
const NOW: UnixMillis = UnixMillis(2_000_000_000_000);

fn database(dir: &TempDir, sql: &[&str]) -> PathBuf {
    let path = dir.path().join("picosnitch.db");
    let connection = Connection::open(&path).unwrap();
    sql.iter().for_each(|sql| connection.execute_batch(sql).unwrap());
    path
}

fn row(seconds: i64, tx: i64) -> String {
    format!(
        "INSERT INTO connections VALUES ({seconds}, {tx}, 7, 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 4026531840);"
    )
}

fn importing() -> Importing {
    Importing { now: NOW, bucket_ms: 10_000, keeps_command_lines: true, registrable: |_| None }
}

fn batches(path: &Path, size: usize) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut take = |batch| {
        batches.push(batch);
        Ok(())
    };
    Picosnitch::open(path).unwrap().batches(size, &mut take).unwrap();
    batches
}

fn import(history: &mut History, batches: &[Batch]) -> Imported {
    batches.iter().fold(Imported::default(), |sum, batch| {
        let done = history.import(&importing().prepare(batch), Uid(0), NOW).unwrap();
        Imported { added: sum.added + done.added, known: sum.known + done.known }
    })
}

#[test]
fn rows_become_what_they_say_and_no_more() {
    let dir = TempDir::new().unwrap();
    let path = database(
        &dir,
        &[
            TABLES,
            CONNECTIONS,
            WORDS,
            &row(1_700_000_001, 5),
            "
        INSERT INTO connections VALUES (1700000002, 1, 2, 3, 4, 2, 0, -1, 0, 0, -1, -1, 0, 3, 2, 0)",
        ],
    );
    let batches = batches(&path, 100);
    assert_eq!(batches.len(), 1);
    let mut history = History::open(&dir.path().join("history.sqlite")).unwrap();
    assert_eq!(import(&mut history, &batches), Imported { added: 2, known: 0 });
    let flows = &batches[0].flows;
    assert_eq!(flows[0].domain, "www.example.org");
    assert_eq!(flows[0].programs.len(), 3);
    assert_eq!(
        (flows[1].uid, flows[1].protocol, flows[1].local, flows[1].local_port),
        (None, None, None, None)
    );
    assert_eq!(
        (flows[1].domain.as_str(), flows[1].programs.len()),
        ("", 2),
        "a name that is an address is none"
    );
    assert_eq!(flows[1].remote, "fe80::1".parse().ok());
    drop(history);
    let known = Reader::open(&dir.path().join("history.sqlite")).unwrap().applications(None).unwrap();
    let keys: Vec<_> =
        known.iter().map(|known| (known.application.as_untrusted().as_raw(), known.review)).collect();
    assert_eq!(keys, [("imported:/usr/bin/curl", ReviewState::Ignored)], "nobody is asked to review it");
}

#[test]
fn no_secret_and_no_guess_comes_with_them() {
    let dir = TempDir::new().unwrap();
    let path = database(&dir, &[TABLES, CONNECTIONS, WORDS, &row(1_700_000_001, 5)]);
    let ready = format!("{:?}", importing().prepare(&batches(&path, 100)[0]));
    assert!(ready.contains("www.example.org") && !ready.contains("hunter2"), "{ready}");
    let without = Importing { keeps_command_lines: false, ..importing() };
    assert!(!format!("{:?}", without.prepare(&batches(&path, 100)[0])).contains("--user"));
    let nobody = format!("{:?}", Owner::Unattributed(Unattributed::Imported));
    assert!(!ready.contains(&nobody), "its content is known");
}

#[test]
fn nothing_is_counted_twice() {
    let dir = TempDir::new().unwrap();
    let rows: String = (0..50).map(|number| row(1_700_000_000 + number / 5, number + 1)).collect();
    let path = database(&dir, &[TABLES, CONNECTIONS, WORDS, &rows]);
    let mut history = History::open(&dir.path().join("history.sqlite")).unwrap();
    let first = batches(&path, 7);
    // It ended in the middle, and is begun again, with other batches.
    assert_eq!(import(&mut history, &first[..2]).known, 0);
    let told: usize = first[..2].iter().map(|batch| batch.flows.len()).sum();
    let told = u64::try_from(told).unwrap();
    assert_eq!(import(&mut history, &batches(&path, 20)), Imported { added: 50 - told, known: told });
    assert_eq!(import(&mut history, &first), Imported { added: 0, known: 50 });
    // picosnitch went on, and forgot its oldest rows.
    let connection = Connection::open(&path).unwrap();
    connection.execute("DELETE FROM connections WHERE contime < 1700000003", []).unwrap();
    connection.execute_batch(&row(1_700_000_010, 1)).unwrap();
    drop(connection);
    assert_eq!(import(&mut history, &batches(&path, 7)), Imported { added: 1, known: 35 });
    // And a copy from before all that.
    drop(history);
    let mut history = History::open(&dir.path().join("history.sqlite")).unwrap();
    assert_eq!(import(&mut history, &first), Imported { added: 0, known: 50 });
}

#[test]
fn what_cannot_be_is_refused_row_by_row() {
    let dir = TempDir::new().unwrap();
    let long = "x".repeat(2_000_000);
    let words = format!(
        "INSERT INTO executables VALUES (5, '/{long}', '', '', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc');
        INSERT INTO domains VALUES (5, '{long}'); INSERT INTO addresses VALUES (5, '{long}');"
    );
    let rows = "
        INSERT INTO connections VALUES ('x', 1, 7, 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (1700000000, -1, 7, 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (NULL, 1.5, x'00', 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (9000000000000, 1, 7, 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (9223372036854775807, 1, 7, 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (0, 1, 7, 3, 1, 2, 3, 1000, 2, 6, 40000, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (1700000000, 9223372036854775807, 7, 3, 1, 2, 3, 1000, 2, 6, 1, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (1700000000, 0, 0, 3, 1, 2, 3, 1000, 2, 6, 1, 443, 1, 2, 1, 0);
        INSERT INTO connections VALUES (1700000000, 1, 1, 3, 5, 99, -9, 99999999999, 2, 999, 99999, -443, 5, 99, 5, -1);";
    let path = database(&dir, &[TABLES, LOOSE, WORDS, &words, rows]);
    let mut batches = Vec::new();
    let mut take = |batch| {
        batches.push(batch);
        Ok(())
    };
    assert_eq!(Picosnitch::open(&path).unwrap().batches(100, &mut take).unwrap(), 3);
    let ready = importing().prepare(&batches[0]);
    let refused: Vec<(&str, u64)> = ready.refused.iter().map(|(why, rows)| (why.as_str(), *rows)).collect();
    let expected = [
        ("a time before the year 2000", 1),
        ("a time in the future", 2),
        ("more bytes than a machine can move", 1),
        ("nothing moved", 1),
    ];
    assert_eq!(refused, expected);
    let mut history = History::open(&dir.path().join("history.sqlite")).unwrap();
    assert_eq!(import(&mut history, &batches), Imported { added: 1, known: 0 });
}

#[test]
fn a_file_that_is_something_else_is_named() {
    let refused = |sql: &[&str]| {
        let dir = TempDir::new().unwrap();
        Picosnitch::open(&database(&dir, sql)).unwrap_err().to_string()
    };
    assert!(refused(&["CREATE TABLE x (y)"]).contains("no table executables"));
    assert!(refused(&[TABLES, CONNECTIONS, WORDS, "PRAGMA user_version = 3"]).contains("version 3"));
    let view = "CREATE VIEW connections AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS contime FROM n";
    assert!(refused(&[TABLES, view, WORDS]).contains("its connections is no plain table"));
    let virtual_table = "CREATE VIRTUAL TABLE connections USING fts5 (contime)";
    assert!(refused(&[TABLES, virtual_table, WORDS]).contains("no plain table"));
    assert!(refused(&[TABLES, &LOOSE.replace(", netns", ""), WORDS]).contains("no column netns"));
    for (table, key) in [
        ("executables", "id INTEGER"),
        ("domains", "id INTEGER UNIQUE"),
        ("addresses", "id TEXT PRIMARY KEY"),
    ] {
        let from = format!("{table} (id INTEGER PRIMARY KEY");
        let slow = TABLES.replace(&from, &format!("{table} ({key}"));
        let why = refused(&[&slow, CONNECTIONS, WORDS]);
        assert!(why.contains(&format!("the id of its table {table} is no")), "{why}");
    }
    let generated = LOOSE.replace("netns)", "netns, x)").replace("send,", "send AS (zeroblob(1000000000)),");
    assert!(refused(&[TABLES, &generated, WORDS]).contains("no column send"));
    let dir = TempDir::new().unwrap();
    assert!(matches!(Picosnitch::open(dir.path()), Err(FileError::Open { .. })));
    assert!(matches!(Picosnitch::open(&dir.path().join("none")), Err(FileError::Open { .. })));
    std::fs::write(
        dir.path().join("text"),
        "no database at all, but long enough to be read as one".repeat(50),
    )
    .unwrap();
    assert!(matches!(Picosnitch::open(&dir.path().join("text")), Err(FileError::NotPicosnitch { .. })));
}

#[test]
fn no_damage_of_any_page_makes_it_panic_or_write() {
    let dir = TempDir::new().unwrap();
    let rows: String = (0..400).map(|number| row(1_700_000_000 + number / 5, number + 1)).collect();
    let path = database(&dir, &[TABLES, CONNECTIONS, WORDS, &rows]);
    let whole = std::fs::read(&path).unwrap();
    let mut read_to_the_end = 0;
    for number in 0..200 {
        let mut bytes = whole.clone();
        for step in 0..8 {
            let at = (number * 7919 + step * 104_729) % bytes.len();
            bytes[at] = bytes[at].wrapping_add(u8::try_from(number % 251).unwrap() + 1);
        }
        std::fs::write(&path, &bytes).unwrap();
        let mut take = |batch: Batch| {
            drop(importing().prepare(&batch));
            Ok(())
        };
        if let Ok(file) = Picosnitch::open(&path) {
            read_to_the_end += usize::from(file.batches(50, &mut take).is_ok());
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    assert!(read_to_the_end > 0 && read_to_the_end < 200, "{read_to_the_end}");
}

#[test]
fn a_file_that_cannot_be_written_beside_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let path =
        database(&dir, &["PRAGMA journal_mode = WAL", TABLES, CONNECTIONS, WORDS, &row(1_700_000_001, 5)]);
    let mut permissions = dir.path().metadata().unwrap().permissions();
    permissions.set_mode(0o555);
    std::fs::set_permissions(dir.path(), permissions).unwrap();
    assert_eq!(batches(&path, 100)[0].flows.len(), 1);
}

#[test]
fn a_batch_from_beyond_the_end_of_all_numbers_is_no_panic() {
    let dir = TempDir::new().unwrap();
    let path = database(&dir, &[TABLES, CONNECTIONS, WORDS, &row(1_700_000_001, 5), &row(1_700_000_011, 6)]);
    let mut history = History::open(&dir.path().join("history.sqlite")).unwrap();
    let mut batch = batches(&path, 100).remove(0);
    batch.before = u64::MAX;
    assert_eq!(import(&mut history, &[batch]).added, 2);
}
