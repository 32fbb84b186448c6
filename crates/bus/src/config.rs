use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zbus::proxy;
use zvariant::Type;

use crate::Error;

/// A key of the configuration, as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// Its value, as a file has it (TOML).
    pub value: String,
    /// Whether that is the default.
    pub is_default: bool,
    /// Where it stands, as `file:line`; several for a list that adds up, none where no file says it.
    pub sources: Vec<String>,
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Configuration {
    /// All keys.
    pub settings: Vec<Setting>,
    /// What is not as it should be: the files as they are now are not in force, or are not watched. Sentences.
    pub problems: Vec<String>,
}

/// The daemon's configuration.
#[proxy(
    interface = "org.portolan.Config1",
    default_service = "org.portolan.Daemon1",
    default_path = "/org/portolan/Daemon1",
    gen_blocking = false
)]
pub trait Config1 {
    /// The configuration in force. Needs view-all or view-own.
    fn show(&self) -> Result<Configuration, Error>;

    /// Sets a key to a value as a person types it, in a file beside those that people write, and says what is in force then: a
    /// file whose name sorts later may say otherwise. Nothing is written when anything would be wrong with it. Needs configure.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn set(&self, key: &str, value: &str) -> Result<Setting, Error>;

    /// Takes a key out of that file. Needs configure.
    ///
    /// polkit may ask the person for a password first.
    #[zbus(allow_interactive_auth)]
    fn reset(&self, key: &str) -> Result<Setting, Error>;
}
