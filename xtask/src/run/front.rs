use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use portolan_testbed::find_program;

use crate::{accounts::Account, place::Place, tool};

/// The live view in the terminal.
pub(super) fn watch(place: &Place, private_bus: Option<&str>) -> Command {
    let mut command = Command::new(place.built("portolan"));
    command.arg("watch").envs(bus(private_bus));
    command
}

/// The tray app, as the person whose desktop it is, even when root starts it.
pub(super) fn app(place: &Place, person: &Account, private_bus: Option<&str>) -> Command {
    let program = place.built("portolan-desktop");
    let variables = desktop_variables(person);
    let has_session_bus = variables.iter().any(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS")
        || env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some();
    let mut words: Vec<PathBuf> = Vec::new();
    if tool::is_root() && person.uid != 0 {
        let (uid, gid) = (format!("--reuid={}", person.uid), format!("--regid={}", person.gid));
        words.extend(["setpriv".into(), uid.into(), gid.into(), "--init-groups".into(), "--".into()]);
    }
    if !has_session_bus && find_program("dbus-run-session").is_some() {
        tool::say(
            "This desktop has no session bus: there will be no tray and no notifications, only the window.",
        );
        words.extend(["dbus-run-session".into(), "--".into()]);
    }
    words.push(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).envs(variables).envs(bus(private_bus));
    command
}

fn bus(private_bus: Option<&str>) -> Option<(&'static str, &str)> {
    private_bus.map(|address| ("DBUS_SYSTEM_BUS_ADDRESS", address))
}

/// What sudo and su take away of a person's environment and a desktop program needs.
fn desktop_variables(person: &Account) -> Vec<(&'static str, PathBuf)> {
    if !tool::is_root() || person.uid == 0 {
        return Vec::new();
    }
    let mut variables = vec![
        ("HOME", person.home.clone()),
        ("USER", person.name.clone().into()),
        ("LOGNAME", person.name.clone().into()),
    ];
    let is_theirs = |dir: &PathBuf| fs::metadata(dir).is_ok_and(|meta| meta.uid() == person.uid);
    let runtime_dir = env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(is_theirs)
        .unwrap_or_else(|| format!("/run/user/{}", person.uid).into());
    let session_bus = runtime_dir.join("bus");
    if session_bus.exists() {
        variables.push(("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", session_bus.display()).into()));
    }
    if runtime_dir.exists() {
        variables.push(("XDG_RUNTIME_DIR", runtime_dir));
    }
    let cookie = person.home.join(".Xauthority");
    if env::var_os("XAUTHORITY").is_none_or(|path| !Path::new(&path).exists()) && cookie.exists() {
        variables.push(("XAUTHORITY", cookie));
    }
    variables
}
