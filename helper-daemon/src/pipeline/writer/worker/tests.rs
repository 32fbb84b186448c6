use std::sync::mpsc::Receiver;

use portolan_core::{Bytes, Direction, Owner, Protocol, Uid};
use portolan_history::{
    Checkpoint, Limits as Patience, Question, ReadError, Reader, Record, Spans, language::Query,
};
use tokio::sync::oneshot;

use super::*;
use crate::pipeline::log_bound::LogBound;

fn worker(dir: &Path) -> (Worker, Arc<Writing>, Receiver<Finding>) {
    let (worker, _, writing, told) = worker_with(dir, Writing::default());
    (worker, writing, told)
}

fn worker_with(dir: &Path, writing: Writing) -> (Worker, Known, Arc<Writing>, Receiver<Finding>) {
    let (tell, told) = mpsc::channel();
    let writing = Arc::new(writing);
    let (worker, known) = Worker::open(
        &dir.join("history.sqlite"),
        Limits::default(),
        Arc::default(),
        Arc::clone(&writing),
        Atlas::new(Vec::new(), dir.to_owned()),
        Box::new(move |finding| drop(tell.send(finding))),
        Arc::new(crate::text_log::TextLog::start(&portolan_config::Log::default()).unwrap()),
    );
    (worker, known, writing, told)
}

#[test]
fn what_is_forgotten_in_one_file_is_not_gone_on_with_in_another() {
    let dir = tempfile::tempdir().unwrap();
    let (mut worker, ..) = worker(dir.path());
    let (done, mut answer) = oneshot::channel();
    worker.work(Job::Forget { by: Uid(0), query: Box::new(Query::default()), done });
    assert!(answer.try_recv().is_err(), "it takes some steps");
    std::fs::remove_file(&worker.path).unwrap();
    worker.write_backlog().unwrap();
    assert!(worker.history.is_some());
    assert!(matches!(answer.try_recv(), Ok(Err(Error::HistoryUnavailable(_)))));
}

#[test]
fn a_damaged_interval_is_told_once_and_only_a_damaged_file_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (mut worker, writing, told) = worker(dir.path());
    for start in [7, 7, 8, 7] {
        writing.found_damage(&ReadError::DamagedInterval { level: "minute", start: UnixMillis(start) });
        writing.found_damage(&ReadError::NumberUnknown(5));
        worker.write_backlog().unwrap();
    }
    let damaged: Vec<Finding> = told.try_iter().collect();
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    assert!(damaged[0].kind == "history-damaged" && worker.salvage.is_none());

    let file = || [("the file is damaged".to_owned(), true)].into();
    assert!(worker.judge_damage(file()));
    assert!(!worker.judge_damage(file()), "not again and again");
    worker.write_backlog().unwrap();
    assert_eq!(told.try_iter().count(), 1, "but it is told");
}

/// Does what the thread does until rows can be written; in how many steps.
fn until_ready(worker: &mut Worker) -> usize {
    (1..10_000)
        .find(|_| {
            worker.get_ready();
            worker.is_ready()
        })
        .unwrap()
}

fn record(at: i64) -> Record {
    Record {
        bucket_start: UnixMillis(at),
        bucket_ms: 10_000,
        owner: Owner::Kernel,
        command_line: Some("x".repeat(1000).as_str().into()),
        placement: Arc::default(),
        uid: Uid(u32::try_from(at / 10_000).unwrap()),
        protocol: Protocol::Tcp,
        direction: Direction::Outbound,
        local: None,
        remote: None,
        name: None,
        place: None,
        service_port: None,
        recognised: None,
        network_namespace: 0,
        bytes: Bytes { tx: 1, rx: 0 },
        flows_opened: 1,
        first: UnixMillis(at),
        last: UnixMillis(at),
    }
}

fn sent(worker: &Worker) -> u64 {
    let everything = Question { top: 1, ..Question::default() };
    let reader = Reader::open(&worker.path).unwrap();
    reader.answer(&everything, &Patience::default()).unwrap().total.bytes.tx
}

/// Writes over the first page.
fn damage(path: &Path) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 4096], 0).unwrap();
}

#[test]
fn a_damaged_history_is_saved_after_the_start_and_what_it_knew_is_told_then() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = History::open(&path).unwrap();
    let bytes = Bytes::default();
    let checkpoint = Checkpoint { journal: 5, epoch: 6, tables: 7, accounted: bytes, waiting: bytes };
    history.write_up_to(&[record(0)], Some(checkpoint)).unwrap();
    history.begin_learning(UnixMillis(1)).unwrap();
    drop(history);
    damage(&path);

    let (mut worker, known, writing, told) = worker_with(dir.path(), Writing::default());
    assert_eq!(known.checkpoint, Some(checkpoint));
    assert!(known.learning.unwrap().ended.is_some(), "nothing is learned in silence");
    assert!(
        path.exists() && !Salvage::is_under_way(&path).unwrap(),
        "nothing is saved before there is counting"
    );
    worker.backlog.add_records(vec![record(10_000)], None, &Spans::default());
    until_ready(&mut worker);
    assert_eq!(sent(&worker), 2);
    let found: Vec<Finding> = told.try_iter().collect();
    assert!(found.len() == 1 && found[0].kind == "history-damaged", "{found:?}");
    assert!(worker.is_known && worker.failing.is_none());
    let late = writing.known_late.lock().unwrap().take().unwrap();
    assert_eq!(late.learned(), Some(Duration::ZERO), "it goes on, as the history says");
}

