//! `cargo xtask run`: the daemon as root on a bus, and in front of it the tray app or the live view in the terminal.
//!
//! Two processes besides those that are shown: this one, which is the person's, and [`service`], which is root's and holds
//! bus and daemon. Root's part ends when its stdin does, so it never outlives this one.

mod events;
mod front;
mod lock;
mod machine_bus;
pub(crate) mod service;

use std::{
    env, fs,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::{
    accounts::{self, Account},
    packages,
    place::Place,
    run::events::{Event, Events, Watched},
    tool, ui,
};

const APP_ENDS: Duration = Duration::from_secs(15);
const SERVICE_ENDS: Duration = Duration::from_secs(30);

/// Installs, builds, starts, waits for the end and ends everything.
pub(crate) fn run(place: &Place, yes: bool) -> anyhow::Result<ExitCode> {
    let run_dir = place.run_dir();
    fs::create_dir_all(&run_dir).with_context(|| format!("cannot make {}", run_dir.display()))?;
    let _lock = lock::take(&run_dir)?;
    let person = accounts::person()?;
    let has_display =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|v| !v.is_empty()));
    build(place, has_display, yes)?;

    let events = Events::new()?;
    let mut service = start_service(place, &person, &events)?;
    let outcome = present(place, &person, has_display, &events);
    service.end_by_stdin(&events, SERVICE_ENDS);
    tool::warn(service.errors().trim_end());
    let _ = fs::remove_file(env_path(place));
    match &outcome {
        Ok(code) if *code == ExitCode::SUCCESS => tool::say("Portolan has ended."),
        _ => tool::warn(&format!(
            "The daemon's log is {}.",
            place.short(&service::log_path(&place.run_dir())).display()
        )),
    }
    outcome
}

/// Prints the lines that `run` left for other terminals.
pub(crate) fn print_env(place: &Place) -> anyhow::Result<()> {
    if !lock::is_taken(&place.run_dir()) {
        bail!("`cargo xtask run` is not running in this checkout");
    }
    let lines =
        fs::read_to_string(env_path(place)).context("`cargo xtask run` has not started the daemon yet")?;
    print!("{lines}");
    Ok(())
}

fn build(place: &Place, has_display: bool, yes: bool) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "-p", "portoland", "-p", "portolan-cli"]).current_dir(&place.top);
    if has_display {
        packages::install(&[packages::BASE, packages::WINDOWS], yes)?;
        ui::build_if_changed(place)?;
        cargo.args(["-p", "portolan-desktop"]);
    } else {
        packages::install(&[packages::BASE], yes)?;
    }
    tool::visibly(&mut cargo)
}

fn start_service(place: &Place, person: &Account, events: &Events) -> anyhow::Result<Watched> {
    if !tool::is_root() {
        tool::say("The daemon runs as root; sudo may ask for your password.");
        let mut ask = Command::new("sudo");
        ask.arg("-v");
        tool::visibly(&mut ask).context("the daemon needs root")?;
    }
    let mut command = tool::as_root(&place.built("xtask").to_string_lossy());
    command.args(["service", "--uid", &person.uid.to_string(), "--name", &person.name]);
    command.arg("--run-dir").arg(place.run_dir());
    if let Ok(address) = env::var("DBUS_SYSTEM_BUS_ADDRESS") {
        command.args(["--bus", &address]);
    }
    events.watch_service(command)
}

/// Waits for the service, starts what the person looks at, and waits until anything ends.
fn present(place: &Place, person: &Account, has_display: bool, events: &Events) -> anyhow::Result<ExitCode> {
    let private_bus = match events.next() {
        Event::Ready { private_bus } => private_bus,
        Event::Signal => return Ok(ExitCode::SUCCESS),
        Event::ServiceEnded | Event::FrontEnded(_) => bail!("the daemon did not start"),
    };
    let lines = env_lines(place, private_bus.as_deref());
    fs::write(env_path(place), &lines).context("cannot write target/run/env")?;
    tool::say(
        "\nThe daemon runs. In another terminal, to use the command line (portolan status, query, review, …):",
    );
    tool::say(&lines);

    let command = if has_display {
        tool::say("The window opens; Portolan stays in the tray. Ctrl-C here ends everything.");
        front::app(place, person, private_bus.as_deref())
    } else {
        front::watch(place, private_bus.as_deref())
    };
    let mut front = events.watch_front(command)?;
    let outcome = match events.next() {
        Event::FrontEnded(status) if status.success() => Ok(ExitCode::SUCCESS),
        Event::FrontEnded(status) => Err(anyhow::anyhow!("{} failed ({status})", front.name())),
        Event::ServiceEnded => Err(anyhow::anyhow!(
            "the daemon ended by itself; what it counted goes on being counted, and `cargo xtask run` goes on there"
        )),
        Event::Signal | Event::Ready { .. } => Ok(ExitCode::SUCCESS),
    };
    front.end_by_signal(events, APP_ENDS);
    outcome
}

fn env_path(place: &Place) -> std::path::PathBuf {
    place.run_dir().join("env")
}

fn env_lines(place: &Place, private_bus: Option<&str>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let bus = private_bus
        .map(|address| format!("export DBUS_SYSTEM_BUS_ADDRESS={}\n", quoted(address)))
        .unwrap_or_default();
    let programs = quoted(&place.target.join("debug").to_string_lossy());
    format!("{bus}export PATH={programs}:\"$PATH\"\n")
}
