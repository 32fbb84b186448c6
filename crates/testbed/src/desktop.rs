use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Capability, Error, Folder, Program, User, folder, wait};

const READY: Duration = Duration::from_secs(30);
const SIZE: &str = "1280x800x24";

/// A panel at the top with nothing but a tray.
const PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="icon-size" type="int" value="22"/>
    </property>
  </property>
</channel>
"#;

/// A real desktop without a screen: Xvfb, openbox, a session bus, xfce4-panel with a tray, xfce4-notifyd and the
/// accessibility bus, all of an unprivileged user.
#[derive(Debug)]
pub struct Desktop {
    // In the order in which they end; the folder goes last.
    _panel: Program,
    _window_manager: Program,
    _session_bus: Program,
    _xvfb: Program,
    session: Session,
}

/// Who runs programs on the desktop, and in what environment.
#[derive(Debug)]
struct Session {
    user: User,
    home: PathBuf,
    environment: Vec<(&'static str, String)>,
    folder: Folder,
}

impl Desktop {
    /// Starts a desktop of `user`, whom the machine must know ([`User::nobody`]), and waits until its tray and its
    /// notifications answer. `system_bus` is what its programs find as the system bus. Blocks for about two seconds.
    ///
    /// # Errors
    /// This machine lacks something ([`Error::Missing`] says what), or one of the programs failed.
    pub fn start(user: &User, system_bus: &str) -> Result<Self, Error> {
        Capability::Desktop.check()?;
        let mut session = Session::new(user, system_bus)?;
        let mut xvfb = Program::start(
            "Xvfb",
            session
                .command("Xvfb", &["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp", "-noreset"]),
        )?;
        let display = xvfb.wait_for_line("the start of Xvfb", READY, |line| line.parse::<u32>().ok())?;
        session.environment.push(("DISPLAY", format!(":{display}")));

        let listen = format!("--address=unix:path={}/bus", session.runtime_dir().display());
        let arguments = ["--session", "--nofork", "--nopidfile", "--print-address", &listen];
        let mut session_bus = Program::start("dbus-daemon", session.command("dbus-daemon", &arguments))?;
        let address = session_bus.wait_for_line("the start of the session bus", READY, |line| {
            line.split(',').next().filter(|address| address.starts_with("unix:")).map(str::to_owned)
        })?;
        session.environment.push(("DBUS_SESSION_BUS_ADDRESS", address.clone()));

        let window_manager = Program::start("openbox", session.command("openbox", &[]))?;
        let mut panel =
            Program::start("xfce4-panel", session.command("xfce4-panel", &["--disable-wm-check"]))?;
        // A session bus takes nobody but its user, not even root.
        user.act(|| {
            wait::wait_for_name(&address, "org.kde.StatusNotifierWatcher", &mut panel, READY)?;
            wait::start_service(&address, "org.freedesktop.Notifications")
        })??;
        Ok(Self {
            _panel: panel,
            _window_manager: window_manager,
            _session_bus: session_bus,
            _xvfb: xvfb,
            session,
        })
    }

    /// A command that runs `program` as the desktop's user in the desktop's environment; start it with [`Program::start`].
    ///
    /// A program that the user cannot reach (a checkout in `/root`) is copied to where they can.
    ///
    /// # Errors
    /// The program could not be copied.
    pub fn command(&self, program: &Path) -> Result<Command, Error> {
        let program = self.session.reachable(program)?;
        Ok(self.session.command(&program.to_string_lossy(), &[]))
    }

    /// Whose desktop it is.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.session.user
    }

    /// The address of the session bus.
    #[must_use]
    pub fn session_bus(&self) -> &str {
        self.session.variable("DBUS_SESSION_BUS_ADDRESS")
    }

