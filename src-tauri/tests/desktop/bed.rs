//! A desktop with the app and the daemon, programs that move bytes, and looks at the screen.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use portolan_bus::action;
use portolan_testbed::{
    Daemon, DaemonOptions, Desktop, Folder, Polkit, PrivateBus, Program, User, Widget, built, source_path,
};
use serde_json::Value;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bed {
    pub(crate) desktop: Desktop,
    pub(crate) programs: Programs,
    // In this order: the daemon ends before its bus.
    daemon: Option<Daemon>,
    options: DaemonOptions,
    _state: Folder,
    bus: PrivateBus,
}

impl Bed {
    pub(crate) fn start() -> Self {
        let user = User::nobody();
        let bus =
            PrivateBus::start(&Polkit::default().grant(&user, &[action::VIEW_ALL, action::REVIEW])).unwrap();
        let state = Folder::for_everybody().unwrap();
        let state_dir = Some(state.make_dir("state", 0o700).unwrap());
        let options = DaemonOptions { state_dir, ..DaemonOptions::default() };
        let daemon = Some(Daemon::start_with(&bus, &options).unwrap());
        let desktop = Desktop::start(&user, bus.address()).unwrap();
        Self { desktop, programs: Programs::new(), daemon, options, _state: state, bus }
    }

    pub(crate) fn restart_daemon(&mut self) {
        self.daemon = None;
        self.daemon = Some(Daemon::start_with(&self.bus, &self.options).unwrap());
    }

    pub(crate) fn start_app(&self, arguments: &[&str]) -> Program {
        self.start_app_with(arguments, None)
    }

    /// The same with a variable of the environment.
    pub(crate) fn start_app_with(&self, arguments: &[&str], variable: Option<(&str, &str)>) -> Program {
        let mut command = self.desktop.command(&built("portolan-desktop").unwrap()).unwrap();
        command.args(arguments).envs(variable);
        Program::start("portolan-desktop", command).unwrap()
    }

    /// Waits until the panel has an item of ours.
    pub(crate) fn wait_for_tray(&self) {
        let is_ours = |items: String| items.contains("/StatusNotifierItem") || items.contains("portolan");
        self.wait_until("the tray has an icon", || self.tray_items().is_some_and(is_ours));
    }

    /// What the panel shows, as the watcher lists it; `None` while there is no watcher.
    fn tray_items(&self) -> Option<String> {
        let name = "org.kde.StatusNotifierWatcher";
        let call = ["call", "--session", "--dest", name, "--object-path", "/StatusNotifierWatcher"];
        let get = ["--method", "org.freedesktop.DBus.Properties.Get", name, "RegisteredStatusNotifierItems"];
        self.desktop.run("gdbus", &[&call[..], &get].concat()).ok()
    }

    /// The texts of the tray's menu and their numbers, as the panel is told.
    pub(crate) fn menu(&self) -> String {
        self.ask_menu("GetLayout", &["0", "-1", "['label']"])
    }

    /// Chooses an entry of the tray's menu as the panel does.
    pub(crate) fn choose(&self, label: &str) {
        let menu = self.menu();
        // `(uint32 7, {'label': <'Map'>}, …`, the number with its type where it is the first.
        let before = menu.split(&format!("<'{label}'>")).next().unwrap();
        let start = before.rfind("<(").unwrap() + 2;
        let id = before[start..].split(',').next().unwrap().trim_start_matches("int32 ");
        self.ask_menu("Event", &[id, "clicked", "<''>", "0"]);
    }

    fn ask_menu(&self, method: &str, arguments: &[&str]) -> String {
        let items = self.tray_items().unwrap();
        let item = items.split('\'').find(|part| part.starts_with(':')).unwrap();
        let (name, path) = item.split_at(item.find('/').unwrap());
        let (path, method) = (format!("{path}/Menu"), format!("com.canonical.dbusmenu.{method}"));
        let call = ["call", "--session", "--dest", name, "--object-path", &path, "--method", &method, "--"];
        self.desktop.run("gdbus", &[&call, arguments].concat()).unwrap()
    }

    pub(crate) fn wait_for_text(&self, text: &str) -> Widget {
        self.desktop
            .wait_for_widget(&format!("“{text}”"), PATIENCE, |widget| says(widget, text))
            .unwrap_or_else(|error| {
                self.picture(&format!("failure-{}", text.replace(|c: char| !c.is_alphanumeric(), "-")));
                panic!("{error}")
            })
    }

