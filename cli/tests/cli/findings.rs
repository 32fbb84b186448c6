//! What findings rest on, and what can be done about them.

use portolan_bus::{Finding, FindingState, Severity};
use portolan_core::{
    ChangeEvidence, ChangeKind, Evidence, FileContent, ForeignCode, ForeignCodeKind, Member, Package,
    PackageManager, Pid, ProcessEvidence, Provenance, Sha256Digest, Uid, UnixMillis,
};

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{Ended, is_harmless, run},
    samples::{self, HOSTILE},
};

fn process(path: &str) -> ProcessEvidence {
    ProcessEvidence {
        pid: Pid(4711),
        started: UnixMillis(1_767_225_600_000),
        uid: Uid(0),
        path: path.into(),
        sha256: Some(Sha256Digest([3; 32])),
        command_line: Some(format!("{path} --token=***").as_str().into()),
        working_directory: Some(HOSTILE.into()),
    }
}

fn curl() -> Provenance {
    let (name, version) = ("curl".to_owned(), "7.88.1-10".to_owned());
    Provenance::Verified(Package { manager: PackageManager::Deb, name, version })
}

/// Everything that there can be, with hostile names in it.
fn evidence() -> Evidence {
    let change = ChangeEvidence {
        kind: ChangeKind::Replaced,
        at: UnixMillis(1_767_225_600_000),
        by: vec![process("/usr/bin/vim"), process(HOSTILE)],
        provenance: Some(Provenance::Unowned),
        sha256: Some(Sha256Digest([4; 32])),
    };
    let code = |kind, path: &str| ForeignCode {
        kind,
        path: path.into(),
        sha256: None,
        provenance: Some(Provenance::Unknown(HOSTILE.to_owned())),
        since: UnixMillis(1_767_225_600_000),
    };
    Evidence {
        provenance: Some(curl()),
        script: Some(FileContent { path: HOSTILE.into(), sha256: Some(Sha256Digest([5; 32])) }),
        code: Some(Provenance::Unowned),
        process: Some(process("/usr/bin/curl")),
        parents: ["/usr/bin/bash", "/usr/bin/konsole", "/usr/lib/systemd/systemd"].map(process).into(),
        parent_now: Some(process(HOSTILE)),
        change: Some(change),
        shared_with: vec!["script:/usr/bin/python3:/opt/x.py".parse().unwrap()],
        foreign_code: vec![code(ForeignCodeKind::Preload, HOSTILE), code(ForeignCodeKind::Anonymous, "")],
        unidentified: vec!["/tmp/x".into(), HOSTILE.into(), "".into()],
        members: Vec::new(),
    }
}

async fn shown(findings: Vec<Finding>, arguments: &[&str]) -> Ended {
    let bus = Bus::start(Policy::Everybody).await;
    let _peer = Peer::start(&bus.address, Answers { findings, ..Answers::default() }).await;
    let ended = run(&bus.address, arguments).await;
    assert!(is_harmless(&ended.stdout), "{}", ended.stdout);
    ended
}