    /// The home folder of the desktop's user, which goes away with the desktop.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.session.home
    }

    /// Writes what the screen shows to `path` as a PNG.
    ///
    /// # Errors
    /// No picture could be taken or written.
    pub fn screenshot(&self, path: &Path) -> Result<(), Error> {
        let picture = self.session.home.join("screenshot.png");
        self.run("scrot", &["--overwrite", "--pointer", &picture.to_string_lossy()])?;
        let error = |source| Error::File { action: "write", path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(error)?;
        }
        fs::copy(picture, path).map_err(error)?;
        Ok(())
    }

    /// Presses the left button in the middle of a place on the screen.
    ///
    /// # Errors
    /// xdotool failed.
    pub fn click(&self, x: i32, y: i32) -> Result<(), Error> {
        let (x, y) = (x.to_string(), y.to_string());
        self.run("xdotool", &["mousemove", "--sync", &x, &y, "click", "1"]).map(drop)
    }

    /// Waits until a visible window's title matches the regular expression `title`, and returns its X id.
    ///
    /// # Errors
    /// There was none in time.
    pub fn wait_for_window(&self, title: &str, timeout: Duration) -> Result<String, Error> {
        let arguments = ["search", "--sync", "--onlyvisible", "--limit", "1", "--name", title];
        let mut search = Program::start("xdotool", self.session.command("xdotool", &arguments))?;
        search.wait_for_line(&format!("a window named {title}"), timeout, |line| {
            line.parse::<u64>().ok().map(|id| id.to_string())
        })
    }

    /// Runs a program of the machine to its end as the desktop's user and returns what it printed.
    ///
    /// # Errors
    /// It failed, or took longer than half a minute.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Error> {
        let mut program = Program::start(program, self.session.command(program, arguments))?;
        let status = program.ended(READY)?;
        if status.success() {
            Ok(program.output())
        } else {
            Err(Error::Failed { program: program.name().to_owned(), status, output: program.output() })
        }
    }
}

impl Session {
    fn new(user: &User, system_bus: &str) -> Result<Self, Error> {
        // Made by root, as the system would, because the X server of a user warns about its owner for ever after.
        let sockets = Path::new("/tmp/.X11-unix");
        if !sockets.exists() {
            fs::create_dir_all(sockets).map_err(|source| Error::File {
                action: "make the folder",
                path: sockets.to_owned(),
                source,
            })?;
            folder::set_mode(sockets, 0o1777)?;
        }
        let folder = Folder::for_everybody()?;
        let home = folder.make_dir("home", 0o700)?;
        folder.make_dir("home/.config/xfce4/xfconf/xfce-perchannel-xml", 0o755)?;
        folder.write("home/.config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", PANEL)?;
        folder.make_dir("run", 0o700)?;
        give_all(&folder.path().join("run"), user)?;
        give_all(&home, user)?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let environment = vec![
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("HOME", text(&home)),
            ("USER", user.name.clone()),
            ("LOGNAME", user.name.clone()),
            ("XDG_RUNTIME_DIR", text(&folder.path().join("run"))),
            ("XDG_CURRENT_DESKTOP", "XFCE".to_owned()),
            ("XDG_SESSION_TYPE", "x11".to_owned()),
            ("DBUS_SYSTEM_BUS_ADDRESS", system_bus.to_owned()),
        ];
        Ok(Self { user: user.clone(), home, environment, folder })
    }

    fn runtime_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn variable(&self, name: &str) -> &str {
        self.environment.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.environment.iter().map(|(key, value)| (key, value)));
        command.current_dir(&self.home);
        self.user.run(&mut command);
        command
    }

    /// The program itself where the user may run it, else a copy.
    fn reachable(&self, program: &Path) -> Result<PathBuf, Error> {
        let mut test = self.command("test", &["-x"]);
        test.arg(program);
        if Program::start("test", test)?.ended(READY)?.success() {
            return Ok(program.to_owned());
        }
        let name = program.file_name().unwrap_or(program.as_os_str());
        let copy = self.folder.path().join(name);
        if !copy.exists() {
            fs::copy(program, &copy).map_err(|source| Error::File {
                action: "copy",
                path: program.to_owned(),
                source,
            })?;
            folder::set_mode(&copy, 0o755)?;
        }
        Ok(copy)
    }
}

/// Gives a folder and all that is in it to `user`.
fn give_all(dir: &Path, user: &User) -> Result<(), Error> {
    folder::give(dir, user)?;
    let error = |source| Error::File { action: "read the folder", path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() { give_all(&path, user)? } else { folder::give(&path, user)? }
    }
    Ok(())
}
