//! Root's part of `run`: a bus with the daemon on it, until stdin is closed.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use portolan_bus::{BUS_NAME, action};
use portolan_testbed::{Polkit, PrivateBus, Program, User, unpack_places, wait_for_name};
use tokio::signal::unix::SignalKind;

use super::{events, machine_bus::MachineBus};
use crate::{place::Place, tool};

/// The beginning of the line that says that the daemon runs; the rest is the address of a private bus.
pub(super) const READY: &str = "ready ";
/// The hooks are attached and the self-test has begun within this, also on a slow machine.
const STARTS: Duration = Duration::from_secs(90);

/// For whom it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The uid of the person who uses it
    #[arg(long)]
    uid: u32,
    /// Their name
    #[arg(long)]
    name: String,
    /// Where state and log go
    #[arg(long)]
    run_dir: PathBuf,
    /// The address in the person's environment
    #[arg(long)]
    bus: Option<String>,
}

/// Where the daemon is reached.
enum Bus {
    Machine(MachineBus),
    Private(PrivateBus),
}

/// Serves until stdin is closed, SIGTERM comes or the daemon ends.
pub(crate) fn serve(place: &Place, arguments: &Arguments) -> anyhow::Result<()> {
    let (sender, wish_to_end) = channel();
    let terminated = sender.clone();
    // Ctrl-C reaches this process as well and means nothing to it: the other one closes stdin when it is time.
    events::on_signals(move |kind| {
        if kind == SignalKind::terminate() {
            // Failing means that it is ending already.
            let _ = terminated.send(());
        }
    })?;
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = sender.send(());
    });
    let bus = find_bus(arguments)?;
    let mut daemon = start_daemon(place, &arguments.run_dir, &bus)?;
    let private = if let Bus::Private(bus) = &bus { bus.address() } else { "" };
    tool::say(&format!("{READY}{private}"));
    while let Err(RecvTimeoutError::Timeout) = wish_to_end.recv_timeout(Duration::from_millis(200)) {
        if let Some(status) = daemon.try_status()? {
            bail!("portoland ended ({status}):\n{}", last_lines(&arguments.run_dir));
        }
    }
    let status = daemon.stop()?;
    if !status.success() {
        bail!("portoland did not end well ({status}):\n{}", last_lines(&arguments.run_dir));
    }
    Ok(())
}

/// What the daemon prints.
pub(super) fn log_path(run_dir: &Path) -> PathBuf {
    run_dir.join("portoland.log")
}

fn find_bus(arguments: &Arguments) -> anyhow::Result<Bus> {
    let person = User::new(&arguments.name, arguments.uid);
    match MachineBus::prepare(arguments.bus.as_deref(), &person)? {
        Ok(bus) => return Ok(Bus::Machine(bus)),
        Err(reason) => tool::say(&format!("{reason}: Portolan gets a private one, with polkit.")),
    }
    let granted = [action::VIEW_OWN, action::VIEW_ALL, action::REVIEW];
    Ok(Bus::Private(PrivateBus::start(&Polkit::default().grant(&person, &granted))?))
}

fn start_daemon(place: &Place, dir: &Path, bus: &Bus) -> anyhow::Result<Program> {
    for (name, mode) in [("state", 0o700), ("runtime", 0o755)] {
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(mode)
            .create(dir.join(name))
            .with_context(|| format!("cannot make {name}"))?;
    }
    let log = log_path(dir);
    fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
    let address = match bus {
        Bus::Machine(bus) => bus.address(),
        Bus::Private(bus) => bus.address(),
    };
    let mut command = Command::new(place.built("portoland"));
    command.arg("--config").arg(place.file("packaging/portolan.toml"));
    command.arg("--state-dir").arg(dir.join("state")).arg("--runtime-dir").arg(dir.join("runtime"));
    command.arg("--places").arg(unpack_places(&place.target)?);
    // Not the place of an installed daemon.
    command.args(["--pin-dir", "/sys/fs/bpf/portolan-run"]);
    command.args(["--bus-address", address]).current_dir("/");
    let mut daemon = Program::start_with_log("portoland", command, &log)?;
    if wait_for_name(address, BUS_NAME, &mut daemon, STARTS).is_err() {
        bail!("portoland did not start:\n{}", last_lines(dir));
    }
    Ok(daemon)
}

fn last_lines(run_dir: &Path) -> String {
    let log = fs::read_to_string(log_path(run_dir)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
