//! Files that older versions wrote.

use std::{fs, time::Duration};

use portolan_core::{Dimension, FindingKind, Severity, Uid, UnixMillis};
use portolan_history::{
    Answered, FindingState, History, Learning, Limits, OpenError, Question, Reader, Record, Salvage,
    WriteError,
};

use crate::world::{Place, everything, record};

const STEPS: [&str; 6] = [
    include_str!("../../src/migrations/0001_first.sql"),
    include_str!("../../src/migrations/0002_checkpoint.sql"),
    include_str!("../../src/migrations/0003_placement.sql"),
    include_str!("../../src/migrations/0004_accounted.sql"),
    include_str!("../../src/migrations/0005_findings.sql"),
    include_str!("../../src/migrations/0006_names.sql"),
];

/// A file as that version wrote it.
pub(crate) fn version(version: usize, place: &Place, rows: &str) {
    let steps = STEPS[..version].concat();
    let sql = format!("{steps}; PRAGMA application_id = 0x504f5254; PRAGMA user_version = {version}; {rows}");
    rusqlite::Connection::open(place.path()).unwrap().execute_batch(&sql).unwrap();
}

#[test]
fn findings_of_version_4_stay_as_they_were() {
    let place = Place::new();
    version(
        4,
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
    assert_eq!(
        history.learning().unwrap(),
        Some(Learning { began: UnixMillis(10), ended, learned: Duration::ZERO })
    );
}

#[test]
fn an_empty_file_of_version_4_has_learned_nothing() {
    let place = Place::new();
    version(4, &place, "");
    assert_eq!(place.history().learning().unwrap(), None);
}

#[test]
fn peers_of_version_5_have_no_name_and_stay_what_they_were() {
    let place = Place::new();
    version(
        5,
        &place,
        "INSERT INTO text VALUES (1, '/usr/bin/curl'), (2, 'curl https://example.org'), (3, 'web.service');
        INSERT INTO executable (id, path_id, sha256) VALUES (1, 1, zeroblob(32));
        INSERT INTO lineage (id, executable_id) VALUES (1, 1);
        INSERT INTO application (id, key) VALUES (1, 'path:/usr/bin/curl');
        INSERT INTO address VALUES (1, x'c0000207'), (2, x'20010db8000000000000000000000001');
        INSERT INTO actor VALUES (1, 'program', NULL, 1, 1, 2, 1000, 4026531840, 3, NULL);
        INSERT INTO peer VALUES (7, 'tcp', 'outbound', 1, 2, 443);
        INSERT INTO bucket VALUES (1, 1700000000000, 10000);
        INSERT INTO traffic VALUES (1, 1, 7, 40000, 443, 7, 8, 1, 0, 0);
        INSERT INTO finding (id, kind, at_ms, uid, application_id, executable_id, remote_address_id, remote_port)
            VALUES (3, 'new-application', 10, 1000, 1, 1, 2, 443);",
    );
    let mut history = place.history();
    let unnamed = Record { name: None, place: None, recognised: None, ..record() };
    history.write(&[record(), unnamed]).unwrap();
    let by = vec![
        Dimension::Domain,
        Dimension::RegistrableDomain,
        Dimension::Country,
        Dimension::Asn,
        Dimension::Service,
    ];
    let rows = place.reader().answer(&Question { by, ..everything() }, &Limits::default()).unwrap().groups;
    let keys =
        |pairs: &[(&'static str, &str)]| pairs.iter().map(|(key, value)| (*key, value.to_string())).collect();
    let shown: Vec<_> = rows.into_iter().map(|row| (row.sum.bytes.tx, row.keys)).collect();
    // What was known by nothing but address and port before is so now, with what is added without a name.
    let old = keys(&[("service", "https"), ("recognised", "false")]);
    let new = keys(&[
        ("domain", "www.example.org"),
        ("name_source", "tls"),
        ("registrable_domain", "example.org"),
        ("country", "DE"),
        ("asn", "64496"),
        ("asn_name", "Example"),
        ("service", "tls"),
        ("recognised", "true"),
    ]);
    assert_eq!(shown, [(107, old), (100, new)]);
    let peers: i64 = rusqlite::Connection::open(place.path())
        .unwrap()
        .query_row("SELECT count(*) FROM peer", [], |row| row.get(0))
        .unwrap();
    assert_eq!(peers, 2);
    let found = place.reader().findings(true, None).unwrap();
    let subject = found[0].finding.subject.as_ref().unwrap();
    assert_eq!((subject.remote, &subject.remote_name), (record().remote, &None));
    place.assert_sound();
}

#[test]
fn traffic_of_version_6_is_in_blocks() {
    let place = Place::new();
    version(
        6,
        &place,
        "INSERT INTO actor (id, owner, uid, network_namespace) VALUES (1, 'kernel', 0, 1), (2, 'kernel', 1000, 1);
        INSERT INTO peer (id, protocol, direction, service_port) VALUES (7, 'tcp', 'outbound', 443), (8, 'udp', 'inbound', 53);
        INSERT INTO bucket VALUES (1, 1700000010000, 10000), (2, 1700000000000, 3600000), (3, 1600000000000, 10000);
        INSERT INTO traffic VALUES (1, 2, 7, 40000, 443, 9223372036854775807, 8, 1, 17, 9999),
            (1, 1, 8, 0, 0, 5, 6, 0, -3, 0), (2, 1, 8, 0, 65535, 1, 2, 3, 4, 3599999);",
    );
    let mut history = place.history();
    let by =
        vec![Dimension::Time, Dimension::User, Dimension::LocalPort, Dimension::RemotePort, Dimension::Port];
    let rows = place.reader().answer(&Question { by, ..everything() }, &Limits::default()).unwrap().groups;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let key = |key: &str| row.keys.get(key).map_or("", String::as_str);
            let keys =
                [key("time"), key("user"), key("local_port"), key("remote_port"), key("port")].join(" ");
            (
                keys,
                row.sum.bytes.tx,
                row.sum.bytes.rx,
                row.sum.flows,
                row.sum.first.unwrap().0,
                row.sum.last.unwrap().0,
            )
        })
        .collect();
    let (early, late) = (1_700_000_000_000, 1_700_000_010_000);
    let most = u64::try_from(i64::MAX).unwrap();
    assert_eq!(
        shown,
        [
            (format!("{late} 1000 40000 443 443"), most, 8, 1, late + 17, late + 9999),
            (format!("{late} 0   53"), 5, 6, 0, late, late),
            (format!("{early} 0  65535 53"), 1, 2, 3, early + 4, early + 3_599_999),
        ]
    );
    history.write(&[record()]).unwrap();
    place.assert_sound();
}

/// A file of version 6 with more rows than are turned into blocks at once, and peers that were told apart by their local address alone.
fn large_file_of_version_6(place: &Place) {
    version(
        6,
        place,
        "INSERT INTO actor (id, owner, uid, network_namespace) VALUES (1, 'kernel', 0, 1);
        INSERT INTO address VALUES (1, x'c0000207'), (2, x'c0000208');
        INSERT INTO peer (id, protocol, direction, local_address_id, service_port)
            VALUES (7, 'tcp', 'outbound', 1, 443), (8, 'tcp', 'outbound', 2, 443);
        CREATE TEMP TABLE n AS WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1000)
            SELECT value FROM n;
        INSERT INTO bucket SELECT value, 1600000000000 + value * 10000, 10000 FROM n WHERE value <= 60;
        INSERT INTO traffic SELECT bucket.id, 1, 7 + bucket.id % 2, n.value, 443, 1, 2, 1, 0, 0 FROM bucket, n;",
    );
}