#[tokio::test]
async fn one_finding_is_shown_with_all_that_it_rests_on() {
    let finding = Finding {
        severity: Severity::Loud,
        times: 3,
        evidence: Some(evidence().to_json()),
        ..samples::finding("/usr/bin/curl")
    };
    let ended = shown(vec![finding.clone()], &["findings", "7"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for part in [
        "new application (loud)",
        "found 3 times, last ",
        "Debian package curl 7.88.1-10, verified",
        "b\\u{9b}31m\\u{202e}c: no package owns it",
        "started by bash ← konsole ← systemd",
        "process 4711 /usr/bin/curl, as user root",
        "arguments: /usr/bin/curl --token=***",
        "the file was replaced by another file",
        "by vim ← ",
        "what it holds now: no package owns it",
        &format!("SHA-256 {}", Sha256Digest([4; 32])),
        "loaded by LD_PRELOAD",
        "the file is also that of x.py (python3)",
        "others that cannot be identified:",
        "(its file is not known)",
        "executable memory without a file, not known where it comes from",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(ended.stdout.trim_end().ends_with("-> portolan review approve path:/usr/bin/curl"));
    assert!(ended.stdout.contains("\n    /usr/bin/curl\n"), "the path says it all: {}", ended.stdout);
    let of_script = Some("script:/usr/bin/python3:/opt/x.py".to_owned());
    let script = Finding { application: of_script, ..samples::finding("/usr/bin/python3.11") };
    let ended = shown(vec![script], &["findings"]).await;
    assert!(ended.stdout.contains("\n    x.py (python3): /usr/bin/python3.11\n"), "{}", ended.stdout);

    let json = shown(vec![finding.clone()], &["findings", "7", "--json"]).await.json();
    assert_eq!(json["finding"]["evidence"]["provenance"]["of"]["name"], "curl");
    assert_eq!(json["finding"]["severity"], "loud");
    let json = shown(vec![finding], &["findings", "--json"]).await.json();
    assert_eq!(json["findings"][0]["evidence"]["script"]["path"], HOSTILE);
    assert_eq!(shown(Vec::new(), &["findings", "7"]).await.code, Some(5));
}

#[tokio::test]
async fn a_group_is_counted_in_the_list_and_named_by_itself() {
    let member = |path: &str| Member {
        application: "/usr/bin/curl".parse().unwrap(),
        uid: Uid(0),
        path: path.into(),
        before: Some(Sha256Digest([1; 32])),
        after: Some(Sha256Digest([2; 32])),
        provenance: Some(curl()),
    };
    let mut members = vec![member("/usr/bin/curl"), member(HOSTILE)];
    members[1].application = "/tmp/other".parse().unwrap();
    let group = Finding {
        kind: "upgraded".to_owned(),
        severity: Severity::Quiet,
        application: None,
        path: None,
        sha256: None,
        evidence: Some(Evidence { members, ..Evidence::default() }.to_json()),
        ..samples::finding("/x")
    };
    let listed = shown(vec![group.clone()], &["findings"]).await.stdout;
    assert!(listed.contains("upgraded (quiet)"), "{listed}");
    assert!(listed.contains("2 applications were upgraded to what a package ships"), "{listed}");
    assert!(listed.contains("-> portolan findings dismiss 7"), "{listed}");
    let one = shown(vec![group], &["findings", "7"]).await.stdout;
    let line = "/usr/bin/curl, as user root, Debian package curl 7.88.1-10, verified, 010101010101… before, now 020202020202…";
    assert!(one.contains(line), "{one}");
}

#[tokio::test]
async fn the_list_says_how_each_stands_and_leaves_out_what_is_snoozed() {
    let answered = Finding {
        state: FindingState::Approved,
        answered_by: Some(0),
        answered_unix_ms: Some(1_767_225_660_000),
        ..samples::finding("/usr/bin/ssh")
    };
    let snoozed = Finding { snoozed_until_unix_ms: Some(i64::MAX), ..samples::finding("/usr/bin/rsync") };
    let over = Finding { snoozed_until_unix_ms: Some(1), ..samples::finding("/usr/bin/curl") };
    let listed = shown(vec![answered.clone(), snoozed.clone(), over], &["findings"]).await.stdout;
    assert!(listed.contains(", approved by root 20"), "{listed}");
    assert!(listed.contains("/usr/bin/curl") && !listed.contains("/usr/bin/rsync"), "{listed}");
    assert!(listed.ends_with("1 finding is snoozed; --all shows it.\n"), "{listed}");
    let all = shown(vec![snoozed.clone()], &["findings", "--all"]).await.stdout;
    assert!(all.contains("/usr/bin/rsync") && all.contains(", snoozed until "), "{all}");
    let none = shown(vec![snoozed], &["findings"]).await.stdout;
    assert!(none.starts_with("No open findings.\n1 finding is snoozed"), "{none}");
}

#[tokio::test]
async fn a_snooze_and_the_end_of_learning_reach_the_daemon() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let ended = run(&bus.address, &["findings", "snooze", "7", "2h"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.starts_with("#7: snoozed until 20"), "{}", ended.stdout);
    assert_eq!(
        run(&bus.address, &["findings", "snooze", "7", "off"]).await.stdout,
        "#7: no longer snoozed\n"
    );
    assert_eq!(run(&bus.address, &["findings", "snooze", "7", "soon"]).await.code, Some(2));
    let json = run(&bus.address, &["findings", "snooze", "8", "1d", "--json"]).await.json();
    let snoozed = peer.answers().snoozed.clone();
    assert_eq!(snoozed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [7, 7, 8]);
    assert_eq!(snoozed[1].1, None);
    assert_eq!(json["snoozed"]["until_unix_ms"].as_i64(), snoozed[2].1);
    assert!(snoozed[2].1 > snoozed[0].1);

    let ended = run(&bus.address, &["learning", "end"]).await;
    assert_eq!((ended.code, peer.answers().learning_ended), (Some(0), 1));
    peer.answers().status.learning_until_unix_ms = Some(1_767_225_600_000);
    let status = run(&bus.address, &["status"]).await.stdout;
    assert!(status.contains("portolan learning end"), "{status}");
}
