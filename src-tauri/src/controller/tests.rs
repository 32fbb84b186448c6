mod asking;
mod choices;

use std::{sync::Arc, time::Duration};

use portolan_bus::FindingState;
use portolan_core::ReviewState;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Button, Choice, Icon, LinkState, Pace, Patience, PopupKey, Request, WindowEvent, WindowTab, run,
    testing::{Bus, FakeDaemon, FakeGui, Knowledge, Seen, changed, connect, finding, tick},
};
use crate::{
    preferences::Store,
    question::{Answer, FailureKind, Question},
};

/// Long enough for a busy machine; a test that works never waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Desk {
    requests: mpsc::Sender<Request>,
    seen: mpsc::UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
    home: tempfile::TempDir,
}

impl Desk {
    fn new(address: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        // The language of the machine that runs the tests is left out of it.
        std::fs::write(home.path().join("desktop.toml"), "language = \"en\"").unwrap();
        Self::at(address, home)
    }

    fn at(address: &str, home: tempfile::TempDir) -> Self {
        let store = Arc::new(Store::at(Some(home.path().join("desktop.toml"))));
        let (requests, todo) = mpsc::channel(64);
        let (tell, seen) = mpsc::unbounded_channel();
        let address = address.to_owned();
        let pace = Pace {
            patience: Patience { first: Duration::from_millis(20), longest: Duration::from_millis(100) },
            ..Pace::default()
        };
        let name_of_user = |uid| (uid == 1000).then(|| "alice".to_owned());
        let task = tokio::spawn(async move {
            let connect = || {
                let address = address.clone();
                async move { connect(&address).await }
            };
            run(FakeGui(tell), connect, name_of_user, pace, store, todo).await;
        });
        Self { requests, seen, task, home }
    }

    async fn ask(&self, request: Request) {
        self.requests.send(request).await.unwrap();
    }

    /// The first thing seen from now on that `wanted` turns into something.
    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Seen) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let search = async {
            while let Some(seen) = self.seen.recv().await {
                if let Some(found) = wanted(&seen) {
                    return Some(found);
                }
                passed.push(seen);
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        match found {
            Ok(Some(found)) => found,
            Ok(None) => panic!("the controller ended before {what}; seen: {passed:#?}"),
            Err(_) => panic!("{what} was not seen in time; seen: {passed:#?}"),
        }
    }

    /// What the page would hear.
    async fn answer(&self, question: Question) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Ask(question, answer)).await;
        answered.await.unwrap()
    }

    async fn until_icon(&mut self, icon: Icon) {
        self.until("an icon", |seen| matches!(seen, Seen::Tray(tray) if tray.icon == icon).then_some(()))
            .await;
    }

    async fn until_popup(&mut self) -> PopupKey {
        self.until("a notification", |seen| match seen {
            Seen::Popup(popup) => Some(popup.key),
            _ => None,
        })
        .await
    }

    async fn until_pushed<T>(&mut self, what: &str, mut wanted: impl FnMut(&WindowEvent) -> Option<T>) -> T {
        self.until(what, |seen| match seen {
            Seen::Pushed(event) => wanted(event),
            _ => None,
        })
        .await
    }
}

