//! A bus with a stand-in for polkit and a daemon on it.

use std::{future::Future, sync::Arc, time::Duration};

use portolan_bus::{Daemon1Proxy, History1Proxy};
use portoland::dbus::{BusState, ServeError, serve};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use zbus::{Connection, proxy::CacheProperties};

use crate::{backend::Memory, bus::Bus, polkit::Polkit};

/// Nothing here takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The result of something that must not take long.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it took too long")
}

/// A service that runs.
pub(crate) struct Service {
    pub(crate) backend: Arc<Memory>,
    pub(crate) state: watch::Receiver<BusState>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Service {
    pub(crate) fn start(address: String, backend: Arc<Memory>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (sender, state) = watch::channel(BusState::Starting);
        let served = backend.clone();
        let task = tokio::spawn(async move { serve(Some(&address), served, sender, stopped).await });
        Self { backend, state, stop, task }
    }

    pub(crate) async fn until(&mut self, wanted: impl FnMut(&BusState) -> bool) -> BusState {
        soon(self.state.wait_for(wanted)).await.unwrap().clone()
    }

    pub(crate) async fn serving(mut self) -> Self {
        self.until(|state| *state == BusState::Serving).await;
        self
    }

    /// How it ended by itself.
    pub(crate) async fn end(self) -> Result<(), ServeError> {
        soon(self.task).await.unwrap()
    }

    pub(crate) async fn stop(self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        self.end().await
    }
}

/// Everything that a test needs.
pub(crate) struct Stage {
    pub(crate) bus: Bus,
    pub(crate) polkit: Polkit,
    pub(crate) service: Service,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let bus = Bus::start();
        let polkit = soon(Polkit::serve(bus.connect().await)).await;
        let service = Service::start(bus.address(), Memory::new()).serving().await;
        Self { bus, polkit, service }
    }

    /// A client with a connection of its own.
    pub(crate) async fn client(&self) -> Daemon1Proxy<'static> {
        client(&self.bus.connect().await).await
    }

    /// The same, for the history.
    pub(crate) async fn asker(&self) -> History1Proxy<'static> {
        history(&self.bus.connect().await).await
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.service.backend
    }
}

pub(crate) async fn client(connection: &Connection) -> Daemon1Proxy<'static> {
    Daemon1Proxy::builder(connection).cache_properties(CacheProperties::No).build().await.unwrap()
}

/// What asks the history over the same connection.
pub(crate) async fn history(connection: &Connection) -> History1Proxy<'static> {
    History1Proxy::builder(connection).cache_properties(CacheProperties::No).build().await.unwrap()
}
