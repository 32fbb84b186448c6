//! What the rest of the daemon asks the recorder.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
};

use portolan_bus::{Attribution, Error, Finding, Hook, Ledger, LiveTick, NetworkLayer, SelfTest};
use portolan_config::Config;
use portolan_core::{ApplicationKey, FindingKind, ReviewState, Uid, UnixMillis};
use tokio::sync::{broadcast, oneshot};

use super::{
    live::Recent,
    waker::Waker,
    writer::{Job, Writing},
};
use crate::dbus::Event;

/// What the recorder knows of itself.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) self_test: SelfTest,
    pub(super) counting: String,
    pub(super) hooks: Vec<Hook>,
    pub(super) attribution: Attribution,
    pub(super) ledger: Ledger,
    pub(super) network: NetworkLayer,
    pub(super) losses: BTreeMap<String, u64>,
    pub(super) sockets: u64,
    pub(super) processes: u64,
    pub(super) process_events: u64,
    pub(super) unreviewed: u32,
    pub(super) learning_until: Option<UnixMillis>,
    pub(super) notes: Vec<String>,
    pub(super) history_problem: Option<String>,
}

/// A question to the recorder.
pub(super) enum Command {
    Snapshot(oneshot::Sender<Snapshot>),
    /// Read the counters and write everything that is known.
    Flush(oneshot::Sender<Result<(), Error>>),
    Review {
        by: Uid,
        application: ApplicationKey,
        state: ReviewState,
        done: oneshot::Sender<Result<Vec<Finding>, Error>>,
    },
    /// A review is in the history.
    Reviewed(ApplicationKey, ReviewState, oneshot::Sender<()>),
    Dismiss {
        by: Uid,
        finding: i64,
        done: oneshot::Sender<Result<Finding, Error>>,
    },
    Snooze {
        finding: i64,
        until: Option<UnixMillis>,
        done: oneshot::Sender<Result<Finding, Error>>,
    },
    EndLearning(oneshot::Sender<Result<(), Error>>),
    /// Something for the history alone, which the recorder only hands on.
    Keep(Job),
    /// That is in the history: the next one of this kind is told again.
    Dismissed(FindingKind, oneshot::Sender<()>),
    /// Run a self-test, or wait for the one that runs.
    SelfTest(oneshot::Sender<SelfTest>),
    /// This configuration is in force from now on.
    Configure(Box<Config>),
    Stop(End),
}

/// What becomes of the kernel programs when the daemon ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// They end, too.
    Detach,
    /// They go on counting for the next daemon.
    HandOver,
}

/// A way to the recorder, cheap to copy.
#[derive(Clone)]
pub struct Handle {
    pub(super) commands: mpsc::SyncSender<Command>,
    pub(super) waker: Waker,
    pub(super) recent: Recent,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) writing: Arc<Writing>,
}

impl Handle {
    /// Tells the recorder to write everything and end.
    pub fn stop(&self, end: End) {
        if self.commands.send(Command::Stop(end)).is_err() {
            tracing::debug!("the recorder had ended already");
        }
        self.waker.wake();
    }

    /// Tells the recorder another configuration. Waits while it has too much to do.
    pub fn configure(&self, config: Config) {
        if self.commands.send(Command::Configure(Box::new(config))).is_err() {
            tracing::debug!("the recorder had ended already");
        }
        self.waker.wake();
    }

    pub(super) fn recent_ticks(&self) -> Vec<Arc<LiveTick>> {
        self.recent.all()
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Error> {
        let (answer, wait) = oneshot::channel();
        self.commands.try_send(command(answer)).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => {
                Error::LimitExceeded("The daemon has too many questions to answer. Try again.".to_owned())
            }
            mpsc::TrySendError::Disconnected(_) => ending(),
        })?;
        self.waker.wake();
        wait.await.map_err(|_| ending())
    }
}

fn ending() -> Error {
    Error::Internal("The daemon is ending.".to_owned())
}
