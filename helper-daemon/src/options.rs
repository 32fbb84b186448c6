//! The command line.

use std::path::PathBuf;

use clap::Parser;
use portolan_config::ConfigFiles;

/// Records which program of this machine talks to whom, how much, and whether it is still the one that was approved.
#[derive(Debug, Parser)]
#[command(name = "portoland", version)]
pub struct Options {
    /// The configuration, to which the files of portolan.d beside it add [default: /etc/portolan/portolan.toml, which may be missing]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the history lives
    #[arg(long, value_name = "DIR", default_value = "/var/lib/portolan")]
    pub state_dir: PathBuf,

    /// Where the lock of the running daemon lives, and its notes of what is not in the history yet
    #[arg(long, value_name = "DIR", default_value = "/run/portolan")]
    pub runtime_dir: PathBuf,

    /// Where the kernel keeps the programs and their counters while no daemon runs, in a BPF filesystem
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/bpf/portolan")]
    pub pin_dir: PathBuf,

    /// Remove everything of Portolan from the kernel and end. A daemon that ends by SIGTERM does so itself; one that is killed,
    /// or told to make room for another (SIGUSR1), leaves its programs counting for the next one
    #[arg(long)]
    pub detach_all: bool,

    /// The database of countries and networks, unless the configuration names another one
    #[arg(long, value_name = "FILE", default_value = "/usr/share/portolan/places.mmdb")]
    pub places: PathBuf,

    /// The D-Bus address to serve on [default: the system bus, which DBUS_SYSTEM_BUS_ADDRESS may name]
    #[arg(long, value_name = "ADDR")]
    pub bus_address: Option<String>,

    /// Move known bytes through loopback and end: the child of the self-test
    #[arg(long, hide = true)]
    pub self_test_traffic: bool,

    /// Hash the file that is the standard input and end: the child that may wait for a server (FUSE) for ever
    #[arg(long, hide = true)]
    pub hash_input: bool,

    /// As this user and group: only they may read the file
    #[arg(long, hide = true, num_args = 2, value_names = ["UID", "GID"], requires = "hash_input")]
    pub hash_as: Vec<u32>,
}

impl Options {
    /// The daemon's notes of what is not in the history yet.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.runtime_dir.join("journal")
    }

    /// The configuration files, and whether somebody named them.
    #[must_use]
    pub fn config(&self) -> (ConfigFiles, bool) {
        let main = self.config.clone().unwrap_or_else(|| ConfigFiles::OF_MACHINE.into());
        // Seen from its root, a file has a folder that can be watched.
        let main = std::path::absolute(&main).unwrap_or(main);
        (ConfigFiles { main }, self.config.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_configuration_has_a_folder() {
        let options = Options::parse_from(["portoland", "--config", "portolan.toml"]);
        let (files, was_named) = options.config();
        assert!(was_named && files.main.is_absolute() && files.main.ends_with("portolan.toml"), "{files:?}");
    }
}
