mod answers;
mod choices;
mod page;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
    time::SystemTime,
};

use portolan_bus::{Daemon1Proxy, DaemonState, Error, Finding, FindingState, LiveTick, Status};
use portolan_core::{ReviewState, UnixMillis};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Choice, Gui, LinkState, Pace, Request, Tray, WindowEvent, WindowTab,
    ask::{Asking, Own},
    inbox::{Inbox, PopupChange},
    link::{LinkCommand, LinkEvent},
    sentence,
    tray::Standing,
};
use crate::{
    preferences::{Kept, Store},
    words::Language,
};

/// The end of a call that the controller started.
#[derive(Debug)]
pub(super) enum Outcome {
    Status(Box<Result<Status, Error>>),
    Reviewed {
        application: String,
        state: ReviewState,
        result: Result<(), Error>,
    },
    Users(BTreeMap<u32, String>),
    /// A choice could not be kept, or a snooze was refused: the title and why.
    Failed(&'static str, String),
}

/// All state of the app; one task owns it.
pub(super) struct Controller<G> {
    gui: G,
    commands: mpsc::Sender<LinkCommand>,
    outcome: mpsc::Sender<Outcome>,
    name_of_user: fn(u32) -> Option<String>,
    pace: Pace,
    link: LinkState,
    reason: Option<String>,
    /// `None` while the link is not up.
    daemon: Option<Daemon1Proxy<'static>>,
    /// The last state read; `None` while the link is not up.
    status: Option<Status>,
    /// When to read the state; `None` while it is being read or the link is not up.
    status_due: Option<Instant>,
    asking: Asking,
    own: Own,
    inbox: Inbox,
    /// What was drawn last.
    tray: Option<Tray>,
    /// Whether a page listens.
    page: bool,
    /// What the page is to show as soon as it listens: where, and which finding.
    focus: Option<(WindowTab, Option<i64>)>,
    /// The users whose names the page was told.
    users: BTreeSet<u32>,
    store: Arc<Store>,
    kept: Kept,
    /// How often they were written.
    writings: u64,
    /// Bytes that the daemon had counted, and when.
    counted: Option<(Instant, u64)>,
    /// What moved between the last two readings of the daemon's state, as text.
    rate: Option<String>,
}

impl<G: Gui> Controller<G> {
    /// A controller that knows nothing yet.
    pub(super) fn new(
        gui: G,
        name_of_user: fn(u32) -> Option<String>,
        pace: Pace,
        store: Arc<Store>,
        own: Own,
        commands: mpsc::Sender<LinkCommand>,
        outcome: mpsc::Sender<Outcome>,
    ) -> Self {
        Self {
            gui,
            commands,
            outcome,
            name_of_user,
            pace,
            link: LinkState::Connecting,
            reason: None,
            daemon: None,
            status: None,
            status_due: None,
            asking: Asking::default(),
            own,
            inbox: Inbox::default(),
            tray: None,
            page: false,
            focus: None,
            users: BTreeSet::new(),
            store,
            kept: Kept::default(),
            writings: 0,
            counted: None,
            rate: None,
        }
    }

