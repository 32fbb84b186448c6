//! What the daemon holds after a question that needed much. Alone in its process, so that nobody else's memory is measured.
#![forbid(unsafe_code)]

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use portolan_bus::Access;
use portolan_core::{Bytes, Dimension, Direction, Endpoint, Owner, Protocol, Uid, UnixMillis};
use portolan_history::{History, Question, Record};
use portoland::{
    dbus::Viewer,
    pipeline::{Archive, Atlas},
    resources,
};
use tempfile::TempDir;

const START: UnixMillis = UnixMillis(1_700_000_000_000);
const MEBIBYTE: u64 = 1 << 20;

fn record(number: u32) -> Record {
    Record {
        bucket_start: START,
        bucket_ms: 10_000,
        owner: Owner::Kernel,
        command_line: None,
        placement: Arc::default(),
        uid: Uid(0),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: None,
        remote: Some(Endpoint { address: Ipv4Addr::from_bits(0x0a00_0000 + number).into(), port: 443 }),
        name: None,
        place: None,
        service_port: Some(443),
        recognised: None,
        network_namespace: 1,
        bytes: Bytes { tx: 1, rx: 1 },
        flows_opened: 1,
        first: START,
        last: START,
    }
}

#[test]
fn what_a_question_needed_is_given_back_after_it() {
    resources::share_one_heap();
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history.sqlite");
    let records: Vec<Record> = (0..60_000).map(record).collect();
    History::open(&path).unwrap().write(&records).unwrap();
    drop(records);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let archive = Archive::new(path, |_| {});
    let atlas = Atlas::new(Vec::new(), dir.path().to_owned());
    let viewer = Viewer { uid: Uid(0), access: Access::All };
    let question = Question { by: vec![Dimension::Remote], top: usize::MAX, ..Question::default() };
    resources::give_memory_back();
    let before = resources::anonymous_bytes();
    runtime.block_on(async {
        let answer = archive.query(viewer, question, &atlas, Arc::default()).await.unwrap();
        assert!(resources::anonymous_bytes() > before + 16 * MEBIBYTE, "the question is heavy");
        drop(answer);
        let end = Instant::now() + Duration::from_secs(20);
        while resources::anonymous_bytes() > before + 4 * MEBIBYTE {
            let held = resources::anonymous_bytes() / MEBIBYTE;
            assert!(Instant::now() < end, "{held} MiB are held, {} before", before / MEBIBYTE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
