//! A dbus-daemon of the test's own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use zbus::{Connection, connection::Builder};

use crate::setup::soon;

/// A private bus; it ends when dropped, and can be ended and started again at the same address.
pub(crate) struct Bus {
    dir: TempDir,
    daemon: Option<Child>,
}

impl Bus {
    /// A bus that runs.
    pub(crate) fn start() -> Self {
        let mut bus = Self::prepare();
        bus.run();
        bus
    }

    /// An address where nobody answers yet.
    pub(crate) fn prepare() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), daemon: None }
    }

    /// Starts the daemon and waits until it listens.
    pub(crate) fn run(&mut self) {
        self.run_hidden("");
        self.reveal();
    }

    /// Starts the daemon with further rules. Only [`Bus::connect`] finds it until [`Bus::reveal`].
    pub(crate) fn run_hidden(&mut self, rules: &str) {
        let config = self.dir.path().join("bus.conf");
        std::fs::write(
            &config,
            format!(
                "<busconfig><type>custom</type><listen>{}</listen><auth>EXTERNAL</auth><policy context='default'>\
                 <allow user='*'/><allow own='*'/><allow send_destination='*'/><allow receive_sender='*'/>{rules}\
                 </policy></busconfig>",
                self.hidden_address()
            ),
        )
        .unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon must be installed");
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:path="), "dbus-daemon did not start: {line:?}");
        self.daemon = Some(daemon);
    }

    /// Lets everybody find it.
    pub(crate) fn reveal(&self) {
        std::os::unix::fs::symlink("hidden", self.dir.path().join("bus")).unwrap();
    }

    /// Ends the daemon as a crash would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
        // A killed daemon leaves its socket behind, and the next one cannot listen there.
        for name in ["bus", "hidden"] {
            let _absent_is_fine = std::fs::remove_file(self.dir.path().join(name));
        }
    }

    /// Where the daemon under test looks for it.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.dir.path().join("bus").display())
    }

    /// A new connection to it.
    pub(crate) async fn connect(&self) -> Connection {
        soon(Builder::address(self.hidden_address().as_str()).unwrap().build()).await.unwrap()
    }

    fn hidden_address(&self) -> String {
        format!("unix:path={}", self.dir.path().join("hidden").display())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.stop();
    }
}
