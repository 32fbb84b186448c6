//! `org.portolan.Config1`: who may see the configuration, who may change it, and what they may send.

use std::sync::Arc;

use portolan_bus::{Configuration, Error, Setting};
use portolan_config::{KEYS, Key, check_value};
use zbus::{Connection, interface, message::Header};

use super::{Backend, gate::Gate};

/// The same object's interface for its configuration.
pub(super) struct Config1<B> {
    backend: Arc<B>,
    gate: Gate,
}

impl<B: Backend> Config1<B> {
    pub(super) fn new(backend: Arc<B>, gate: Gate) -> Self {
        Self { backend, gate }
    }

    async fn change(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        key: &str,
        value: Option<&str>,
    ) -> Result<Setting, Error> {
        let read = || {
            let wrong = |why| Error::InvalidArgument(format!("Nothing was changed: {why}."));
            value.map_or(Ok(()), check_value).map_err(wrong)?;
            known_key(key)
        };
        let (uid, _place, key) =
            self.gate.keeper(connection, header, "change the configuration", read).await?;
        let setting = self.backend.configure(key, value.map(str::to_owned)).await?;
        tracing::info!(by = uid.0, key = key.name, value = value.unwrap_or("(reset)"), "configured");
        Ok(setting)
    }
}

/// Members are described at `portolan_bus::Config1Proxy`.
#[interface(name = "org.portolan.Config1")]
impl<B: Backend> Config1<B> {
    /// Needs view-all or view-own.
    #[zbus(out_args("configuration"))]
    async fn show(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Configuration,), Error> {
        let _call = self.gate.reader(connection, &header).await?;
        Ok((self.backend.configuration().await?,))
    }

    /// Needs configure.
    #[zbus(out_args("setting"))]
    async fn set(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        key: &str,
        value: &str,
    ) -> Result<(Setting,), Error> {
        Ok((self.change(connection, &header, key, Some(value)).await?,))
    }

    /// Needs configure.
    #[zbus(out_args("setting"))]
    async fn reset(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        key: &str,
    ) -> Result<(Setting,), Error> {
        Ok((self.change(connection, &header, key, None).await?,))
    }
}

/// One of ours: nothing that a caller sends becomes a name in a file.
fn known_key(name: &str) -> Result<&'static Key, Error> {
    portolan_config::key(name).ok_or_else(|| {
        let shown: String = name.chars().take(64).filter(|c| !c.is_control()).collect();
        let keys: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        Error::InvalidArgument(format!(
            "“{shown}” is no key of the configuration; there are {}.",
            keys.join(", ")
        ))
    })
}
