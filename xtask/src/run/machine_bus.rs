use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use portolan_bus::{BUS_NAME, action};
use portolan_testbed::{Keeper, User, is_owned, source_path, start_service};
use zbus::{connection::Builder, fdo::DBusProxy};

use crate::tool;

const SOCKET: &str = "/run/dbus/system_bus_socket";
const POLKIT: &str = "org.freedesktop.PolicyKit1";
/// How long dbus and polkit may take to read new files.
const NOTICED: Duration = Duration::from_secs(15);

/// What has to be in place for the daemon to own its name and to be answered by polkit.
const FILES: [(&str, &str); 2] = [
    ("packaging/dbus/org.portolan.Daemon1.conf", "/etc/dbus-1/system.d/org.portolan.Daemon1.conf"),
    ("polkit/org.portolan.policy", "/usr/share/polkit-1/actions/org.portolan.policy"),
];
/// Where an installed Portolan keeps the same.
const INSTALLED: [&str; 2] = ["/usr/share/dbus-1/system.d/org.portolan.Daemon1.conf", FILES[1].1];
const RULE: &str = "/etc/polkit-1/rules.d/40-portolan-run.rules";

/// polkit's ActionDescription: id, description, message, vendor, its address, icon, three defaults, annotations.
type KnownAction = (String, String, String, String, String, String, u32, u32, u32, HashMap<String, String>);

/// The machine's own system bus, with what the daemon needs put in place for the time of a run.
pub(super) struct MachineBus {
    address: String,
    placed: Vec<PathBuf>,
    _keeper: Keeper,
}

impl MachineBus {
    /// Prepares the bus at `named`, or the machine's. `Ok(Err(reason))` when there is none that will do.
    ///
    /// # Errors
    /// There is one and it could not be prepared, or the daemon is on it already.
    pub(super) fn prepare(named: Option<&str>, person: &User) -> anyhow::Result<Result<Self, String>> {
        let own = format!("unix:path={SOCKET}");
        let candidates = named.into_iter().chain([own.as_str()]);
        let Some(address) =
            candidates.into_iter().find(|address| is_owned(address, "org.freedesktop.DBus").is_ok())
        else {
            return Ok(Err("There is no system bus here".to_owned()));
        };
        if is_owned(address, POLKIT).is_ok_and(|owned| !owned) && start_service(address, POLKIT).is_err() {
            return Ok(Err("There is no polkit on the system bus here".to_owned()));
        }
        if is_owned(address, BUS_NAME)? {
            bail!(
                "portoland is on the system bus already, probably an installed one. Stop it first \
                 (systemctl stop portoland), or use it: portolan status"
            );
        }
        let files = if address == own { missing_files(person)? } else { Vec::new() };
        let placed: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        let keeper = Keeper::of_paths(&placed).context("cannot start sh")?;
        let bus = Self { address: address.to_owned(), placed, _keeper: keeper };
        if !files.is_empty() {
            tool::say("For the time of this run, these files are put in place for dbus and polkit:");
        }
        for (path, text) in &files {
            tool::say(&format!("  {}", path.display()));
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if !files.is_empty() {
            bus.wait_until_noticed()?;
        }
        Ok(Ok(bus))
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Lets dbus read its configuration and waits until polkit knows our actions.
    fn wait_until_noticed(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let bus = Builder::address(self.address.as_str())?.build().await?;
            DBusProxy::new(&bus)
                .await?
                .reload_config()
                .await
                .context("dbus did not read its configuration")?;
            let deadline = Instant::now() + NOTICED;
            let authority = "/org/freedesktop/PolicyKit1/Authority";
            let interface = "org.freedesktop.PolicyKit1.Authority";
            loop {
                let reply = bus
                    .call_method(Some(POLKIT), authority, Some(interface), "EnumerateActions", &"")
                    .await
                    .context("polkit did not list its actions")?;
                let actions: Vec<KnownAction> = reply.body().deserialize()?;
                if actions.iter().any(|known| known.0 == action::VIEW_OWN) {
                    return Ok(());
                }
                if Instant::now() >= deadline {
                    bail!("polkit did not notice its new actions");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }
}

impl Drop for MachineBus {
    fn drop(&mut self) {
        if self.placed.is_empty() {
            return;
        }
        for path in &self.placed {
            if let Err(error) = fs::remove_file(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tool::warn(&format!("cannot remove {}: {error}", path.display()));
            }
        }
        tool::say("What was put in place for dbus and polkit is gone again.");
    }
}

/// What is not there yet, with its text.
fn missing_files(person: &User) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for ((from, to), installed) in FILES.into_iter().zip(INSTALLED) {
        if !Path::new(to).exists() && !Path::new(installed).exists() {
            let from = source_path(from);
            let text =
                fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
            files.push((to.into(), text));
        }
    }
    // Root needs no rule. Others would be asked for a password, in a local session only; they have shown that they may use sudo.
    if person.uid != 0 && Path::new(RULE).parent().is_some_and(Path::exists) {
        files.push((RULE.into(), rule(person)));
    }
    Ok(files)
}

fn rule(person: &User) -> String {
    let granted = [action::VIEW_OWN, action::VIEW_ALL, action::REVIEW];
    format!(
        "// Put here by `cargo xtask run`, which takes it away when it ends.\npolkit.addRule(function (action, subject) {{\n    \
         if (subject.user == {:?} && {granted:?}.indexOf(action.id) >= 0) return polkit.Result.YES;\n}});\n",
        person.name
    )
}
