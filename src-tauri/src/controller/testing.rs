//! A desktop without a screen, a daemon without a kernel, and a bus of their own, for the controller's tests.

mod history;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use portolan_bus::{
    Application, Error, Finding, FindingState, LiveRow, LiveTick, OBJECT_PATH, Severity, Status,
};
use tokio::sync::{mpsc, oneshot};
use zbus::{Connection, connection::Builder, object_server::SignalEmitter};

use history::ServedHistory;

use super::{Gui, Outside, Popup, PopupKey, Tray, WindowEvent};
use crate::{question::Answer, words::Language};

/// A finding about a new application.
pub(crate) fn finding(id: i64, path: &str) -> Finding {
    Finding {
        id,
        kind: "new-application".to_owned(),
        severity: Severity::Normal,
        state: FindingState::Open,
        unix_ms: 1_700_000_000_000 + id,
        updated_unix_ms: 1_700_000_000_000 + id,
        times: 1,
        snoozed_until_unix_ms: None,
        answered_by: None,
        answered_unix_ms: None,
        application: Some(format!("path:{path}")),
        path: Some(path.to_owned()),
        sha256: Some("b".repeat(64)),
        previous_sha256: None,
        parent_path: Some("/usr/bin/bash".to_owned()),
        uid: Some(1000),
        remote: Some("10.0.0.1:443".to_owned()),
        remote_name: Some("example.org".to_owned()),
        remote_name_inferred: false,
        detail: None,
        evidence: None,
    }
}

/// A finding about a known application with new content.
pub(crate) fn changed(id: i64, path: &str) -> Finding {
    Finding {
        kind: "changed-executable".to_owned(),
        severity: Severity::Loud,
        previous_sha256: Some("a".repeat(64)),
        ..finding(id, path)
    }
}

/// A tick in which curl moved bytes.
pub(crate) fn tick(unix_ms: i64) -> LiveTick {
    let row = LiveRow {
        application: Some("path:/usr/bin/curl".to_owned()),
        path: "/usr/bin/curl".to_owned(),
        sha256: Some("b".repeat(64)),
        parent_path: None,
        review: Some("unreviewed".to_owned()),
        unit: None,
        container: None,
        uid: 1000,
        remote: None,
        domain: None,
        domain_inferred: false,
        tx_bytes: 10,
        rx_bytes: 20,
        flows: 1,
    };
    LiveTick { unix_ms, interval_ms: 1000, rows: vec![row] }
}

/// What the controller did to the desktop.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Tray(Tray),
    Popup(Popup),
    Closed(PopupKey),
    WindowOpened,
    Pushed(WindowEvent),
    Opened(Outside),
    Quit,
}

/// A desktop that only tells what it was asked.
pub(crate) struct FakeGui(pub(crate) mpsc::UnboundedSender<Seen>);

impl FakeGui {
    fn see(&self, seen: Seen) {
        self.0.send(seen).ok();
    }
}

impl Gui for FakeGui {
    fn draw_tray(&mut self, tray: &Tray) {
        self.see(Seen::Tray(tray.clone()));
    }
    fn show_popup(&mut self, popup: Popup) {
        self.see(Seen::Popup(popup));
    }
    fn close_popup(&mut self, key: PopupKey) {
        self.see(Seen::Closed(key));
    }
    fn open_window(&mut self) {
        self.see(Seen::WindowOpened);
    }
    fn push(&mut self, event: WindowEvent) {
        self.see(Seen::Pushed(event));
    }
    fn open_outside(&mut self, what: Outside, _: Language, answer: oneshot::Sender<Answer>) {
        self.see(Seen::Opened(what));
        answer.send(Ok(serde_json::value::to_raw_value(&()).unwrap())).ok();
    }
    fn quit(&mut self) {
        self.see(Seen::Quit);
    }
}

/// A message bus of its own; it ends with the value.
pub(crate) struct Bus {
    pub(crate) address: String,
    process: Child,
    // A bus that is killed leaves its socket behind.
    _dir: tempfile::TempDir,
}

impl Bus {
    /// Starts a bus at `address`, or in a folder of its own.
    pub(crate) fn start(address: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let own = format!("unix:path={}", dir.path().join("bus").display());
        let mut process = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--address={}", address.unwrap_or(&own)))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon must be installed (Debian package dbus-daemon)");
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { address: address.trim_end().to_owned(), process, _dir: dir }
    }
}

impl Drop for Bus {
    /// Ends the bus and waits until it is gone.
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A connection to the bus at this address.
pub(crate) async fn connect(address: &str) -> zbus::Result<Connection> {
    Builder::address(address)?.build().await
}

/// What the fake daemon knows, and what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) open: Vec<Finding>,
    pub(crate) history: Vec<LiveTick>,
    pub(crate) deny: bool,
    pub(crate) deny_review: bool,
    pub(crate) reviews: Vec<(String, String)>,
    pub(crate) snoozed: Vec<(i64, i64)>,
    pub(crate) live: Vec<bool>,
    /// The queries that came, and their tokens.
    pub(crate) asked: Vec<(String, u32)>,
    /// Those without an answer, by token.
    pub(crate) running: BTreeMap<u32, oneshot::Sender<()>>,
}

