//! The command line.

use std::path::PathBuf;

use clap::Parser;

const CONFIG: &str = "/etc/portolan/portolan.toml";

/// Records which program of this machine talks to whom, how much, and whether it is still the one that was approved.
#[derive(Debug, Parser)]
#[command(name = "portoland", version)]
pub struct Options {
    /// The configuration [default: /etc/portolan/portolan.toml, which may be missing]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the history lives
    #[arg(long, value_name = "DIR", default_value = "/var/lib/portolan")]
    pub state_dir: PathBuf,

    /// Where the lock of the running daemon lives
    #[arg(long, value_name = "DIR", default_value = "/run/portolan")]
    pub runtime_dir: PathBuf,

    /// The D-Bus address to serve on [default: the system bus, which DBUS_SYSTEM_BUS_ADDRESS may name]
    #[arg(long, value_name = "ADDR")]
    pub bus_address: Option<String>,

    /// Move known bytes through loopback and end: the child of the self-test
    #[arg(long, hide = true)]
    pub self_test_traffic: bool,
}

impl Options {
    /// The configuration file, and whether somebody named it.
    #[must_use]
    pub fn config(&self) -> (PathBuf, bool) {
        (self.config.clone().unwrap_or_else(|| CONFIG.into()), self.config.is_some())
    }
}