    /// Waits until all of these words can be read on the screen.
    ///
    /// Read from a picture, as a person does, and not from the accessible tree: WebKit's process ends when the tree of
    /// this page is walked (seen with WebKitGTK of Debian 12).
    pub(crate) fn wait_to_read(&self, words: &[&str]) {
        let picture = self.programs.folder.path().join("screen.png");
        let large = self.programs.folder.path().join("large.png");
        let output = |program: &str, arguments: &[&std::ffi::OsStr]| {
            let output = Command::new(program).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let mut read = String::new();
        let deadline = Instant::now() + PATIENCE;
        while !words.iter().all(|word| read.contains(word)) {
            if Instant::now() >= deadline {
                self.picture("failure");
                panic!("{words:?} cannot be read on the screen, which says:\n{read}");
            }
            self.desktop.screenshot(&picture).unwrap();
            output(
                "/usr/bin/convert-im6",
                &[picture.as_ref(), "-resize".as_ref(), "300%".as_ref(), large.as_ref()],
            );
            // Scattered words, and whole lines: each reads what the other does not.
            let in_mode = |mode: &str| {
                output("tesseract", &[large.as_ref(), "-".as_ref(), "--psm".as_ref(), mode.as_ref()])
            };
            read = in_mode("11") + &in_mode("6");
        }
    }

    /// Presses keys in a window, as soon as it has the focus.
    pub(crate) fn press(&self, title: &str, keys: &str) {
        let window = self.desktop.wait_for_window(title, PATIENCE).unwrap();
        self.desktop.run("xdotool", &["windowactivate", "--sync", &window, "key", keys]).unwrap();
    }

    /// Types a path into a dialog for a file and accepts it.
    pub(crate) fn name_file(&self, title: &str, path: &Path) {
        let window = self.desktop.wait_for_window(title, PATIENCE).unwrap();
        self.desktop.run("xdotool", &["windowactivate", "--sync", &window, "key", "ctrl+a"]).unwrap();
        self.picture("dialog");
        self.desktop.run("xdotool", &["type", path.to_str().unwrap()]).unwrap();
        self.desktop.run("xdotool", &["key", "Return"]).unwrap();
        self.wait_until("the dialog is gone", || {
            self.desktop.run("xdotool", &["search", "--onlyvisible", "--name", title]).is_err()
        });
    }

    /// Closes the window and waits until nothing of WebKit is left.
    pub(crate) fn close_window(&self) {
        let window = self.desktop.wait_for_window("Portolan", PATIENCE).unwrap();
        self.desktop.run("xdotool", &["windowclose", &window]).unwrap();
        self.wait_until("the web process is gone", || !self.has_web_process());
    }

    /// Waits for a notification with this headline and presses one of its buttons: the nearest below the headline.
    pub(crate) fn answer(&self, headline: &str, button: &str) {
        self.wait_for_text(headline);
        let widgets = self.desktop.widgets().unwrap();
        let shown = widgets.iter().filter(|widget| widget.is_shown());
        let (headlines, others): (Vec<_>, Vec<_>) = shown.partition(|widget| says(widget, headline));
        let top = headlines.iter().map(|widget| widget.y).min().unwrap();
        let nearest = others
            .into_iter()
            .filter(|widget| widget.name == button && widget.y > top)
            .min_by_key(|widget| widget.y);
        self.desktop.click_widget(nearest.unwrap()).unwrap();
    }

    /// Whether the screen shows this text now.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.desktop.widgets().unwrap().iter().any(|widget| widget.is_shown() && says(widget, text))
    }

    pub(crate) fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until something on the screen has exactly this colour.
    pub(crate) fn wait_for_colour(&self, colour: &str) {
        let picture = self.programs.folder.path().join("colour.png");
        self.wait_until(&format!("something is {colour}"), || {
            self.desktop.screenshot(&picture).unwrap();
            let mut convert = Command::new("/usr/bin/convert-im6");
            convert.arg(&picture).args(["-fill", "black", "+opaque", colour, "-format", "%[max]", "info:"]);
            convert.output().unwrap().stdout != b"0"
        });
    }

    pub(crate) fn picture(&self, name: &str) {
        let folder = source_path("target/desktop-test");
        fs::create_dir_all(&folder).unwrap();
        self.desktop.screenshot(&folder.join(format!("{name}.png"))).unwrap();
    }

