//! The daemon, on a bus of its own, there and away again.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use aya::programs::{ProgramInfo, loaded_programs};
use portolan_bus::{Daemon1Proxy, History1Proxy, QueryRequest, SelfTestState};
use portolan_testbed::{Daemon, Polkit, PrivateBus};
use tokio::runtime::Runtime;

use crate::{Effort, say};

/// How long the daemon may take for its self-test.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// A bus, for one daemon after the other.
pub(crate) struct Bed {
    bus: PrivateBus,
    runtime: Runtime,
}

impl Bed {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { bus: PrivateBus::start(&Polkit::default())?, runtime })
    }

    /// Starts the daemon of the same build as this, and waits until it is done with its beginning. Dropping it takes
    /// everything out of the kernel.
    pub(crate) fn daemon(&self) -> anyhow::Result<Daemon> {
        let daemon = Daemon::start(&self.bus)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.runtime.block_on(async { self.proxy().await?.status().await })?;
            match status.self_test.state {
                SelfTestState::Passed => return Ok(daemon),
                SelfTestState::Running if Instant::now() < deadline => thread::sleep(LOOK),
                state => bail!(
                    "the daemon is not to be measured, its self-test is {state:?}: {}",
                    status.self_test.detail
                ),
            }
        }
    }

    /// What an executable moved in all, sent and received, says the daemon.
    pub(crate) fn moved(&self, path: &Path) -> anyhow::Result<u64> {
        let request = QueryRequest { by: vec!["executable".to_owned()], ..QueryRequest::default() };
        let result = self.runtime.block_on(async {
            let connection = zbus::connection::Builder::address(self.bus.address())?.build().await?;
            History1Proxy::new(&connection).await?.query(&request).await
        })?;
        let rows = result.groups.rows();
        let rows = rows.iter().filter(|row| row.keys.get("path").is_some_and(|key| Path::new(key) == path));
        Ok(rows.map(|row| row.tx_bytes + row.rx_bytes).sum())
    }

    async fn proxy(&self) -> Result<Daemon1Proxy<'static>, portolan_bus::Error> {
        let connection = zbus::connection::Builder::address(self.bus.address())?.build().await?;
        Ok(Daemon1Proxy::new(&connection).await?)
    }
}

/// A baseline is one only without Portolan.
pub(crate) fn check_that_the_machine_is_without(effort: &Effort) -> anyhow::Result<()> {
    let is_of_a_daemon =
        |program: &ProgramInfo| program.name_as_str().is_some_and(|name| name.starts_with("at_"));
    let count = loaded_programs().flatten().filter(is_of_a_daemon).count();
    if count == 0 {
        return Ok(());
    }
    let sentence =
        format!("another portoland has {count} programs in the kernel, so nothing here is without Portolan");
    if !effort.is_quick {
        bail!("{sentence}. Stop it first; portoland --detach-all removes what a killed one has left");
    }
    say(&format!("{sentence}: these figures mean nothing"));
    Ok(())
}
