use std::sync::mpsc::Receiver;

use portolan_core::Uid;
use portolan_history::{ReadError, language::Query};
use tokio::sync::oneshot;

use super::*;

fn worker(dir: &Path) -> (Worker, Arc<Writing>, Receiver<Finding>) {
    let (tell, told) = mpsc::channel();
    let writing = Arc::<Writing>::default();
    let (worker, _) = Worker::open(
        &dir.join("history.sqlite"),
        Limits::default(),
        Arc::default(),
        Arc::clone(&writing),
        Atlas::new(Vec::new(), dir.to_owned()),
        Box::new(move |finding| drop(tell.send(finding))),
        Arc::new(crate::text_log::TextLog::start(&portolan_config::Log::default()).unwrap()),
    )
    .unwrap();
    (worker, writing, told)
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
