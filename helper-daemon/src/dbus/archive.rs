use std::sync::Arc;

use jiff::Zoned;
use portolan_bus::{BATCH_MAX_BYTES, Error, HistoryContents, ImportResult};
use portolan_history::Batch;
use zbus::{Connection, interface, message::Header, zvariant::OwnedFd};

use super::{Backend, arguments, gate::Gate};

/// The interface that moves whole histories, on the same object as `Daemon1`.
pub(super) struct Archive1<B> {
    backend: Arc<B>,
    gate: Gate,
}

impl<B: Backend> Archive1<B> {
    pub(super) fn new(backend: Arc<B>, gate: Gate) -> Self {
        Self { backend, gate }
    }
}

/// Members are described at `portolan_bus::Archive1Proxy`.
#[interface(name = "org.portolan.Archive1")]
impl<B: Backend> Archive1<B> {
    /// Needs view-all or view-own.
    #[zbus(out_args("lines"))]
    async fn export(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        query: &str,
    ) -> Result<OwnedFd, Error> {
        let call = self.gate.reader(connection, &header).await?;
        let query = arguments::query(query, &Zoned::now())?;
        Ok(self.backend.export(call.viewer, query).await?.into())
    }

    /// Needs view-all or view-own.
    #[zbus(out_args("contents"))]
    async fn info(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(HistoryContents,), Error> {
        let call = self.gate.reader(connection, &header).await?;
        Ok((self.backend.contents(call.viewer).await?,))
    }

    /// Needs configure.
    #[zbus(out_args("result"))]
    async fn import(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        batch: Vec<u8>,
    ) -> Result<(ImportResult,), Error> {
        let read = || self::read(&batch);
        let (uid, _place, batch) =
            self.gate.keeper(connection, &header, "add to everybody's history", read).await?;
        Ok((self.backend.import(uid, batch).await?,))
    }

    /// Needs configure.
    async fn forget(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        query: &str,
    ) -> Result<(), Error> {
        let read = || arguments::query(query, &Zoned::now());
        let (uid, _place, query) =
            self.gate.keeper(connection, &header, "delete from everybody's history", read).await?;
        self.backend.forget(uid, query).await?;
        tracing::info!(by = uid.0, "a part of the history was forgotten");
        Ok(())
    }
}

fn read(text: &[u8]) -> Result<Batch, Error> {
    if text.len() > BATCH_MAX_BYTES {
        return Err(Error::LimitExceeded(format!(
            "A batch of {} bytes is more than is taken at a time; {BATCH_MAX_BYTES} are the most.",
            text.len()
        )));
    }
    serde_json::from_slice(text)
        .map_err(|error| Error::InvalidArgument(format!("The batch cannot be read: {error}.")))
}