fn open(findings: Vec<portolan_bus::Finding>) -> Knowledge {
    Knowledge { open: findings, ..Knowledge::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_shown_approved_and_stored() {
    let bus = Bus::start(None);
    let daemon = FakeDaemon::start(&bus, open(vec![finding(1, "/usr/bin/curl")])).await;
    let mut desk = Desk::new(&bus.address);
    assert_eq!(desk.until_popup().await, PopupKey::Finding(1));
    desk.until_icon(Icon::Review).await;
    desk.ask(Request::Pressed(PopupKey::Finding(1), Button::Approve)).await;
    desk.until_icon(Icon::Fine).await;
    let reviews = std::mem::take(&mut daemon.knowledge.lock().unwrap().reviews);
    assert_eq!(reviews, [("path:/usr/bin/curl".to_owned(), "approved".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_what_changed_meanwhile_is_asked_again() {
    let bus = Bus::start(None);
    let findings = vec![finding(1, "/usr/bin/curl"), changed(2, "/usr/bin/curl")];
    let daemon = FakeDaemon::start(&bus, open(findings)).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_popup().await;
    desk.ask(Request::Pressed(PopupKey::Finding(1), Button::Approve)).await;
    desk.until("a window", |seen| (*seen == Seen::WindowOpened).then_some(())).await;
    assert_eq!(daemon.knowledge.lock().unwrap().reviews, []);
    desk.ask(Request::Pressed(PopupKey::Finding(2), Button::Approve)).await;
    desk.until_icon(Icon::Fine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_refused_is_told_and_the_finding_stays() {
    let bus = Bus::start(None);
    let knowledge = Knowledge { deny_review: true, ..open(vec![changed(1, "/usr/bin/curl")]) };
    let _daemon = FakeDaemon::start(&bus, knowledge).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_popup().await;
    desk.ask(Request::Pressed(PopupKey::Finding(1), Button::Ignore)).await;
    let body = desk
        .until("a failure", |seen| match seen {
            Seen::Popup(popup) if popup.key == PopupKey::Failure => Some(popup.body.plain()),
            _ => None,
        })
        .await;
    assert!(body.contains("only the group portolan may review"), "{body}");
    desk.ask(Request::PageReady).await;
    let left = desk
        .until_pushed("the findings", |event| match event {
            WindowEvent::Findings { open } => Some(open.len()),
            _ => None,
        })
        .await;
    assert_eq!(left, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_given_elsewhere_closes_the_notification() {
    let bus = Bus::start(None);
    let daemon = FakeDaemon::start(&bus, Knowledge::default()).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Fine).await;
    daemon.say(finding(5, "/usr/bin/curl")).await;
    assert_eq!(desk.until_popup().await, PopupKey::Finding(5));
    let mut answered = finding(5, "/usr/bin/curl");
    answered.state = FindingState::Ignored;
    daemon.say(answered).await;
    let closed = desk
        .until("the end of the notification", |seen| match seen {
            Seen::Closed(key) => Some(*key),
            _ => None,
        })
        .await;
    assert_eq!(closed, PopupKey::Finding(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_comes_and_goes_and_nothing_is_shown_twice() {
    let bus = Bus::start(None);
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Gone).await;
    let daemon = FakeDaemon::start(&bus, open(vec![finding(1, "/usr/bin/curl")])).await;
    assert_eq!(desk.until_popup().await, PopupKey::Finding(1));
    daemon.stop().await;
    desk.until_icon(Icon::Gone).await;
    let both = open(vec![finding(1, "/usr/bin/curl"), finding(2, "/usr/bin/wget")]);
    let _daemon = FakeDaemon::start(&bus, both).await;
    assert_eq!(desk.until_popup().await, PopupKey::Finding(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_comes_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:path={}", folder.path().join("bus").display());
    let mut desk = Desk::new(&address);
    desk.ask(Request::PageReady).await;
    let reason = desk
        .until_pushed("the reason", |event| match event {
            WindowEvent::Link { state: LinkState::Gone, reason } => reason.clone(),
            _ => None,
        })
        .await;
    assert!(reason.contains("bus cannot be reached"), "{reason}");
    let bus = Bus::start(Some(&address));
    let _daemon = FakeDaemon::start(&bus, Knowledge::default()).await;
    desk.until_icon(Icon::Fine).await;
    drop(bus);
    desk.until_icon(Icon::Gone).await;
    std::fs::remove_file(folder.path().join("bus")).ok();
    let bus = Bus::start(Some(&address));
    let _daemon = FakeDaemon::start(&bus, Knowledge::default()).await;
    desk.until_icon(Icon::Fine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_shown_and_ends_by_itself() {
    let bus = Bus::start(None);
    let daemon = FakeDaemon::start(&bus, Knowledge { deny: true, ..Knowledge::default() }).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Denied).await;
    desk.ask(Request::PageReady).await;
    let reason = desk
        .until_pushed("the reason", |event| match event {
            WindowEvent::Link { state: LinkState::Denied, reason } => reason.clone(),
            _ => None,
        })
        .await;
    assert!(reason.contains("portolan") && reason.contains("polkit said no"), "{reason}");
    daemon.knowledge.lock().unwrap().deny = false;
    desk.until_icon(Icon::Fine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_are_asked_for_only_while_a_window_is_open() {
    let bus = Bus::start(None);
    let knowledge = Knowledge { history: vec![tick(1_000)], ..Knowledge::default() };
    let daemon = FakeDaemon::start(&bus, knowledge).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Fine).await;
    assert!(daemon.knowledge.lock().unwrap().live.is_empty());

    desk.ask(Request::PageReady).await;
    let history = desk
        .until_pushed("the history", |event| match event {
            WindowEvent::History { ticks } => Some(ticks.clone()),
            _ => None,
        })
        .await;
    assert_eq!(history, [tick(1_000)]);
    daemon.tick(tick(2_000)).await;
    let ticked = |event: &WindowEvent| match event {
        WindowEvent::Tick { tick } => Some(tick.unix_ms),
        _ => None,
    };
    assert_eq!(desk.until_pushed("the tick", ticked).await, 2_000);

    desk.ask(Request::WindowClosed).await;
    let stopped = async {
        while daemon.knowledge.lock().unwrap().live.last() != Some(&false) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("the live view was not ended");
    assert_eq!(daemon.knowledge.lock().unwrap().live, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn details_open_the_window_on_the_finding() {
    let bus = Bus::start(None);
    let _daemon = FakeDaemon::start(&bus, open(vec![finding(9, "/usr/bin/curl")])).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_popup().await;
    desk.ask(Request::Pressed(PopupKey::Finding(9), Button::Details)).await;
    desk.until("a window", |seen| (*seen == Seen::WindowOpened).then_some(())).await;
    desk.ask(Request::PageReady).await;
    let focus = |event: &WindowEvent| match event {
        WindowEvent::Focus { tab, finding } => Some((*tab, *finding)),
        _ => None,
    };
    assert_eq!(desk.until_pushed("the focus", focus).await, (WindowTab::Review, Some(9)));
    desk.ask(Request::Chosen(Choice::Review)).await;
    assert_eq!(desk.until_pushed("the focus", focus).await, (WindowTab::Review, None));
    desk.ask(Request::Chosen(Choice::Show(WindowTab::Map))).await;
    assert_eq!(desk.until_pushed("the focus", focus).await, (WindowTab::Map, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_and_hears_why_not() {
    let bus = Bus::start(None);
    let mut desk = Desk::new(&bus.address);
    let application = "path:/usr/bin/curl".to_owned();
    let (answer, answered) = oneshot::channel();
    let question = Question::Review { application: application.clone(), state: ReviewState::Ignored };
    desk.ask(Request::Ask(question.clone(), answer)).await;
    let failure = answered.await.unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Gone);
    assert!(failure.message.contains("daemon is not running"), "{failure:?}");

    let daemon = FakeDaemon::start(&bus, Knowledge::default()).await;
    desk.until_icon(Icon::Fine).await;
    let (answer, answered) = oneshot::channel();
    desk.ask(Request::Ask(question, answer)).await;
    assert_eq!(answered.await.unwrap().unwrap().get(), "null");
    assert_eq!(daemon.knowledge.lock().unwrap().reviews, [(application, "ignored".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quit_ends_everything() {
    let bus = Bus::start(None);
    let mut desk = Desk::new(&bus.address);
    desk.ask(Request::Chosen(Choice::Quit)).await;
    desk.until("the end", |seen| (*seen == Seen::Quit).then_some(())).await;
    tokio::time::timeout(PATIENCE, desk.task).await.expect("the tasks did not end").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_hears_the_names_of_users_once() {
    let bus = Bus::start(None);
    let knowledge = Knowledge { history: vec![tick(1_000), tick(2_000)], ..Knowledge::default() };
    let _daemon = FakeDaemon::start(&bus, knowledge).await;
    let mut desk = Desk::new(&bus.address);
    desk.ask(Request::PageReady).await;
    let names = desk
        .until_pushed("the names", |event| match event {
            WindowEvent::Users { names } => Some(names.clone()),
            _ => None,
        })
        .await;
    assert_eq!(names.into_iter().collect::<Vec<_>>(), [(1000, "alice".to_owned())]);
}
