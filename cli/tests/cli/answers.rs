use portolan_bus::{Access, Column, Covered, Gap, Line, Other, SeriesResult, Sum, WrongQuery};
use portolan_core::Dimension;
use serde_json::{Value, json};

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{is_harmless, run},
    samples::{self, HOSTILE},
};

#[tokio::test]
async fn query_as_json_has_the_keys_asked_for() {
    let bus = Bus::start(Policy::Everybody).await;
    let mut query = samples::result(vec![
        samples::query_row(
            &[
                ("executable", "/usr/bin/curl"),
                ("path", "/usr/bin/curl"),
                ("sha256", "aa"),
                ("provenance", "verified"),
                ("parent", HOSTILE),
                ("parent_path", HOSTILE),
                ("parent_sha256", "bb"),
                ("remote_port", "443"),
            ],
            u64::MAX,
            2,
        ),
        samples::query_row(&[("unattributed", "process-gone")], 3, 4),
        samples::query_row(&[("kernel", "true")], 5, 6),
    ]);
    let sum = Sum { tx_bytes: 7, rx_bytes: 8, flows: 9, first_unix_ms: Some(1), last_unix_ms: Some(2) };
    query.groups.other = Some(Other { groups: 4, sum });
    query.covered = Covered { since_unix_ms: Some(5), until_unix_ms: None, finest: "hour".to_owned() };
    query.total = sum;
    query.access = Access::Own;
    let peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let by = "executable,parent,remote-port";
    let arguments = ["query", "--json", "since:@1767225600", "user:root", "--by", by, "--top", "3"];
    let ended = run(&bus.address, &arguments).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(is_harmless(&ended.stdout));
    let expected = json!({
        "query": "since:@1767225600 user:root",
        "by": ["executable", "parent", "remote_port"],
        "access": "own",
        "covered": { "since_unix_ms": 5, "until_unix_ms": null, "finest": "hour" },
        "total": { "tx_bytes": 7, "rx_bytes": 8, "flows": 9, "first_unix_ms": 1, "last_unix_ms": 2 },
        "other": { "groups": 4,
                   "sum": { "tx_bytes": 7, "rx_bytes": 8, "flows": 9, "first_unix_ms": 1, "last_unix_ms": 2 } },
        "places": [],
        "rows": [
            {
                "executable": "/usr/bin/curl", "path": "/usr/bin/curl", "sha256": "aa", "provenance": "verified", "package": null,
                "parent": HOSTILE, "parent_path": HOSTILE, "parent_sha256": "bb",
                "remote_port": 443,
                "tx_bytes": u64::MAX, "rx_bytes": 2, "flows": 1,
                "first_unix_ms": 1_767_225_600_000_i64, "last_unix_ms": 1_767_225_660_000_i64,
            },
            unknown_owner("unattributed", json!("process-gone"), 3, 4),
            unknown_owner("kernel", json!(true), 5, 6),
        ],
    });
    assert_eq!(ended.json(), expected);
    let asked = peer.answers().asked.clone();
    assert_eq!(asked[0].by, ["executable", "parent", "remote_port"]);
    assert_eq!(
        (asked[0].top, asked[0].query.as_str(), asked[0].zone.as_str()),
        (3, "since:@1767225600 user:root", "UTC")
    );
}

#[tokio::test]
async fn numbers_are_numbers_in_json_and_nothing_else_is() {
    let bus = Bus::start(Policy::Everybody).await;
    let dimensions = Dimension::ALL.map(Dimension::as_str);
    for by in dimensions.chunks(3) {
        let keys: Vec<_> = by.iter().map(|word| (*word, "443")).collect();
        let query = samples::result(vec![samples::query_row(&keys, 1, 2), samples::query_row(&[], 1, 2)]);
        let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
        let json = run(&bus.address, &["query", "--json", "--by", &by.join(",")]).await.json();
        for word in by {
            let is_number = matches!(
                *word,
                "user" | "asn" | "port" | "remote_port" | "local_port" | "namespace" | "time"
            );
            let wanted = if is_number { json!(443) } else { json!("443") };
            assert_eq!((&json["rows"][0][word], &json["rows"][1][word]), (&wanted, &Value::Null), "{word}");
        }
    }
}

