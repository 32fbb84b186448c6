use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use portolan_config::LogFormat;
use portolan_core::{Bytes, Direction, Owner, Protocol, Uid, UnixMillis};

use super::*;

fn record(command: &str) -> Record {
    Record {
        bucket_start: UnixMillis(1_700_000_000_000),
        bucket_ms: 10_000,
        owner: Owner::Kernel,
        command_line: Some(command.into()),
        placement: Arc::default(),
        uid: Uid(0),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: None,
        remote: None,
        name: None,
        place: None,
        service_port: None,
        recognised: None,
        network_namespace: 0,
        bytes: Bytes { tx: 3, rx: 5 },
        flows_opened: 1,
        first: UnixMillis(1_700_000_000_000),
        last: UnixMillis(1_700_000_000_001),
    }
}

fn finding() -> Finding {
    Finding {
        id: 7,
        kind: "new-application".to_owned(),
        severity: portolan_bus::Severity::Loud,
        state: portolan_bus::FindingState::Open,
        unix_ms: 1_700_000_000_000,
        updated_unix_ms: 1_700_000_000_000,
        times: 1,
        snoozed_until_unix_ms: None,
        answered_by: None,
        answered_unix_ms: None,
        application: Some("=path:/tmp/\x1b[2J\n".to_owned()),
        path: Some("/tmp/\x1b[2J\n".to_owned()),
        sha256: None,
        previous_sha256: None,
        parent_path: None,
        uid: Some(1000),
        remote: Some("[::1]:443".to_owned()),
        remote_name: None,
        remote_name_inferred: false,
        detail: None,
        evidence: Some(r#"{"unidentified":["/opt/\u001b"]}"#.to_owned()),
    }
}

fn writer(path: &Path, format: LogFormat) -> Writer {
    let settings = Log { file: Some(path.to_owned()), format, rotate_bytes: 3_000, keep: 2 };
    Writer::new(settings, Arc::default())
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).map_or_else(|_| Vec::new(), |text| text.lines().map(str::to_owned).collect())
}

fn names(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn it_is_rotated_and_begun_again_when_somebody_takes_it_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut writer = writer(&path, LogFormat::Json);
    for _ in 0..20 {
        writer.take(&Offer::Flows(vec![record("x")]));
    }
    assert_eq!(names(dir.path()).len(), 3);
    assert!(fs::metadata(&path).unwrap().len() <= 3_000);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o137, 0, "nobody but root and its group reads it");
    fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    writer.take(&Offer::Flows(vec![record("x")]));
    assert_eq!(lines(&path).len(), 1);
}

#[test]
fn no_line_is_a_formula_or_an_order_to_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    for format in [LogFormat::Json, LogFormat::Csv] {
        let path = dir.path().join(format!("{format:?}"));
        let mut writer = writer(&path, format);
        writer.take(&Offer::Flows(vec![record("=1\x1b[2J\n\u{202e}")]));
        writer.take(&Offer::Finding(Box::new(finding())));
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.replace(['\r', '\n'], "").chars().any(|c| c.is_control() || c == '\u{202e}'), "{text}");
        let lines = lines(&path);
        if format == LogFormat::Csv {
            assert!(lines[0].starts_with("kind,finding,severity,state,detail,start,"), "{text}");
            assert!(lines[1].starts_with("flow,,,,,2023-11-14T") && text.contains(",'=1\\u{1b}"), "{text}");
            assert!(lines[2].starts_with("new-application,7,loud,open,,2023-11-14T"), "{text}");
            assert!(lines[2].contains(",'=path:/tmp/") && lines[2].contains(",::1,443,"), "{text}");
            let cells = |line: &str| line.matches(',').count();
            assert_eq!((lines.len(), cells(&lines[1])), (3, cells(&lines[0])));
        } else {
            assert!(lines[0].starts_with("{\"start\":") && lines[1].starts_with("{\"finding\":"), "{text}");
            let read: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
            assert_eq!(read["finding"]["evidence"]["unidentified"][0], "/opt/\x1b");
        }
    }
}

#[test]
fn a_file_of_the_other_format_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    writer(&path, LogFormat::Json).take(&Offer::Flows(vec![record("x")]));
    writer(&path, LogFormat::Csv).take(&Offer::Flows(vec![record("x")]));
    assert!(lines(&path)[0].starts_with("kind,"));
    assert!(lines(&path.with_extension("1"))[0].starts_with('{'));
}

#[test]
fn what_cannot_be_written_is_counted_and_said_until_it_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("folder/log");
    let log = TextLog::start(&Log { file: Some(path.clone()), ..Log::default() }).unwrap();
    log.flows(&[record("x"), record("y")]);
    log.end(Duration::from_secs(10));
    let notes = log.notes();
    assert!(notes[0].contains("folder cannot be opened") && notes[1].starts_with("2 lines"), "{notes:?}");
    fs::create_dir(path.parent().unwrap()).unwrap();
    log.flows(&[record("x")]);
    log.end(Duration::from_secs(10));
    assert_eq!((lines(&path).len(), log.notes().len()), (1, 1));
    log.configure(&Log::default());
    log.flows(&[record("x")]);
    log.end(Duration::from_secs(10));
    assert_eq!(lines(&path).len(), 1);
}

#[test]
fn what_finds_no_room_is_counted() {
    let (offers, _queue) = mpsc::sync_channel(1);
    let log = TextLog { offers, shared: Arc::default() };
    log.shared.is_wanted.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        log.flows(&[record("x"), record("y")]);
    }
    assert_eq!(log.shared.dropped.load(Ordering::Relaxed), 6);
}
