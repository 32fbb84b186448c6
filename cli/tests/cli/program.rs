use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

/// A program that dies with the thread that starts it, also when the test itself is killed (setpriv, package util-linux).
pub(crate) fn mortal(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]).kill_on_drop(true);
    command
}

/// `portolan` on a bus, with a time zone and a user interface that do not depend on the machine.
pub(crate) fn portolan(address: &str, arguments: &[&str]) -> Command {
    let mut command = mortal(env!("CARGO_BIN_EXE_portolan"));
    command.args(arguments).env("DBUS_SYSTEM_BUS_ADDRESS", address).env("TZ", "UTC");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {self:?}"))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs to the end.
pub(crate) async fn run(address: &str, arguments: &[&str]) -> Ended {
    portolan(address, arguments).output().await.unwrap().into()
}

/// Asks a process to end.
pub(crate) fn terminate(child: &tokio::process::Child) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

/// Whether a terminal would take the text as nothing but text.
pub(crate) fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'))
}