fn unknown_owner(why: &str, value: Value, tx_bytes: u64, rx_bytes: u64) -> Value {
    let mut row = json!({
        "executable": null, "path": null, "sha256": null, "provenance": null, "package": null, "parent": null, "parent_path": null, "parent_sha256": null,
        "remote_port": null,
        "tx_bytes": tx_bytes, "rx_bytes": rx_bytes, "flows": 1,
        "first_unix_ms": 1_767_225_600_000_i64, "last_unix_ms": 1_767_225_660_000_i64,
    });
    row[why] = value;
    row
}

#[tokio::test]
async fn query_for_a_person_is_a_harmless_table() {
    let bus = Bus::start(Policy::Everybody).await;
    let query = samples::result(vec![
        samples::query_row(
            &[("path", HOSTILE), ("sha256", "aa"), ("user", "0"), ("port", "443")],
            1_500_000,
            2,
        ),
        samples::query_row(&[("unattributed", "process-gone"), ("user", "4000000000")], 3, 4),
    ]);
    let peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let ended = run(&bus.address, &["query", "--by", "executable,user,port"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(is_harmless(&ended.stdout), "{:?}", ended.stdout);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("EXECUTABLE"), "{}", ended.stdout);
    assert!(
        lines[1].contains("/tmp/a\\u{1b}[2J") && lines[1].contains("root") && lines[1].contains("1.50 MB")
    );
    assert!(lines[2].contains("(process-gone)") && lines[2].contains("4000000000"));
    assert_eq!(
        lines[3],
        "2 rows: in 6 B, out 1.50 MB, 2 flows, from 2026-01-01 00:00:00 to 2026-01-01 00:01:00"
    );

    let ended = run(&bus.address, &["query", "--bytes", "--by", "none"]).await;
    assert!(ended.stdout.contains("out 1 500 003"), "{}", ended.stdout);
    let asked = peer.answers().asked.clone();
    assert!(asked[1].by.is_empty() && asked[1].query.is_empty());
}

#[tokio::test]
async fn the_others_and_the_time_that_is_covered_are_said() {
    let bus = Bus::start(Policy::Everybody).await;
    let mut query = samples::result(vec![samples::query_row(&[("domain", "example.org")], 1, 2)]);
    let sum =
        Sum { tx_bytes: 1_500_000, rx_bytes: 8, flows: 9, first_unix_ms: Some(1), last_unix_ms: Some(2) };
    query.groups.other = Some(Other { groups: 1234, sum });
    query.covered =
        Covered { since_unix_ms: Some(1_767_225_600_000), until_unix_ms: None, finest: "hour".to_owned() };
    let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let shown = run(&bus.address, &["query", "--by", "domain,asn,executable", "--top", "1"]).await.stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[2].starts_with("(1 234 others)") && lines[2].contains("1.50 MB"), "{shown}");
    assert!(lines[3].starts_with("1 row and 1 234 others: "), "{shown}");
    assert_eq!(lines[4], "Summed up from 2026-01-01 00:00:00, by the hour, of which times are the ends.");
}