    pub(crate) fn review_of(&self, program: &Path) -> Option<String> {
        let listed = self.ask(&["applications", "--json"]);
        let rows = listed["applications"].as_array().cloned().unwrap_or_default();
        let row = rows.into_iter().find(|row| row["path"] == program.to_str().unwrap())?;
        Some(row["review"].as_str().unwrap().to_owned())
    }

    /// The one row of a program.
    pub(crate) fn row_of(&self, program: &Path) -> Value {
        let rows = self.rows_of(program);
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    }

    pub(crate) fn rows_of(&self, program: &Path) -> Vec<Value> {
        let answer = self.ask(&["query", "--by", "executable,parent", "--json"]);
        of(&answer["rows"], program)
    }

    /// All findings about a program, after everything that moved was judged.
    pub(crate) fn findings_of(&self, program: &Path) -> Vec<Value> {
        self.ask(&["query", "--json"]);
        let answer = self.ask(&["findings", "--all", "--json"]);
        of(&answer["findings"], program)
    }

    pub(crate) fn has_web_process(&self) -> bool {
        !self.processes_of_webkit().is_empty()
    }

    /// Kills the process that draws the page.
    pub(crate) fn kill_page(&self) {
        let pages =
            self.processes_of_webkit().into_iter().filter(|(_, name)| name.starts_with("WebKitWebProces"));
        for (pid, _) in pages {
            assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        }
    }

    /// Process id and name of what WebKit runs on this desktop.
    fn processes_of_webkit(&self) -> Vec<(String, String)> {
        let home = format!("HOME={}", self.desktop.home().display());
        let read = |entry: &fs::DirEntry, file| fs::read(entry.path().join(file)).unwrap_or_default();
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|entry| String::from_utf8_lossy(&read(entry, "environ")).contains(&home))
            .map(|entry| {
                let name = String::from_utf8_lossy(&read(&entry, "comm")).trim().to_owned();
                (entry.file_name().to_string_lossy().into_owned(), name)
            })
            .filter(|(_, name)| name.starts_with("WebKit"))
            .collect()
    }

    /// Asks the command line, as root.
    fn ask(&self, arguments: &[&str]) -> Value {
        let output = Command::new(built("portolan").unwrap())
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address())
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}

fn says(widget: &Widget, text: &str) -> bool {
    widget.text.contains(text) || widget.name.contains(text)
}

fn of(rows: &Value, program: &Path) -> Vec<Value> {
    let rows = rows.as_array().cloned().unwrap_or_default();
    rows.into_iter().filter(|row| row["path"] == program.to_str().unwrap()).collect()
}

/// Programs that were never seen before, and somebody for them to talk to.
pub(crate) struct Programs {
    folder: Folder,
}

impl Programs {
    fn new() -> Self {
        Self { folder: Folder::for_everybody().unwrap() }
    }

    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::copy(built("portolan-traffic").unwrap(), &path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A folder of data in which a desktop entry names a picture for a program: a square of this colour.
    pub(crate) fn data_with_icon(&self, program: &Path, colour: &str) -> String {
        let data = self.folder.path().join("data");
        fs::create_dir_all(data.join("applications")).unwrap();
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'><rect width='1' height='1' fill='{colour}'/></svg>"
        );
        fs::write(data.join("square.svg"), svg).unwrap();
        let (icon, program) = (data.join("square.svg"), program.display());
        let entry =
            format!("[Desktop Entry]\nType=Application\nIcon={}\nExec={program} %U\n", icon.display());
        fs::write(data.join("applications/square.desktop"), entry).unwrap();
        format!("{}:/usr/share", data.display())
    }

    /// Gives the file another content; what follows the end of an ELF file changes nothing but its hash.
    pub(crate) fn change(&self, program: &Path) {
        let mut content = fs::read(program).unwrap();
        content.push(0);
        let next = program.with_extension("next");
        fs::write(&next, content).unwrap();
        fs::set_permissions(&next, Permissions::from_mode(0o755)).unwrap();
        fs::rename(next, program).unwrap();
    }

    /// Has a program send so many bytes to this test.
    pub(crate) fn send(&self, program: &Path, bytes: u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let receiver = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap()
        });
        let status = Command::new(program).args(["tcp", &address, &bytes.to_string()]).status().unwrap();
        assert!(status.success());
        assert_eq!(receiver.join().unwrap(), bytes);
    }

    pub(crate) fn sha256(&self, program: &Path) -> String {
        let output = Command::new("sha256sum").arg(program).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    }
}

/// CPU time of a process, in hundredths of a second.
pub(crate) fn cpu_ticks(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Proportional set size of a process.
pub(crate) fn pss_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}
