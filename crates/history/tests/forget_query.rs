//! Forgetting by query.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

use std::{ops::ControlFlow, path::Path};

use portolan_core::{Protocol, Uid, UnixMillis};
use portolan_history::{
    Batch, Flow, ForgetError, History, Importing, Limits, Program, Reader, Source, language, line::FlowLine,
};
use tempfile::TempDir;

const START: i64 = 1_700_000_000_000;
const IMPORTING: Importing = Importing {
    now: UnixMillis(i64::MAX),
    bucket_ms: 10_000,
    keeps_command_lines: true,
    registrable: |_| None,
};

fn flow(program: usize, minutes: i64, domain: &str) -> Flow {
    Flow {
        unix_ms: START + minutes * 60_000,
        programs: vec![program],
        uid: Some(1000),
        protocol: Some(6),
        remote: "192.0.2.7".parse().ok(),
        remote_port: Some(443),
        domain: domain.to_owned(),
        tx_bytes: 5,
        rx_bytes: 7,
        ..Flow::default()
    }
}

fn filled(path: &Path) -> History {
    let program = |name: &str| Program {
        path: format!("/opt/{name}"),
        sha256: "ab".repeat(32),
        command_line: format!("{name} --of-{name}"),
    };
    let flows: Vec<Flow> = (0..300)
        .flat_map(|minutes| [flow(0, minutes, "kept.example"), flow(1, minutes, "gone.example")])
        .collect();
    let programs = vec![program("stays"), program("vanishes")];
    let batch = Batch { source: Source::default(), before: 0, programs, flows };
    let mut history = History::open(path).unwrap();
    history.import(&IMPORTING.prepare(&batch), Uid(0), UnixMillis(START)).unwrap();
    history
}

fn service(protocol: Protocol, port: u16) -> Option<&'static str> {
    (protocol == Protocol::Tcp && port == 443).then_some("https")
}

fn forget(history: &mut History, query: &str) -> Result<(), ForgetError> {
    let query = language::parse(query, &jiff::Zoned::now()).unwrap();
    let mut what = history.begin_forgetting(&query, service, Uid(0), UnixMillis(START))?;
    while history.forget(&mut what).unwrap() {}
    Ok(())
}

fn lines(path: &Path) -> Vec<FlowLine> {
    let mut lines = Vec::new();
    let limits = Limits::default();
    let query = language::parse("", &jiff::Zoned::now()).unwrap();
    let mut tell = |row| {
        lines.push(FlowLine::from(&row));
        ControlFlow::Continue(())
    };
    Reader::open(path).unwrap().flows(&query, None, &limits, &mut tell).unwrap();
    lines
}

#[test]
fn what_a_query_means_is_gone_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = filled(&path);
    assert_eq!(lines(&path).len(), 600);
    forget(&mut history, "domain:gone.example").unwrap();
    let left = lines(&path);
    assert_eq!(left.len(), 300);
    assert!(left.iter().all(|line| line.domain.as_deref() == Some("kept.example") && line.rx_bytes == 7));
    drop(history);
    for entry in dir.path().read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        assert!(!holds(b"gone.example") && !holds(b"--of-vanishes"));
    }
}

#[test]
fn a_range_of_time_is_forgotten_to_its_ends() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = filled(&path);
    let (since, until) = (START / 1000 + 100 * 60, START / 1000 + 200 * 60);
    forget(&mut history, &format!("domain:kept.example since:@{since} until:@{until}")).unwrap();
    let left = lines(&path);
    let of_it = left.iter().filter(|line| line.domain.as_deref() == Some("kept.example"));
    assert!(of_it.clone().all(|line| !(since..until).contains(&(line.first_unix_ms / 1000))));
    assert_eq!((of_it.count(), left.len()), (200, 500));
}

#[test]
fn what_cannot_be_told_apart_is_not_forgotten() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = filled(&path);
    assert!(matches!(forget(&mut history, "remote_port:443"), Err(ForgetError::ByEnd)));
    assert!(matches!(forget(&mut history, "tx>1"), Err(ForgetError::ByTotal)));
    assert_eq!(lines(&path).len(), 600);
}

#[test]
fn a_service_is_forgotten_by_its_name() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = filled(&path);
    forget(&mut history, "service:ssh").unwrap();
    assert_eq!(lines(&path).len(), 600);
    forget(&mut history, "service:https domain:gone.example").unwrap();
    assert_eq!(lines(&path).len(), 300);
}

#[test]
fn what_says_to_be_the_last_of_all_rows_is_imported_without_a_panic() {
    let dir = TempDir::new().unwrap();
    let batch = Batch {
        source: Source::default(),
        before: u64::MAX,
        programs: vec![Program {
            path: "/opt/x".to_owned(),
            sha256: "ab".repeat(32),
            command_line: String::new(),
        }],
        flows: vec![flow(0, 0, "one.example"), flow(0, 1, "two.example")],
    };
    let ready = IMPORTING.prepare(&batch);
    let mut history = History::open(&dir.path().join("history.sqlite")).unwrap();
    assert_eq!(history.import(&ready, Uid(0), UnixMillis(START)).unwrap().added, 2);
}