/// Bytes sent, flows, peers, and rows of the old tables.
fn held(place: &Place) -> (u64, u64, i64) {
    let answer = place.reader().answer(&everything(), &Limits::default()).unwrap();
    let peers = rusqlite::Connection::open(place.path())
        .unwrap()
        .query_row("SELECT count(*) FROM peer", [], |row| row.get(0))
        .unwrap();
    (answer.total.bytes.tx, answer.total.flows, peers)
}

#[test]
fn a_large_file_of_version_6_is_turned_in_steps_and_whoever_is_killed_goes_on() {
    let place = Place::new();
    large_file_of_version_6(&place);
    let (path, log) = (place.path(), place.dir.path().join("history.sqlite-wal"));
    let (mut opened, mut longest) = (0, 0);
    loop {
        // Every connection makes two steps and is killed.
        let mut history = History::open(&path).unwrap();
        opened += 1;
        assert_eq!(history.learning().unwrap(), None, "what is small can be asked meanwhile");
        if history.is_behind() {
            assert!(matches!(history.write(&[record()]), Err(WriteError::Behind)));
            assert!(matches!(Reader::open(&path), Err(OpenError::OlderVersion { found: 7, .. })));
            history.catch_up().unwrap();
        }
        longest = longest.max(fs::metadata(&log).unwrap().len());
        let is_done = !history.is_behind();
        let files = [&path, &log].map(|file| (file.clone(), fs::read(file).unwrap()));
        drop(history);
        files.iter().for_each(|(file, content)| fs::write(file, content).unwrap());
        if is_done {
            break;
        }
    }
    assert!(opened > 1, "one step is not all");
    assert!(longest < 8 << 20, "{longest} bytes of log");
    drop(place.history());
    assert_eq!(held(&place), (60_000, 60_000, 1));
    place.assert_sound();
}

#[test]
fn a_file_that_is_damaged_while_it_is_turned_is_saved_with_both_halves() {
    let place = Place::new();
    large_file_of_version_6(&place);
    let history = History::open(&place.path()).unwrap();
    assert!(history.is_behind());
    drop(history);
    let mut salvage = Some(Salvage::begin(&place.path(), UnixMillis(9)).unwrap());
    let mut history = History::open(&place.path()).unwrap();
    assert!(!history.is_behind());
    while salvage.is_some() {
        history.save(&mut salvage, 1000).unwrap();
    }
    drop(history);
    assert_eq!(held(&place), (60_000, 60_000, 1));
    place.assert_sound();
}