#[tokio::test]
async fn a_series_is_shown_step_by_step() {
    let bus = Bus::start(Policy::Everybody).await;
    let line = |tx: [u64; 3]| Line { tx_bytes: tx.to_vec(), rx_bytes: vec![0; 3], flows: vec![0; 3] };
    let gap = Gap { from_unix_ms: 1_767_227_400_000, until_unix_ms: 1_767_232_800_000 };
    let series = SeriesResult {
        step_ms: 3_600_000,
        times_unix_ms: vec![1_767_225_600_000, 1_767_229_200_000, 1_767_232_800_000],
        keys: Column::of([HOSTILE, "example.org"].map(|name| [("domain", name)])),
        lines: vec![line([5, 0, 6]), line([0, 0, 7])],
        other: Some(line([8, 0, 0])),
        gaps: vec![gap],
        covered: Covered { since_unix_ms: None, until_unix_ms: None, finest: "hour".to_owned() },
        places: Vec::new(),
        access: Access::Own,
    };
    let peer = Peer::start(&bus.address, Answers { series: Some(series), ..Answers::default() }).await;
    let asked = ["query", "--series", "hour", "--by", "domain", "tx>1"];
    let shown = run(&bus.address, &asked).await;
    assert!(is_harmless(&shown.stdout), "{shown:?}");
    let lines: Vec<Vec<&str>> = shown.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["TIME", "DOMAIN", "IN", "OUT", "FLOWS"]);
    assert_eq!(lines[2][..3], ["2026-01-01", "00:00:00", "(others)"]);
    assert_eq!(lines[3], ["2026-01-01", "00:30:00", "not", "recorded", "-", "-"]);
    assert_eq!(lines[5][1..3], ["02:00:00", "example.org"], "{shown:?}");
    let gap = "Not recorded from 2026-01-01 00:30:00 to 2026-01-01 02:00:00.";
    assert!(shown.stdout.contains(gap), "{shown:?}");
    assert!(shown.stdout.contains("2 lines in steps of an hour; your own traffic only"), "{shown:?}");
    let json = run(&bus.address, &[&asked[..], &["--json"]].concat()).await.json();
    assert_eq!((&json["step_ms"], &json["lines"][1]["tx_bytes"]), (&json!(3_600_000), &json!([0, null, 7])));
    assert_eq!(
        (&json["lines"][0]["domain"], &json["other"]["tx_bytes"]),
        (&json!(HOSTILE), &json!([8, null, 0]))
    );
    let asked = peer.answers().asked.clone();
    assert_eq!((asked[0].step.as_str(), asked[0].query.as_str()), ("hour", "tx>1"));
}

