use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, bail};
use portolan_bus::{BUS_NAME, Daemon1Proxy, History1Proxy, QueryRequest, QueryRow, Status};
use portolan_testbed::{Daemon, DaemonOptions, Polkit, PrivateBus};
use tokio::runtime::Runtime;

/// A bucket is short, so that a scenario of seconds goes over several.
const CONFIG: &str = "[recording]\nbucket = \"2 s\"\n";
const BUCKET: Duration = Duration::from_secs(2);
/// How long a daemon may take to be back, or to write what it has counted.
const PATIENCE: Duration = Duration::from_secs(60);

/// A real daemon on a bus of its own, and questions to it.
pub struct Bed {
    /// The daemon. It may be killed; [`Bed::start_again`] brings it back.
    pub daemon: Daemon,
    /// Its bus.
    pub bus: PrivateBus,
    /// Where this process was executed from. Later, a build may have put another file there.
    pub(crate) own_path: PathBuf,
    runtime: Runtime,
}

impl Bed {
    /// Starts bus and daemon and waits for the daemon. Blocks for about two seconds.
    ///
    /// # Errors
    /// This machine lacks something, or the daemon ended; the error holds what it printed.
    pub fn start() -> anyhow::Result<Self> {
        let own_path = std::env::current_exe().context("cannot find out my own path")?;
        let options = DaemonOptions { config: CONFIG.to_owned(), ..DaemonOptions::default() };
        let bus = PrivateBus::start(&Polkit::default())?;
        let daemon = Daemon::start_with(&bus, &options)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start an event loop")?;
        Ok(Self { daemon, bus, own_path, runtime })
    }

    /// Ends the daemon with SIGTERM; scenarios that are about its beginning start it again.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.daemon.stop()?;
        Ok(())
    }

    /// Starts another daemon with the same state, after the one before has ended or was killed.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.daemon.start_again(None)?;
        Ok(self.bus.wait_for_name(BUS_NAME, self.daemon.program(), PATIENCE)?)
    }

    /// The rows of the history by these dimensions, of the buckets that end after `since`; all of them for `None`.
    ///
    /// # Errors
    /// The daemon refuses, or there are more rows than it gives.
    pub fn rows_since(&self, by: &[&str], since: Option<SystemTime>) -> anyhow::Result<Vec<QueryRow>> {
        // The start of a bucket counts, and the first one may have begun before.
        let since = since.and_then(|since| since.checked_sub(BUCKET)).and_then(|since| {
            let since = since.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(format!("since:@{}.{:03}", since.as_secs(), since.subsec_millis()))
        });
        let by = by.iter().map(|word| (*word).to_owned()).collect();
        let request = QueryRequest { by, query: since.unwrap_or_default(), ..QueryRequest::default() };
        let result = self.runtime.block_on(async {
            let connection = zbus::connection::Builder::address(self.bus.address())?.build().await?;
            let history = History1Proxy::new(&connection).await?;
            let until = Instant::now() + PATIENCE;
            loop {
                match history.query(&request).await {
                    // A million rows take this machine longer than the daemon lets a person wait; it goes on writing them.
                    Err(portolan_bus::Error::HistoryUnavailable(_) | portolan_bus::Error::TookTooLong(_))
                        if Instant::now() < until => {}
                    result => break result,
                }
            }
        })?;
        if result.groups.other.is_some() {
            bail!("the daemon has more rows than it gives to one question");
        }
        Ok(result.groups.rows())
    }

    /// All rows of the history by these dimensions.
    ///
    /// # Errors
    /// The daemon refuses, or there are more rows than it gives.
    pub fn rows(&self, by: &[&str]) -> anyhow::Result<Vec<QueryRow>> {
        self.rows_since(by, None)
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub fn status(&self) -> anyhow::Result<Status> {
        let status = self.runtime.block_on(async { self.proxy().await?.status().await })?;
        Ok(status)
    }

    /// The history file.
    #[must_use]
    pub fn history_path(&self) -> PathBuf {
        self.daemon.history_path()
    }

    async fn proxy(&self) -> Result<Daemon1Proxy<'static>, portolan_bus::Error> {
        let connection = zbus::connection::Builder::address(self.bus.address())?.build().await?;
        Ok(Daemon1Proxy::new(&connection).await?)
    }
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bed").field("daemon", &self.daemon).finish_non_exhaustive()
    }
}