#[test]
fn where_damage_took_how_long_was_learned_nobody_learns_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.sqlite");
    drop(History::open(&path).unwrap());
    damage(&path);
    let (mut worker, known, writing, _told) = worker_with(dir.path(), Writing::default());
    assert_eq!(known.learned(), None);
    until_ready(&mut worker);
    assert_eq!(writing.known_late.lock().unwrap().take().unwrap().learned(), None);
    worker.write_backlog().unwrap();
    drop(worker);
    let (_worker, known, ..) = worker_with(dir.path(), Writing::default());
    assert_eq!(known.learned(), None, "nor the next daemon");
}

#[test]
fn a_damaged_history_that_was_half_moved_is_saved_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.sqlite");
    let mut history = History::open(&path).unwrap();
    let bytes = Bytes::default();
    let checkpoint = Checkpoint { journal: 5, epoch: 6, tables: 7, accounted: bytes, waiting: bytes };
    // All of it is in the log only.
    history.write_up_to(&[record(0)], Some(checkpoint)).unwrap();
    let files = ["", "-wal"].map(|end| (end, std::fs::read(format!("{}{end}", path.display())).unwrap()));
    drop(history);
    let aside = format!("{}.damaged-7", path.display());
    for (end, content) in &files {
        let to = if *end == "-wal" { format!("{aside}-wal") } else { path.display().to_string() };
        std::fs::write(to, content).unwrap();
    }
    std::fs::write(dir.path().join("history.sqlite.salvaging"), &aside).unwrap();
    let (mut worker, known, ..) = worker_with(dir.path(), Writing::default());
    assert_eq!(known.checkpoint, Some(checkpoint));
    worker.backlog.add_records(vec![record(10_000)], None, &Spans::default());
    until_ready(&mut worker);
    assert_eq!(sent(&worker), 2);
}

#[test]
fn rows_wait_while_a_history_of_an_old_version_is_brought_to_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.sqlite");
    let steps =
        ["0001_first", "0002_checkpoint", "0003_placement", "0004_accounted", "0005_findings", "0006_names"];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/history/src/migrations");
    let sql: String =
        steps.map(|step| std::fs::read_to_string(format!("{folder}/{step}.sql")).unwrap()).concat();
    let rows = "INSERT INTO actor (id, owner, uid, network_namespace) VALUES (1, 'kernel', 0, 1);
        INSERT INTO peer (id, protocol, direction) VALUES (1, 'tcp', 'outbound');
        CREATE TEMP TABLE n AS WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1000)
            SELECT value FROM n;
        INSERT INTO bucket SELECT value, value * 10000, 10000 FROM n WHERE value <= 60;
        INSERT INTO traffic SELECT bucket.id, 1, 1, n.value, 0, 1, 0, 1, 0, 0 FROM bucket, n;";
    let script = format!("{sql}; PRAGMA application_id = 0x504f5254; PRAGMA user_version = 6; {rows}");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&script).unwrap();

    let (mut worker, known, ..) = worker_with(dir.path(), Writing::default());
    assert!(known.learning.is_none() && !worker.is_ready());
    worker.backlog.add_records(vec![record(700_000)], None, &Spans::default());
    let problem = worker.write_backlog().unwrap_err();
    assert!(problem.contains("old version"), "{problem}");
    assert!(until_ready(&mut worker) > 1);
    assert_eq!(sent(&worker), 60_001);
    assert!(worker.failing.is_none());
    assert!(worker.history.as_ref().unwrap().learning().unwrap().is_some());
}

#[test]
fn whoever_reads_on_and_on_is_ended_before_the_log_fills_the_disk() {
    const LONG: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(LogBound::of(LONG));
    let (mut worker, _, _, _told) =
        worker_with(dir.path(), Writing { log: Arc::clone(&log), ..Writing::default() });
    worker.backlog.add_records(vec![record(0)], None, &Spans::default());
    worker.write_backlog().unwrap();
    let reader = Reader::open(&worker.path).unwrap();
    let limits = Patience { is_in_the_way: log.is_too_long(), ..Default::default() };
    let (mut at, mut refused_at) = (0, None);
    let ended = reader.together(|| {
        loop {
            reader.answer(&Question::default(), &limits)?;
            worker.backlog.add_records(
                (0..200)
                    .map(|_| {
                        at += 10_000;
                        record(at)
                    })
                    .collect(),
                None,
                &Spans::default(),
            );
            worker.write_backlog().unwrap();
            worker.look_at_log();
            refused_at = refused_at.or(log.admit().is_err().then_some(at));
            assert!(at < 100_000_000, "nobody ends it");
        }
        #[allow(unreachable_code, reason = "it says what there would be")]
        Ok(())
    });
    assert!(matches!(ended, Err(ReadError::LogTooLong)), "{ended:?}");
    assert!(refused_at.is_some_and(|refused| refused < at), "new ones are refused before");
    drop(reader);
    worker.look_at_log();
    log.admit().unwrap();
    assert!(worker.history.as_ref().unwrap().log_bytes() < LONG);
}
