//! Every view with the worst names, on terminals of many widths, and into a pipe.

use unicode_width::UnicodeWidthStr;

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{is_harmless, run},
    samples,
    terminal::Terminal,
};

const VIEWS: [&[&str]; 6] = [
    &["status"],
    &["status", "--all"],
    &["query", "--by", "executable,parent,command"],
    &["applications"],
    &["findings"],
    &["status", "--self-test"],
];

/// Everything hostile that a view can show.
fn answers() -> Answers {
    let name = samples::long_hostile();
    let mut status = samples::troubled_status();
    status.notes.push(format!("the hook of {name} is missing"));
    status.history.path.clone_from(&name);
    let keys = [
        ("path", name.as_str()),
        ("sha256", &"ab".repeat(32)),
        ("parent_path", name.as_str()),
        ("command", name.as_str()),
    ];
    let query = samples::result(vec![samples::query_row(&keys, 1_500_000, 2); 2]);
    let findings = vec![samples::finding(&name), samples::finding("/usr/bin/curl")];
    let applications =
        vec![samples::application(&name, "unreviewed"), samples::application("/usr/bin/curl", "approved")];
    Answers { status, query, findings, applications, ..Answers::default() }
}

/// Hashes and commands of `findings` stay in one piece, to be copied.
fn is_to_be_copied(line: &str) -> bool {
    ["SHA-256 ", "-> portolan review "].iter().any(|start| line.trim_start().starts_with(start))
}

#[tokio::test]
async fn every_line_fits_the_terminal_and_is_harmless() {
    let bus = Bus::start(Policy::Everybody).await;
    let _peer = Peer::start(&bus.address, answers()).await;
    for columns in [60, 80, 120, 200] {
        for view in VIEWS {
            let shown = Terminal::start(&bus.address, view, columns, 24).until_its_end().await;
            assert!(is_harmless(&shown), "{view:?}: {shown:?}");
            let wide =
                shown.lines().find(|line| line.width() > usize::from(columns) && !is_to_be_copied(line));
            assert_eq!(wide, None, "{view:?} on {columns} columns: {shown}");
            assert!(!shown.lines().any(|line| line.starts_with("#8")), "{view:?}: {shown}");
        }
    }
}

#[tokio::test]
async fn the_lines_of_watch_fit_as_well() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let terminal = Terminal::start(&bus.address, &["watch", "--once", "--plain"], 60, 24);
    peer.subscribed().await;
    let row = samples::live_row(&samples::long_hostile(), 1, 2);
    peer.tick(samples::tick(1_767_225_600_000, vec![row])).await;
    let shown = terminal.until_its_end().await;
    assert!(is_harmless(&shown) && shown.contains("192.0.2.1:443"), "{shown:?}");
    assert!(shown.lines().all(|line| line.width() <= 60), "{shown}");
    assert!(shown.lines().skip(1).all(|line| line.starts_with("      ")), "{shown}");
}

#[tokio::test]
async fn a_table_keeps_file_names_and_numbers() {
    let bus = Bus::start(Policy::Everybody).await;
    let name = format!("/usr/lib/{}/firefox-esr", "x".repeat(100));
    let row = samples::query_row(&[("path", &name), ("sha256", &"ab".repeat(32))], 1_500_000, 2_000);
    let query = samples::result(vec![row]);
    let _peer = Peer::start(&bus.address, Answers { query, ..Answers::default() }).await;
    let shown = Terminal::start(&bus.address, &["query"], 60, 24).until_its_end().await;
    for part in ["/firefox-esr  abababababab…  2.00 kB  1.50 MB\n", "Left out of this narrow table: FIRST"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test]
async fn a_pipe_gets_everything() {
    let bus = Bus::start(Policy::Everybody).await;
    let _peer = Peer::start(&bus.address, answers()).await;
    let name = samples::long_hostile();
    let end = &name[name.rfind("approved").unwrap()..];
    for view in [VIEWS[0], VIEWS[2], VIEWS[3], VIEWS[4]] {
        let shown = run(&bus.address, view).await.stdout;
        assert!(is_harmless(&shown) && shown.contains(end), "{view:?}: {shown}");
        assert!(!shown.contains('…'), "{view:?}: {shown}");
    }
}