/// A daemon that owns the name on a bus until it is dropped.
pub(crate) struct FakeDaemon {
    pub(crate) knowledge: Arc<Mutex<Knowledge>>,
    connection: Connection,
}

struct Served(Arc<Mutex<Knowledge>>);

impl FakeDaemon {
    pub(crate) async fn start(bus: &Bus, knowledge: Knowledge) -> Self {
        let knowledge = Arc::new(Mutex::new(knowledge));
        // The builder waits until calls are heard before it takes the name.
        let connection = Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at(OBJECT_PATH, Served(Arc::clone(&knowledge)))
            .unwrap()
            .serve_at(OBJECT_PATH, ServedHistory(Arc::clone(&knowledge)))
            .unwrap()
            .name(portolan_bus::BUS_NAME)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { knowledge, connection }
    }

    pub(crate) async fn say(&self, finding: Finding) {
        Served::finding_changed(&self.emitter(), finding).await.unwrap();
    }

    pub(crate) async fn tick(&self, tick: LiveTick) {
        Served::ticked(&self.emitter(), tick).await.unwrap();
    }

    /// Leaves the bus.
    pub(crate) async fn stop(self) {
        self.connection.close().await.unwrap();
    }

    fn emitter(&self) -> SignalEmitter<'_> {
        SignalEmitter::new(&self.connection, OBJECT_PATH).unwrap()
    }
}

#[zbus::interface(name = "org.portolan.Daemon1")]
impl Served {
    fn status(&self) -> Result<Status, Error> {
        Ok(status())
    }

    fn applications(&self) -> Result<Vec<Application>, Error> {
        Ok(Vec::new())
    }

    fn review(&self, application: &str, state: &str) -> Result<(), Error> {
        let mut knowledge = self.0.lock().unwrap();
        if knowledge.deny_review {
            return Err(Error::AccessDenied("only the group portolan may review".to_owned()));
        }
        knowledge.reviews.push((application.to_owned(), state.to_owned()));
        Ok(())
    }

    async fn snooze(
        &self,
        finding: i64,
        until: Option<i64>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Error> {
        let told = {
            let mut knowledge = self.0.lock().unwrap();
            knowledge.snoozed.push((finding, until.unwrap()));
            let told = knowledge.open.iter_mut().find(|one| one.id == finding).unwrap();
            told.snoozed_until_unix_ms = until;
            told.clone()
        };
        Self::finding_changed(&emitter, told).await.unwrap();
        Ok(())
    }

    fn subscribe_live(&self) -> Result<Vec<LiveTick>, Error> {
        let mut knowledge = self.0.lock().unwrap();
        knowledge.live.push(true);
        Ok(knowledge.history.clone())
    }

    fn unsubscribe_live(&self) -> Result<(), Error> {
        self.0.lock().unwrap().live.push(false);
        Ok(())
    }

    fn subscribe_findings(&self) -> Result<Vec<Finding>, Error> {
        let knowledge = self.0.lock().unwrap();
        if knowledge.deny {
            return Err(Error::AccessDenied("polkit said no".to_owned()));
        }
        Ok(knowledge.open.clone())
    }

    #[zbus(signal)]
    async fn ticked(emitter: &SignalEmitter<'_>, tick: LiveTick) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn finding_changed(emitter: &SignalEmitter<'_>, finding: Finding) -> zbus::Result<()>;
}

/// The state of a daemon that works.
pub(crate) fn status() -> Status {
    use portolan_bus::{
        Access, Attribution, DaemonState, HistoryInfo, Ledger, LedgerState, NetworkLayer, Resources,
        SelfTest, SelfTestState,
    };
    Status {
        version: "0".to_owned(),
        state: DaemonState::Recording,
        notes: Vec::new(),
        access: Access::All,
        started_unix_ms: 0,
        self_test: SelfTest {
            state: SelfTestState::Passed,
            detail: String::new(),
            checked_unix_ms: None,
            parts: Vec::new(),
        },
        counting: String::new(),
        hooks: Vec::new(),
        attribution: Attribution {
            total: 0,
            attributed: 0,
            kernel: 0,
            unattributed: BTreeMap::new(),
            excluded: 0,
            pending: 0,
        },
        ledger: Ledger {
            state: LedgerState::Balanced,
            truth: 0,
            protocols: Vec::new(),
            self_test: 0,
            difference: 0,
        },
        network: NetworkLayer { problem: None, lines: Vec::new() },
        losses: BTreeMap::new(),
        history: HistoryInfo::default(),
        resources: Resources { cpu_ms: 0, pss_bytes: 0, sockets: 0, processes: 0, process_events: 5 },
        unreviewed: 0,
        learning_until_unix_ms: None,
    }
}