    /// Works until a person quits or nobody can ask any more.
    pub(super) async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut events: mpsc::Receiver<LinkEvent>,
        mut outcomes: mpsc::Receiver<Outcome>,
    ) {
        self.load_choices().await;
        self.draw_tray();
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => if self.obey(request).await.is_break() { break },
                    None => break,
                },
                Some(event) = events.recv() => self.hear(event),
                Some(outcome) = outcomes.recv() => self.finish(outcome),
                () = due(self.status_due) => self.read_status(),
            }
        }
        self.gui.quit();
    }

    async fn obey(&mut self, request: Request) -> ControlFlow<()> {
        match request {
            Request::Chosen(Choice::Quit) => return ControlFlow::Break(()),
            Request::Chosen(Choice::Open) => self.gui.open_window(),
            Request::Chosen(Choice::Review) => self.open_on(None),
            Request::Chosen(Choice::Show(tab)) => self.open_at(tab, None),
            Request::Chosen(Choice::Snooze(until)) => self.snooze_all(until),
            Request::Chosen(Choice::Pause) => self.toggle_pause(),
            Request::Pressed(key, button) => self.press(key, button),
            Request::PopupClosed(key) => self.inbox.closed(key),
            Request::PageReady => {
                self.greet_page();
                self.command(LinkCommand::StartLive).await;
            }
            Request::WindowClosed => {
                self.page = false;
                self.users.clear();
                self.asking.forget();
                self.command(LinkCommand::StopLive).await;
            }
            Request::Ask(question, answer) => self.ask(question, answer),
            Request::Retry => self.command(LinkCommand::Retry).await,
        }
        ControlFlow::Continue(())
    }

    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(daemon, open) => {
                self.daemon = Some(daemon);
                self.status_due = Some(Instant::now());
                self.set_link(LinkState::Up, None);
                let changes = self.inbox.replace(open, now());
                self.show(changes);
            }
            LinkEvent::Gone(reason) => self.lose(LinkState::Gone, reason),
            LinkEvent::Denied(reason) => self.lose(LinkState::Denied, reason),
            LinkEvent::Finding(finding) => self.hear_finding(*finding),
            LinkEvent::History(ticks) => {
                self.tell_users(ticks.iter().flat_map(|tick| &tick.rows).map(|row| row.uid));
                self.push(WindowEvent::History { ticks });
            }
            LinkEvent::Tick(tick) => self.hear_tick(tick),
        }
    }

    fn lose(&mut self, state: LinkState, reason: String) {
        self.daemon = None;
        self.status = None;
        self.status_due = None;
        (self.counted, self.rate) = (None, None);
        self.set_link(state, Some(reason));
        self.draw_tray();
    }

    fn set_link(&mut self, state: LinkState, reason: Option<String>) {
        if (self.link, &self.reason) != (state, &reason) {
            tracing::info!(?state, reason, "link to the daemon");
        }
        (self.link, self.reason) = (state, reason.clone());
        self.push(WindowEvent::Link { state, reason });
    }

    fn hear_finding(&mut self, finding: Finding) {
        let review = match finding.state {
            FindingState::Open => None,
            FindingState::Approved => Some(ReviewState::Approved),
            FindingState::Ignored => Some(ReviewState::Ignored),
        };
        if let (Some(review), Some(application)) = (review, finding.application.clone()) {
            self.push(WindowEvent::Reviewed { application, review: review.to_string() });
        }
        let changes = self.inbox.update(finding, now());
        self.show(changes);
    }

    fn hear_tick(&mut self, tick: LiveTick) {
        self.tell_users(tick.rows.iter().map(|row| row.uid));
        self.push(WindowEvent::Tick { tick });
    }

    fn show(&mut self, changes: Vec<PopupChange>) {
        for change in changes {
            match change {
                PopupChange::Show(popup) => self.gui.show_popup(popup),
                PopupChange::Close(key) => self.gui.close_popup(key),
            }
        }
        self.push_findings();
        self.draw_tray();
    }

    fn finish(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Status(result) => self.finish_status(*result),
            Outcome::Reviewed { application, result: Err(error), .. } => {
                self.refuse(&application, &sentence::of(&error));
            }
            Outcome::Reviewed { application, state, result: Ok(()) } => {
                let changes = self.inbox.answered(&application);
                self.push(WindowEvent::Reviewed { application, review: state.to_string() });
                self.show(changes);
            }
            Outcome::Failed(title, reason) => self.tell_failure(title, &reason),
            Outcome::Users(names) => self.push(WindowEvent::Users { names }),
        }
    }

    fn read_status(&mut self) {
        self.status_due = None;
        let Some(daemon) = self.daemon.clone() else { return };
        let (outcome, own) = (self.outcome.clone(), self.own.clone());
        tokio::spawn(async move {
            outcome.send(Outcome::Status(Box::new(own.call(daemon.status()).await))).await.ok();
        });
    }

    fn finish_status(&mut self, result: Result<Status, Error>) {
        if self.daemon.is_none() {
            return;
        }
        let pause = if self.page { self.pace.status_open } else { self.pace.status_idle };
        self.status_due = Some(Instant::now() + pause);
        match result {
            Ok(status) => {
                self.measure(status.attribution.total);
                self.status = Some(status.clone());
                self.push(WindowEvent::Status { status: Box::new(status) });
                if let Some(changes) = self.inbox.pass(now()) {
                    self.show(changes);
                }
                self.draw_tray();
            }
            Err(error) => tracing::warn!(%error, "the daemon's state cannot be read"),
        }
    }

    fn draw_tray(&mut self) {
        let reduced = self.status.as_ref().is_some_and(|status| status.state == DaemonState::Reduced);
        let standing = Standing {
            link: self.link,
            waiting: self.inbox.to_review(),
            loud: self.inbox.is_loud(),
            reduced,
            paused: self.kept.notifications_paused,
        };
        let tray = Tray::of(standing, self.rate.clone(), self.language());
        if self.tray.as_ref() != Some(&tray) {
            self.gui.draw_tray(&tray);
            self.tray = Some(tray);
        }
    }

    /// What moved since the last reading of the state. Nothing is asked for this alone: ticks would cost more than all else
    /// that the tray does.
    fn measure(&mut self, total: u64) {
        let now = Instant::now();
        let before = self.counted.replace((now, total));
        let moved = before.and_then(|(at, bytes)| Some((now - at, total.checked_sub(bytes)?)));
        self.rate = moved.map(|(time, bytes)| {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let rate = self.kept.preferences.rate(bytes, ms);
            self.language().average(&rate, (ms + 500) / 1000)
        });
    }

    fn language(&self) -> Language {
        self.kept.preferences.language.language()
    }

    async fn command(&self, command: LinkCommand) {
        if self.commands.send(command).await.is_err() {
            tracing::error!("the link to the daemon ended; start Portolan again");
        }
    }
}

/// The time of day.
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
