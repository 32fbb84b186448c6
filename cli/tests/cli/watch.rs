use std::process::Stdio;

use portolan_bus::LiveTick;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout},
};

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{Ended, is_harmless, portolan, terminate},
    samples::{self, HOSTILE, live_row, tick},
};

struct Watching {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Watching {
    fn start(address: &str, arguments: &[&str]) -> Self {
        let mut child = portolan(address, &[&["watch"], arguments].concat()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, stdout, stderr }
    }

    async fn line(&mut self) -> String {
        self.stdout.next_line().await.unwrap().expect("another line")
    }

    async fn tick(&mut self) -> LiveTick {
        serde_json::from_str(&self.line().await).unwrap()
    }

    async fn complaint(&mut self) -> String {
        self.stderr.next_line().await.unwrap().expect("another complaint")
    }

    async fn code(&mut self) -> Option<i32> {
        self.child.wait().await.unwrap().code()
    }
}

#[tokio::test]
async fn json_is_a_line_for_each_reading() {
    let bus = Bus::start(Policy::Everybody).await;
    let backlog = vec![tick(1000, vec![live_row("/usr/bin/old", 1, 1)])];
    let peer = Peer::start(&bus.address, Answers { backlog, ..Answers::default() }).await;
    let mut watching = Watching::start(&bus.address, &["--json", "--count", "2"]);
    peer.subscribed().await;
    let readings = [tick(2000, vec![live_row(HOSTILE, 5, 7)]), tick(3000, Vec::new())];
    for reading in &readings {
        peer.tick(reading.clone()).await;
    }
    let first = watching.line().await;
    assert!(is_harmless(&first));
    assert_eq!(serde_json::from_str::<LiveTick>(&first).unwrap(), readings[0]);
    assert_eq!(watching.tick().await, readings[1]);
    assert_eq!(watching.stdout.next_line().await.unwrap(), None);
    assert_eq!(watching.code().await, Some(0));
}

#[tokio::test]
async fn lines_name_only_programs_that_moved_bytes() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let mut watching = Watching::start(&bus.address, &[]);
    peer.subscribed().await;
    let rows = vec![live_row("/usr/bin/idle", 0, 0), live_row(HOSTILE, 1500, 7)];
    peer.tick(tick(1_767_225_600_000, rows)).await;
    let line = watching.line().await;
    assert!(is_harmless(&line));
    assert!(
        line.starts_with("2026-01-01 00:00:00  in       7 B  out   1.50 kB  user root  /tmp/a\\u{1b}"),
        "{line}"
    );
    let container = format!("docker:{}", "c0".repeat(32));
    let end =
        format!("started by /usr/bin/bash  in curl.service  in {container}  to example.org (192.0.2.1:443)");
    assert!(line.ends_with(&end), "{line}");
    terminate(&watching.child);
    assert_eq!(watching.code().await, Some(0));
}

#[tokio::test]
async fn a_daemon_that_comes_back_is_watched_again_without_a_gap_or_a_double() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let mut watching = Watching::start(&bus.address, &["--json"]);
    peer.subscribed().await;
    peer.tick(tick(1000, Vec::new())).await;
    assert_eq!(watching.tick().await.unix_ms, 1000);
    peer.stop().await;
    assert!(watching.complaint().await.contains("daemon gone, waiting"));

    let backlog = vec![tick(1000, Vec::new()), tick(2000, Vec::new())];
    let peer = Peer::start(&bus.address, Answers { backlog, ..Answers::default() }).await;
    peer.subscribed().await;
    peer.tick(tick(2000, Vec::new())).await;
    peer.tick(tick(3000, Vec::new())).await;
    assert_eq!(watching.tick().await.unix_ms, 2000);
    assert_eq!(watching.tick().await.unix_ms, 3000);
    terminate(&watching.child);
    assert_eq!(watching.code().await, Some(0));
}

#[tokio::test]
async fn a_bus_that_comes_back_is_found_again() {
    let mut bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let mut watching = Watching::start(&bus.address, &["--json"]);
    peer.subscribed().await;
    peer.tick(tick(1000, Vec::new())).await;
    assert_eq!(watching.tick().await.unix_ms, 1000);
    bus.stop().await;
    let complaint = watching.complaint().await;
    assert!(complaint.contains("daemon gone, waiting"), "{complaint}");
    drop(peer);

    bus.restart().await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    peer.subscribed().await;
    peer.tick(tick(5000, Vec::new())).await;
    assert_eq!(watching.tick().await.unix_ms, 5000);
    terminate(&watching.child);
    assert_eq!(watching.code().await, Some(0));
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_it() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let mut watching = Watching::start(&bus.address, &["--json"]);
    peer.subscribed().await;
    peer.tick(tick(1000, Vec::new())).await;
    assert_eq!(watching.tick().await.unix_ms, 1000);
    peer.stop().await;
    assert!(watching.complaint().await.contains("daemon gone, waiting"));
    let _peer = Peer::start(&bus.address, Answers { deny: true, ..Answers::default() }).await;
    assert!(watching.complaint().await.contains("access denied"));
    assert_eq!(watching.code().await, Some(4));
    assert_eq!(watching.stdout.next_line().await.unwrap(), None, "the stream holds only readings");
}

#[tokio::test]
async fn a_reader_that_leaves_ends_it_quietly() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let (reader, writer) = std::io::pipe().unwrap();
    let child = portolan(&bus.address, &["watch", "--json"]).stdout(writer).spawn().unwrap();
    peer.subscribed().await;
    drop(reader);
    peer.tick(tick(1000, Vec::new())).await;
    let ended = Ended::from(child.wait_with_output().await.unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_signal_ends_it_even_when_the_reader_does_not_read() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child =
        portolan(&bus.address, &["watch", "--json"]).stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    peer.subscribed().await;
    // More than a pipe holds in one line: the write cannot end.
    let row = samples::live_row("/usr/bin/curl", 1, 1);
    peer.tick(tick(1000, vec![row; 2000])).await;
    wait_for_bytes(&reader);
    terminate(&child);
    let status = tokio::time::timeout(std::time::Duration::from_secs(20), child.wait())
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

fn wait_for_bytes(reader: &std::io::PipeReader) {
    use rustix::event::{PollFd, PollFlags, poll};
    let timeout = rustix::time::Timespec { tv_sec: 20, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            count => return assert_eq!(count, Ok(1)),
        }
    }
}
