use std::{path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

use crate::program::mortal;

/// Whom the bus lets talk to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Everybody,
    Nobody,
}

/// A private bus; it ends with this value.
pub(crate) struct Bus {
    child: Child,
    config_path: PathBuf,
    pub(crate) address: String,
    _dir: TempDir,
}

impl Bus {
    pub(crate) async fn start(policy: Policy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket_path = dir.path().join("bus");
        let config_path = dir.path().join("bus.conf");
        let denied = match policy {
            Policy::Everybody => "",
            Policy::Nobody => r#"<deny send_destination="org.portolan.Daemon1"/>"#,
        };
        let config = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
                "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>system</type>
              <listen>unix:path={}</listen>
              <policy context="default">
                <allow user="*"/> <allow own="*"/> <allow send_type="method_call"/> <allow send_type="signal"/>
                <allow send_requested_reply="true" send_type="method_return"/>
                <allow send_requested_reply="true" send_type="error"/>
                <allow receive_type="method_call"/> <allow receive_type="method_return"/>
                <allow receive_type="error"/> <allow receive_type="signal"/> {denied}
              </policy>
            </busconfig>"#,
            socket_path.display()
        );
        std::fs::write(&config_path, config).unwrap();
        let child = launch(&config_path).await;
        Self { child, config_path, address: format!("unix:path={}", socket_path.display()), _dir: dir }
    }

    /// Ends the bus; its socket is gone when this returns.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// A new bus at the same address.
    pub(crate) async fn restart(&mut self) {
        self.child = launch(&self.config_path).await;
    }
}

/// Returns when the bus listens.
async fn launch(config_path: &std::path::Path) -> Child {
    let mut child = mortal("dbus-daemon")
        .arg(format!("--config-file={}", config_path.display()))
        .args(["--nofork", "--nopidfile", "--print-address=1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("dbus-daemon starts (Debian package dbus)");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next_line().await.unwrap().expect("dbus-daemon prints its address");
    child
}