#[tokio::test]
async fn a_wrong_query_is_pointed_at_whoever_finds_it() {
    let bus = Bus::start(Policy::Everybody).await;
    let wrong = WrongQuery {
        message: "the daemon does not know that".to_owned(),
        column: 5,
        length: 4,
        suggestion: Some("dog".to_owned()),
    };
    let peer = Peer::start(&bus.address, Answers { wrong: Some(wrong), ..Answers::default() }).await;
    let ended = run(&bus.address, &["query", "cat", "bird"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("dog") && ended.stderr.ends_with("\n  cat bird\n      ^^^^\n"),
        "{}",
        ended.stderr
    );
    let ended = run(&bus.address, &["query", "--json", "port:443 cuontry:\x1b[2J"]).await;
    assert!(is_harmless(&ended.stderr) && ended.stderr.ends_with("^^^^^^^\n"), "{}", ended.stderr);
    let error = &ended.json()["error"];
    assert_eq!(
        (&error["kind"], &error["column"], &error["suggestion"]),
        (&json!("usage"), &json!(10), &json!("country"))
    );
    assert_eq!(peer.answers().asked.len(), 1, "the daemon is not asked what means nothing");
}

#[tokio::test]
async fn the_total_of_nothing_has_no_time() {
    let bus = Bus::start(Policy::Everybody).await;
    let query = samples::result(Vec::new());
    let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let shown = run(&bus.address, &["query", "--by", "none"]).await.stdout;
    assert_eq!(shown, "Nothing was recorded of that.\n");
    let json = run(&bus.address, &["query", "--by", "none", "--json"]).await.json();
    assert_eq!(json["total"]["first_unix_ms"], Value::Null);
    assert_eq!((&json["total"]["tx_bytes"], &json["rows"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn findings_say_what_to_do() {
    let bus = Bus::start(Policy::Everybody).await;
    let findings = vec![samples::finding("/tmp/x;reboot"), samples::finding(HOSTILE)];
    let peer = Peer::start(&bus.address, Answers { findings, ..Answers::default() }).await;
    let ended = run(&bus.address, &["findings"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(is_harmless(&ended.stdout));
    assert!(ended.stdout.contains(
        "started by /usr/bin/bash, as user root, talked first to ~example.org ([2001:db8::17]:443)"
    ));
    assert!(ended.stdout.contains("-> portolan review approve 'path:/tmp/x;reboot'"), "{}", ended.stdout);
    let json = run(&bus.address, &["findings", "--all", "--json"]).await.json();
    assert_eq!(json["findings"][1]["path"], HOSTILE);
    assert_eq!(json["findings"][0]["state"], "open");
    assert_eq!(peer.answers().asked_for_answered, [false, true]);
}

#[tokio::test]
async fn a_finding_about_the_daemon_can_be_dismissed() {
    let bus = Bus::start(Policy::Everybody).await;
    let about_daemon = portolan_bus::Finding { application: None, path: None, ..samples::finding("/x") };
    let peer =
        Peer::start(&bus.address, Answers { findings: vec![about_daemon], ..Answers::default() }).await;
    let ended = run(&bus.address, &["findings"]).await;
    assert!(ended.stdout.contains("-> portolan findings dismiss 7"), "{}", ended.stdout);
    let ended = run(&bus.address, &["findings", "dismiss", "7"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "#7: dismissed\n"));
    assert_eq!(run(&bus.address, &["findings", "dismiss", "8"]).await.code, Some(5));
    assert_eq!(peer.answers().dismissed, [7]);
}

#[tokio::test]
async fn applications_can_be_narrowed_to_a_review() {
    let bus = Bus::start(Policy::Everybody).await;
    let applications =
        vec![samples::application("/usr/bin/curl", "approved"), samples::application(HOSTILE, "unreviewed")];
    let _peer = Peer::start(&bus.address, Answers { applications, ..Answers::default() }).await;
    let ended = run(&bus.address, &["applications"]).await;
    assert!(is_harmless(&ended.stdout));
    assert!(ended.stdout.contains("path:/usr/bin/curl"), "{}", ended.stdout);
    let json = run(&bus.address, &["--json", "applications", "--state", "unreviewed"]).await.json();
    assert_eq!(json["applications"].as_array().unwrap().len(), 1);
    assert_eq!(json["applications"][0]["application"], format!("path:{HOSTILE}"));
}

#[tokio::test]
async fn applications_say_which_package_they_come_from() {
    let bus = Bus::start(Policy::Everybody).await;
    let mut applications = ["/usr/bin/curl", "/usr/bin/ssh", "/tmp/x", "/usr/bin/python3"]
        .map(|path| samples::application(path, "unreviewed"));
    applications[1].provenance = Some(samples::provenance("modified", Some(("openssh-client", "1:9.2"))));
    applications[2].provenance = Some(samples::provenance("unowned", None));
    applications[3].application = "script:/usr/bin/python3:/opt/x.py".to_owned();
    applications[3].script = Some(portolan_bus::Script {
        path: "/opt/x.py".to_owned(),
        sha256: "cd".repeat(32),
        provenance: Some(samples::provenance("unowned", None)),
    });
    let _peer =
        Peer::start(&bus.address, Answers { applications: applications.into(), ..Answers::default() }).await;
    let shown = run(&bus.address, &["applications"]).await.stdout;
    let package = |line: usize| {
        let cells = shown.lines().nth(line).unwrap().split("  ").map(str::trim);
        cells.filter(|cell| !cell.is_empty()).nth(2)
    };
    assert_eq!(package(0), Some("PACKAGE"));
    assert_eq!(package(1), Some("deb curl 7.88.1-10, verified"));
    assert_eq!(package(2), Some("deb openssh-client 1:9.2, MODIFIED"));
    assert_eq!(package(3), Some("unowned"));
    assert_eq!(package(4), Some("script unowned; deb curl 7.88.1-10, verified"));
    let json = run(&bus.address, &["applications", "--json"]).await.json();
    assert_eq!(json["applications"][1]["provenance"]["package_name"], "openssh-client");
    assert_eq!(json["applications"][3]["script"]["provenance"]["state"], "unowned");
    assert_eq!(json["applications"][0]["script"], Value::Null);
}

#[tokio::test]
async fn rows_by_executable_say_which_package_it_comes_from() {
    let bus = Bus::start(Policy::Everybody).await;
    let keys = [("path", "/usr/bin/curl"), ("provenance", "verified"), ("package", "deb curl 7.88.1-10")];
    let query = samples::result(vec![samples::query_row(&keys, 1, 2)]);
    let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let shown = run(&bus.address, &["query", "--by", "executable"]).await.stdout;
    assert!(shown.contains("deb curl 7.88.1-10, verified"), "{shown}");
    let json = run(&bus.address, &["query", "--by", "executable,script", "--json"]).await.json();
    assert_eq!(json["rows"][0]["provenance"], "verified");
    assert_eq!(json["rows"][0]["package"], "deb curl 7.88.1-10");
    assert_eq!(json["rows"][0]["script_provenance"], Value::Null);
}
