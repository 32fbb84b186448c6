use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Capability, Error, Folder, Program, User, accounts, overlay::Overlay, source_path, wait};

const POLKIT: &str = "org.freedesktop.PolicyKit1";
/// Where distributions put polkit's daemon.
const POLKITD: [&str; 3] =
    ["/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/libexec/polkit-1/polkitd"];
const ACTIONS_DIR: &str = "/usr/share/polkit-1/actions";
const RULES_DIR: &str = "/etc/polkit-1/rules.d";
const DISTRIBUTION_RULES_DIR: &str = "/usr/share/polkit-1/rules.d";
const READY: Duration = Duration::from_secs(20);

/// Gives every caller a local, active session: there is no logind on a private bus, so nobody would ever have one.
const PRETEND_SESSIONS: &str = r#"
(function () {
    var add = polkit.addRule;
    polkit.addRule = function (rule) {
        add.call(polkit, function (action, subject) {
            subject.local = true;
            subject.active = true;
            return rule(action, subject);
        });
    };
})();
"#;

/// What polkit allows on a [`PrivateBus`]. Root is always allowed everything, and nobody else anything, but for the rules.
#[derive(Debug, Clone, Default)]
pub struct Polkit {
    /// Rules in polkit's JavaScript, in this order, after the shipped ones.
    pub rules: Vec<String>,
    /// Whether the rules that Portolan installs are there.
    pub shipped_rules: bool,
    /// Whether rules see every caller in a local, active session. The defaults of the actions do not.
    pub pretend_local_sessions: bool,
    /// Users that polkit knows beside those of the machine.
    pub users: Vec<User>,
}

impl Polkit {
    /// Allows `actions` to `user`, who is made known to polkit.
    #[must_use]
    pub fn grant(mut self, user: &User, actions: &[&str]) -> Self {
        let list: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
        self.rules.push(format!(
            "polkit.addRule(function (action, subject) {{\n    if (subject.user == {:?} && [{}].indexOf(action.id) >= 0) return \"yes\";\n}});\n",
            user.name,
            list.join(", ")
        ));
        self.users.push(user.clone());
        self
    }
}

/// A system bus of one's own, with the real polkitd, Portolan's actions and bus policy, and nothing else.
///
/// It is at `unix:path=` in a folder that every user can reach. Its programs run in mount namespaces of their own, where our
/// actions, rules and users lie over the machine's; only users of the machine and of [`Polkit::users`] may connect. There is no logind, so no caller has a session.
#[derive(Debug)]
pub struct PrivateBus {
    address: String,
    // In the order in which they end.
    polkitd: Program,
    dbus_daemon: Program,
    _folder: Folder,
}

impl PrivateBus {
    /// Starts the bus and polkitd and waits until polkitd answers. Blocks for about half a second.
    ///
    /// # Errors
    /// This machine lacks something ([`Error::Missing`] says what), or one of the programs failed.
    pub fn start(polkit: &Polkit) -> Result<Self, Error> {
        Capability::PrivateBus.check()?;
        let folder = Folder::for_everybody()?;
        let socket = folder.path().join("bus");
        let config = folder.write("bus.conf", &bus_config(&socket))?;
        let overlay = overlay(&folder, polkit)?;
        let mut command = overlay.command("dbus-daemon");
        command.args(["--nofork", "--nopidfile", "--print-address"]);
        command.arg(format!("--config-file={}", config.display()));
        let mut dbus_daemon = Program::start("dbus-daemon", command)?;
        let address = dbus_daemon.wait_for_line("the start of dbus-daemon", READY, |line| {
            line.split(',').next().filter(|address| address.starts_with("unix:")).map(str::to_owned)
        })?;
        let mut command = overlay.command(polkitd_path().unwrap_or(POLKITD[0]));
        command.arg("--no-debug").env("DBUS_SYSTEM_BUS_ADDRESS", &address);
        let mut polkitd = Program::start("polkitd", command)?;
        wait::wait_for_name(&address, POLKIT, &mut polkitd, READY)?;
        Ok(Self { address, polkitd, dbus_daemon, _folder: folder })
    }

    /// The address, for `DBUS_SYSTEM_BUS_ADDRESS` and `--bus-address`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether somebody owns `name`.
    ///
    /// # Errors
    /// The bus does not answer.
    pub fn is_owned(&self, name: &str) -> Result<bool, Error> {
        wait::is_owned(&self.address, name)
    }

    /// Waits until `program` owns `name`.
    ///
    /// # Errors
    /// The program ended, or the time was over.
    pub fn wait_for_name(&self, name: &str, program: &mut Program, timeout: Duration) -> Result<(), Error> {
        wait::wait_for_name(&self.address, name, program, timeout)
    }

    /// Kills the bus and polkitd under their users, as a crash would.
    pub fn kill(&mut self) {
        self.dbus_daemon.kill();
        self.polkitd.kill();
    }

    /// What polkitd printed, for the reason why it denied something.
    #[must_use]
    pub fn polkitd_output(&self) -> String {
        self.polkitd.output()
    }
}

/// The strictness of a system bus: nobody owns a name or calls anybody, but for the policies that are included.
fn bus_config(socket: &Path) -> String {
    let polkit_policies = ["/usr/share/dbus-1/system.d", "/etc/dbus-1/system.d"]
        .map(|dir| format!("  <include ignore_missing=\"yes\">{dir}/{POLKIT}.conf</include>\n"))
        .concat();
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_type="method_return" send_requested_reply="true"/>
    <allow send_type="error" send_requested_reply="true"/>
    <allow receive_sender="*"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
{polkit_policies}  <include>{}</include>
</busconfig>
"#,
        socket.display(),
        source_path("packaging/dbus/org.portolan.Daemon1.conf").display(),
    )
}

/// Our actions, rules and users over the machine's. dbus-daemon needs the users as well: it turns away whom it cannot name.
fn overlay(folder: &Folder, polkit: &Polkit) -> Result<Overlay, Error> {
    let mut overlay = Overlay::default();
    let actions = folder.make_dir("actions", 0o755)?;
    copy(&source_path("polkit/org.portolan.policy"), &actions.join("org.portolan.policy"))?;
    overlay.lay(&actions, ACTIONS_DIR);
    overlay.lay(&write_rules(folder, polkit)?, RULES_DIR);
    overlay.lay(&folder.make_dir("empty", 0o755)?, DISTRIBUTION_RULES_DIR);
    let (passwd, group) = accounts::with_users(&polkit.users)?;
    overlay.lay(&folder.write("passwd", &passwd)?, "/etc/passwd");
    overlay.lay(&folder.write("group", &group)?, "/etc/group");
    Ok(overlay)
}

pub(crate) fn polkitd_path() -> Option<&'static str> {
    POLKITD.into_iter().find(|path| Path::new(path).exists())
}

fn write_rules(folder: &Folder, polkit: &Polkit) -> Result<PathBuf, Error> {
    let dir = folder.make_dir("rules.d", 0o755)?;
    if polkit.pretend_local_sessions {
        folder.write("rules.d/00-sessions.rules", PRETEND_SESSIONS)?;
    }
    if polkit.shipped_rules {
        copy(&source_path("polkit/portolan.rules"), &dir.join("50-portolan.rules"))?;
    }
    for (number, rule) in polkit.rules.iter().enumerate() {
        folder.write(&format!("rules.d/60-test-{number:03}.rules"), rule)?;
    }
    Ok(dir)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let error = |source| Error::File { action: "copy", path: from.to_owned(), source };
    fs::copy(from, to).map_err(error)?;
    crate::folder::set_mode(to, 0o644)
}
