use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use crate::{Error, Folder, PrivateBus, Program, built, keeper::Keeper, unpack_places};

const READY: Duration = Duration::from_secs(60);
/// What the kernel keeps for daemons of tests begins like this; the name of its folder follows.
const PIN_DIRS: &str = "/sys/fs/bpf/portolan-test-";

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
    pin_dir: PathBuf,
    arguments: Vec<OsString>,
    folder: Folder,
    /// The same when this process is killed.
    _keeper: Keeper,
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
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy();
        let pin_dir = PathBuf::from(format!("{PIN_DIRS}{}", name.trim_start_matches("portolan-")));
        let keeper = Keeper::of_paths(&[&pin_dir])
            .map_err(|source| Error::Start { program: "sh".to_owned(), source })?;
        let arguments: Vec<OsString> = vec![
            "--config".into(),
            config.into(),
            "--state-dir".into(),
            state_dir.clone().into(),
            "--runtime-dir".into(),
            runtime_dir.into(),
            "--pin-dir".into(),
            pin_dir.clone().into(),
            "--places".into(),
            unpack_places(path.parent().unwrap_or(Path::new(".")))?.into(),
            "--bus-address".into(),
            bus.address().into(),
        ];
        let program = start(&path, &arguments)?;
        Ok(Self { program, state_dir, pin_dir, arguments, folder, _keeper: keeper })
    }

    /// Ends the daemon as a crash would, with SIGKILL. Its kernel programs go on.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts a daemon again with the same folders after the last one has ended, and does not wait; `program` may be another
    /// version.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_again(&mut self, program: Option<&Path>) -> Result<(), Error> {
        let path = program.map_or_else(|| built("portoland"), |path| Ok(path.into()))?;
        self.program = start(&path, &self.arguments)?;
        Ok(())
    }

    /// Its configuration file; the folder of files that add to it may be made beside it.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("portolan.toml")
    }

    /// Where its lock and its journal live.
    #[must_use]
    pub fn runtime_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Where its kernel programs are kept.
    #[must_use]
    pub fn pin_dir(&self) -> &Path {
        &self.pin_dir
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

impl Drop for Daemon {
    fn drop(&mut self) {
        // Before the folders go; a daemon that has ended has nothing to be stopped.
        drop(self.program.stop());
        // What one that was killed has left.
        drop(fs::remove_dir_all(&self.pin_dir));
    }
}

fn start(path: &Path, arguments: &[OsString]) -> Result<Program, Error> {
    let mut command = Command::new(path);
    command.args(arguments);
    Program::start("portoland", command)
}
