//! What waits for its turn, what overtakes it, and what ends it. The history never answers by itself.

use portolan_bus::QueryRequest;
use portolan_core::ReviewState;
use tokio::sync::oneshot;

use super::{Desk, PATIENCE};
use crate::{
    controller::{
        Icon, Request,
        testing::{Bus, FakeDaemon, Knowledge},
    },
    question::{Answer, FailureKind, Question},
};

impl Desk {
    async fn query(&self, query: &str, token: u32) -> oneshot::Receiver<Answer> {
        let request = QueryRequest { query: query.to_owned(), token, ..QueryRequest::default() };
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Ask(Question::Query { request }, answer)).await;
        answered
    }

    async fn cancel(&self, token: u32) -> String {
        self.answer(Question::Cancel { token }).await.unwrap().get().to_owned()
    }
}

async fn desk_and_daemon(bus: &Bus) -> (Desk, FakeDaemon) {
    let daemon = FakeDaemon::start(bus, Knowledge::default()).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Fine).await;
    (desk, daemon)
}

/// Waits until the daemon was asked so much; gives back what, sorted: questions with turns of their own may overtake each other.
async fn asked(daemon: &FakeDaemon, count: usize) -> Vec<(String, u32)> {
    let all = async {
        loop {
            let asked = daemon.knowledge.lock().unwrap().asked.clone();
            if asked.len() >= count {
                return asked;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut asked = tokio::time::timeout(PATIENCE, all).await.expect("the daemon was not asked");
    asked.sort();
    asked
}

async fn is_cancelled(answered: oneshot::Receiver<Answer>) -> bool {
    let answer = tokio::time::timeout(PATIENCE, answered).await.expect("no answer").unwrap();
    answer.unwrap_err().kind == FailureKind::Cancelled
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_question_that_is_cancelled_is_never_asked() {
    let bus = Bus::start(None);
    let (desk, daemon) = desk_and_daemon(&bus).await;
    let (a, b) = (desk.query("a", 1).await, desk.query("b", 2).await);
    asked(&daemon, 2).await;
    let c = desk.query("c", 3).await;
    assert_eq!(desk.cancel(3).await, "true");
    assert!(is_cancelled(c).await, "while the others run");
    assert_eq!((desk.cancel(3).await, desk.cancel(0).await), ("false".to_owned(), "false".to_owned()));
    assert_eq!(desk.cancel(1).await, "true");
    assert!(is_cancelled(a).await, "by the daemon");
    let _d = desk.query("d", 4).await;
    let queries: Vec<_> = asked(&daemon, 3).await.into_iter().map(|(query, _)| query).collect();
    assert_eq!(queries, ["a", "b", "d"]);
    assert_eq!(desk.cancel(2).await, "true");
    assert!(is_cancelled(b).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_overtakes_waiting_questions() {
    let bus = Bus::start(None);
    let (desk, daemon) = desk_and_daemon(&bus).await;
    let _running = [desk.query("a", 1).await, desk.query("b", 2).await];
    let _waiting = [desk.query("c", 3).await, desk.query("d", 4).await];
    asked(&daemon, 2).await;
    let application = "path:/usr/bin/curl".to_owned();
    let decision = desk.answer(Question::Review { application, state: ReviewState::Approved });
    let decided = tokio::time::timeout(PATIENCE, decision).await.expect("it waits behind the questions");
    assert_eq!(decided.unwrap().get(), "null");
    let knowledge = daemon.knowledge.lock().unwrap();
    assert_eq!((knowledge.reviews.len(), knowledge.asked.len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_window_leaves_nothing_to_the_next() {
    let bus = Bus::start(None);
    let (desk, daemon) = desk_and_daemon(&bus).await;
    let old = [desk.query("a", 1).await, desk.query("b", 0).await];
    asked(&daemon, 2).await;
    let waiting = desk.query("c", 3).await;
    desk.ask(Request::WindowClosed).await;
    for question in old.into_iter().chain([waiting]) {
        assert!(is_cancelled(question).await);
    }
    let new = [desk.query("d", 1).await, desk.query("e", 2).await];
    let asked = asked(&daemon, 4).await;
    let queries: Vec<_> = asked.iter().map(|(query, _)| query.as_str()).collect();
    assert_eq!(queries, ["a", "b", "d", "e"]);
    let mut tokens: Vec<_> = asked.iter().map(|(_, token)| *token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert!(tokens.len() == 4 && !tokens.contains(&0), "{tokens:?}");
    let [d, _e] = new;
    assert_eq!(desk.cancel(1).await, "true");
    assert!(is_cancelled(d).await);
}
