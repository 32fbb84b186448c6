//! `portolan query --history FILE`: no bus, no daemon, nothing written.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use portolan_core::{Bytes, Direction, Endpoint, Owner, Protocol, Uid, UnixMillis};
use portolan_history::{History, Record, Retention};
use serde_json::json;
use tempfile::TempDir;

use crate::program::{Ended, mortal, portolan, run};

const NO_BUS: &str = "unix:path=/nonexistent/bus";

fn record(uid: u32, port: u16, tx: u64) -> Record {
    Record {
        bucket_start: UnixMillis(1_767_225_600_000),
        bucket_ms: 10_000,
        owner: Owner::Kernel,
        command_line: None,
        placement: Arc::default(),
        uid: Uid(uid),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: None,
        remote: Some(Endpoint { address: [192, 0, 2, 1].into(), port }),
        name: None,
        place: None,
        service_port: Some(port),
        recognised: None,
        network_namespace: 1,
        bytes: Bytes { tx, rx: 0 },
        flows_opened: 1,
        first: UnixMillis(1_767_225_600_001),
        last: UnixMillis(1_767_225_600_007),
    }
}

/// A history of two rows, in a folder.
pub(crate) fn history(dir: &Path) -> String {
    let path = dir.join("history.sqlite");
    History::open(&path).unwrap().write(&[record(0, 443, 5), record(1, 53, 7)]).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn ask(path: &Path, words: &[&str]) -> Ended {
    run(NO_BUS, &[&["query", "--history", path.to_str().unwrap()], words].concat()).await
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_asked_and_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a strange?name#%.sqlite");
    History::open(&path).unwrap().write(&[record(0, 443, 5), record(1, 53, 7)]).unwrap();
    let before = (fs::read(&path).unwrap(), names(dir.path()));
    let ended = ask(&path, &["port:443", "user:root", "--by", "port,service", "--json"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let answer = ended.json();
    assert_eq!((&answer["total"]["tx_bytes"], &answer["rows"][0]["service"]), (&json!(5), &json!("https")));
    let series = ask(&path, &["--series", "day", "--by", "none", "--json"]).await.json();
    assert_eq!((&series["step_ms"], &series["lines"][0]["tx_bytes"]), (&json!(86_400_000), &json!([12])));
    assert_eq!(before, (fs::read(&path).unwrap(), names(dir.path())));
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_any_more_ends_as_with_the_daemon() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = History::open(&path).unwrap();
    let later = UnixMillis(1_767_225_600_000 + 86_400_000);
    let late = Record { bucket_start: later, first: later, last: later, ..record(0, 443, 1) };
    history.write(&[record(0, 443, 5), late]).unwrap();
    let limits = Retention { bucket: Some(std::time::Duration::ZERO), ..Retention::default() };
    while history.retain(&limits, later, 100).unwrap().more {}
    let ended = ask(&path, &["remote_port:443", "on:2026-01-01"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[tokio::test]
async fn what_a_daemon_writes_meanwhile_is_in_the_answer() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = History::open(&path).unwrap();
    for tx in [5, 6] {
        history.write(&[record(0, 443, tx)]).unwrap();
        let answer = ask(&path, &["--by", "none", "--json"]).await.json();
        assert_eq!(answer["total"]["tx_bytes"], json!(if tx == 5 { 5 } else { 11 }));
    }
    history.write(&[record(0, 443, 1)]).unwrap();
}

#[tokio::test]
async fn one_may_read_is_enough() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    History::open(&path).unwrap().write(&[record(0, 443, 5)]).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o555)).unwrap();
    // Where the tests are built need not be open to everybody.
    let program_dir = TempDir::new().unwrap();
    let program = program_dir.path().join("portolan");
    fs::copy(env!("CARGO_BIN_EXE_portolan"), &program).unwrap();
    fs::set_permissions(program_dir.path(), Permissions::from_mode(0o755)).unwrap();
    let as_nobody = async |words: &[&str]| {
        let mut command = mortal("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
        command.args(["query", "--json", "--by", "none", "--history"]).arg(&path).args(words);
        Ended::from(command.output().await.unwrap())
    };
    let ended = as_nobody(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["total"]["tx_bytes"], json!(5));
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let ended = as_nobody(&[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("check who may read it"), "{ended:?}");
}

#[tokio::test]
async fn what_is_no_history_is_said_in_a_sentence() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    History::open(&path).unwrap().write(&[record(0, 443, 5)]).unwrap();
    let whole = fs::read(&path).unwrap();
    // SQLite's header has the version of the schema at 60.
    let version = |number: u8| [&whole[..60], &[0, 0, 0, number], &whole[64..]].concat();
    let torn = [&whole[..100], &vec![0xa5; whole.len() - 100][..]].concat();
    let cases = [
        (version(250), 1, "install the newer Portolan again"),
        (version(1), 1, "has the old version 1"),
        (
            b"not at all a database, but long enough to be looked at as one".to_vec(),
            1,
            "not a database at all",
        ),
        (torn, 1, "damaged: database disk image is malformed\n"),
        (whole[..whole.len() / 2].to_vec(), 1, "damaged"),
        (Vec::new(), 1, "it is empty"),
    ];
    for (content, code, said) in cases {
        let path = dir.path().join("case.sqlite");
        fs::write(&path, content).unwrap();
        let ended = ask(&path, &[]).await;
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(code), 1), "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
        assert!(ended.stderr.matches("malformed").count() <= 1, "{ended:?}");
    }
    let ended = ask(&dir.path().join("nothing.sqlite"), &["--json"]).await;
    assert_eq!((ended.code, &ended.json()["error"]["kind"]), (Some(5), &json!("not-found")));
    for path in [dir.path(), Path::new("/dev/zero")] {
        let ended = ask(path, &[]).await;
        assert!(ended.code == Some(1) && ended.stderr.contains("is not a file"), "{ended:?}");
        assert!(!ended.stderr.contains("move"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_question_has_the_time_that_a_person_gives_it() {
    let dir = TempDir::new().unwrap();
    let history = history(dir.path());
    let path = Path::new(&history);
    assert_eq!(ask(path, &["--timeout", "1m"]).await.code, Some(0));
    for words in [["--by", "none"], ["--series", "day"]] {
        let ended = ask(path, &[&["--json", "--timeout", "0s"], &words[..]].concat()).await;
        assert_eq!((ended.code, &ended.json()["error"]["kind"]), (Some(1), &json!("timed-out")));
        assert!(ended.stderr.contains("give it more with --timeout"), "{ended:?}");
    }
    let usage = [["--timeout", "soon"], ["--timeout", "99999999999999999999w"]];
    for words in usage {
        assert_eq!(ask(path, &words).await.code, Some(2), "{words:?}");
    }
    assert_eq!(run(NO_BUS, &["query", "--timeout", "1m"]).await.code, Some(2), "the daemon has its own");
}

#[tokio::test]
async fn dates_are_those_of_a_zone_without_a_name_too() {
    let dir = TempDir::new().unwrap();
    let history = history(dir.path());
    // The rows are of 0 o'clock of UTC.
    let words = ["query", "--history", &history, "--by", "time", "on:2026-01-01"];
    for (zone, shown, said) in [
        ("CET-1CEST", "2026-01-01 01:00", ""),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-01 01:00", ""),
        ("Europe/Berlin", "2026-01-01 01:00", ""),
        ("nowhere", "2026-01-01 00:00", "portolan: times are in UTC: TZ=nowhere is no time zone: "),
    ] {
        let output = portolan(NO_BUS, &words).env("TZ", zone).output().await.unwrap();
        let ended = Ended::from(output);
        assert!(ended.code == Some(0) && ended.stdout.contains(shown), "{zone}: {ended:?}");
        assert!(
            ended.stderr.starts_with(said) && ended.stderr.is_empty() == said.is_empty(),
            "{zone}: {ended:?}"
        );
    }
}

#[tokio::test]
async fn what_a_file_holds_is_said() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = History::open(&path).unwrap();
    history.write(&[record(0, 443, 5), record(1, 53, 7)]).unwrap();
    let query = portolan_history::language::parse("port:53", &jiff::Zoned::now()).unwrap();
    let mut forgetting =
        history.begin_forgetting(&query, |_, _| None, Uid(7), UnixMillis(1_767_225_700_000)).unwrap();
    while history.forget(&mut forgetting).unwrap() {}
    drop(history);
    let before = (fs::read(&path).unwrap(), names(dir.path()));
    let words = ["history", "info", "--history", path.to_str().unwrap()];
    let ended = run(NO_BUS, &[&words[..], &["--json"]].concat()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let answer = ended.json();
    let [bucket, forgotten] = [&answer["levels"][0], &answer["forgotten"][0]];
    assert_eq!(
        (&bucket["level"], &bucket["rows"], &bucket["intervals"]),
        (&json!("bucket"), &json!(1), &json!(1))
    );
    assert_eq!(bucket["first_unix_ms"], json!(1_767_225_600_000_i64));
    assert_eq!((&forgotten["by"], &answer["max_bytes"]), (&json!(7), &json!(null)));
    assert_eq!(answer["file_bytes"], json!(fs::metadata(&path).unwrap().len()));
    let page = run(NO_BUS, &words).await.stdout;
    for part in ["1 intervals", "1 rows", "by user 7", "history.sqlite: "] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(before, (fs::read(&path).unwrap(), names(dir.path())));
}
