//! `portolan report`: what it writes, and where.

use std::{fs, path::Path};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    history_file::history,
    program::{Ended, portolan},
};

const NO_BUS: &str = "unix:path=/nonexistent/bus";

/// Asks a history of two rows of the first of January 2026, from a folder.
async fn report(dir: &Path, language: &str, words: &[&str]) -> Ended {
    let file = dir.join("history.sqlite").to_str().unwrap().to_owned();
    let mut command = portolan(NO_BUS, &[&["report", "--history", &file], words].concat());
    command.current_dir(dir).env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", language);
    command.output().await.unwrap().into()
}

#[tokio::test]
async fn a_month_is_a_page_that_replaces_nothing_unasked() {
    let dir = TempDir::new().unwrap();
    history(dir.path());
    let ended = report(dir.path(), "es_ES.UTF-8", &["--month", "2026-01"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "portolan-2026-01.html\n"), "{ended:?}");
    let path = dir.path().join("portolan-2026-01.html");
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        page.contains("<html lang=\"es\">") && page.contains("enero de 2026") && page.contains("12\u{a0}B")
    );
    fs::write(&path, "mine").unwrap();
    let ended = report(dir.path(), "C.UTF-8", &["--month", "2026-01"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("it is there already; --force replaces it"), "{ended:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let ended = report(dir.path(), "C.UTF-8", &["--month", "2026-01", "--force", "--json"]).await;
    let page = fs::read_to_string(&path).unwrap();
    assert_eq!(ended.json()["written"], json!({ "path": "portolan-2026-01.html", "bytes": page.len() }));
    assert!(page.contains("<html lang=\"en\">"));
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_string_lossy().starts_with(".portolan")).count(), 0);
}

#[tokio::test]
async fn pictures_go_where_they_are_asked_for() {
    let dir = TempDir::new().unwrap();
    history(dir.path());
    for chart in ["time", "bars", "map"] {
        let ended =
            report(dir.path(), "C", &["--chart", chart, "on:2026-01-01", "port:443", "-o", "-"]).await;
        assert!(ended.stdout.starts_with("<svg ") && ended.stdout.ends_with("</svg>\n"), "{ended:?}");
        assert!(ended.stdout.contains("port:443") && !ended.stdout.contains("on:2026"), "{ended:?}");
        assert!(ended.stdout.contains("5\u{a0}B"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_means_nothing_is_said() {
    let dir = TempDir::new().unwrap();
    history(dir.path());
    for (words, said) in [
        (&["--month", "2026-13"][..], "a month is a year and a number"),
        (&["--month", "2026-01", "since:7d"], "--month is a time already"),
        (&["--format", "png"], "say which with --chart"),
        (&["-o", "x.svg"], "say which with --chart"),
        (&["--chart", "map", "--by", "asn"], "a map is by country"),
        (&["--chart", "bars", "--by", "none"], "bars need something"),
        (&["--chart", "map", "-o", "x.html"], "a picture is SVG or PNG"),
        (&["--by", "asn"], "--chart"),
    ] {
        let ended = report(dir.path(), "C", words).await;
        assert_eq!(ended.code, Some(2), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{words:?}: {ended:?}");
    }
    let ended = report(dir.path(), "C", &["-o", "no/such/folder/x.html"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let ended = report(dir.path(), "C", &["--month", "2026-01", "--timeout", "0s", "-o", "-"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("more with --timeout"), "{ended:?}");
}
