use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
    time::Duration,
};

use crate::{Error, Folder, PrivateBus, Program, built};

const READY: Duration = Duration::from_secs(60);

/// How a [`Daemon`] is started.
#[derive(Debug, Clone, Default)]
pub struct DaemonOptions {
    /// The text of its configuration file.
    pub config: String,
    /// Where it keeps its state; `None` for a folder that goes away with the daemon.
    pub state_dir: Option<PathBuf>,
    /// Its program; `None` for `portoland` in the build folder that the test is in.
    pub program: Option<PathBuf>,
}

/// The real `portoland`, as root, on a [`PrivateBus`]. Dropping it sends SIGTERM and waits for its end.
#[derive(Debug)]
pub struct Daemon {
    program: Program,
    state_dir: PathBuf,
    _folder: Folder,
}

impl Daemon {
    /// Starts the daemon with its defaults and waits until it owns its name on the bus.
    ///
    /// # Errors
    /// It was not built, or ended before it was ready; the error holds what it printed.
    pub fn start(bus: &PrivateBus) -> Result<Self, Error> {
        Self::start_with(bus, &DaemonOptions::default())
    }

    /// Starts the daemon and waits until it owns its name on the bus.
    ///
    /// # Errors
    /// It was not built, or ended before it was ready; the error holds what it printed.
    pub fn start_with(bus: &PrivateBus, options: &DaemonOptions) -> Result<Self, Error> {
        let mut daemon = Self::spawn(bus, options)?;
        bus.wait_for_name(portolan_bus::BUS_NAME, &mut daemon.program, READY)?;
        Ok(daemon)
    }

    /// Starts the daemon and does not wait: for tests of what it does when it cannot start.
    ///
    /// # Errors
    /// It was not built.
    pub fn spawn(bus: &PrivateBus, options: &DaemonOptions) -> Result<Self, Error> {
        let folder = Folder::for_everybody()?;
        let config = folder.write("portolan.toml", &options.config)?;
        let runtime_dir = folder.make_dir("run", 0o755)?;
        let state_dir = match &options.state_dir {
            Some(dir) => dir.clone(),
            None => folder.make_dir("state", 0o700)?,
        };
        let path = match &options.program {
            Some(path) => path.clone(),
            None => built("portoland")?,
        };
        let mut command = Command::new(path);
        command.arg("--config").arg(config).arg("--state-dir").arg(&state_dir);
        command.arg("--runtime-dir").arg(runtime_dir).arg("--bus-address").arg(bus.address());
        Ok(Self { program: Program::start("portoland", command)?, state_dir, _folder: folder })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// What it printed up to now.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.program.output()
    }

    /// The history file.
    #[must_use]
    pub fn history_path(&self) -> PathBuf {
        self.state_dir.join("history.sqlite")
    }

    /// The program, to wait for what it prints or for its end.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Sends SIGTERM and waits for its end.
    ///
    /// # Errors
    /// It did not end in ten seconds and was killed.
    pub fn stop(&mut self) -> Result<ExitStatus, Error> {
        self.program.stop()
    }
}
