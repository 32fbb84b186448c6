//! `cargo xtask install` and `uninstall`: the whole list of what is where on a machine.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use portolan_testbed::{find_program, unpack_places};

use crate::{packages, place::Place, tool, ui};

/// The programs, from the build folder.
const PROGRAMS: [(&str, &str); 3] = [
    ("portoland", "usr/sbin/portoland"),
    ("portolan", "usr/bin/portolan"),
    ("portolan-desktop", "usr/bin/portolan-desktop"),
];

/// Everything else, from the checkout.
const FILES: [(&str, &str); 18] = [
    ("packaging/systemd/portoland.service", "usr/lib/systemd/system/portoland.service"),
    ("packaging/dbus/org.portolan.Daemon1.conf", "usr/share/dbus-1/system.d/org.portolan.Daemon1.conf"),
    (
        "packaging/dbus/org.portolan.Daemon1.service",
        "usr/share/dbus-1/system-services/org.portolan.Daemon1.service",
    ),
    ("packaging/sysusers/portolan.conf", "usr/lib/sysusers.d/portolan.conf"),
    ("packaging/desktop/portolan.desktop", "usr/share/applications/portolan.desktop"),
    ("packaging/desktop/portolan-autostart.desktop", "etc/xdg/autostart/portolan.desktop"),
    ("polkit/org.portolan.policy", "usr/share/polkit-1/actions/org.portolan.policy"),
    ("polkit/portolan.rules", "usr/share/polkit-1/rules.d/portolan.rules"),
    ("icons/portolan.svg", "usr/share/icons/hicolor/scalable/apps/portolan.svg"),
    ("icons/portolan-32.png", "usr/share/icons/hicolor/32x32/apps/portolan.png"),
    ("icons/portolan-64.png", "usr/share/icons/hicolor/64x64/apps/portolan.png"),
    ("icons/portolan-128.png", "usr/share/icons/hicolor/128x128/apps/portolan.png"),
    ("icons/portolan-256.png", "usr/share/icons/hicolor/256x256/apps/portolan.png"),
    ("README.md", "usr/share/doc/portolan/README.md"),
    ("LICENSE-MIT", "usr/share/doc/portolan/LICENSE-MIT"),
    ("LICENSE-APACHE", "usr/share/doc/portolan/LICENSE-APACHE"),
    ("packaging/places/ORIGIN", "usr/share/doc/portolan/places-ORIGIN"),
    ("packaging/places/LICENSE", "usr/share/doc/portolan/places-LICENSE"),
];

/// Countries and networks: under a licence of its own, so a file of its own.
const PLACES: &str = "usr/share/portolan/places.mmdb";

/// The configuration, which belongs to the administrator: never written over, removed only with `--purge`.
const CONFIGURATION: (&str, &str) = ("packaging/portolan.toml", "etc/portolan/portolan.toml");

/// What the daemon and the administrator wrote.
const STATE: [&str; 2] = ["var/lib/portolan", "etc/portolan"];

/// Folders that nobody else uses.
const OWN_DIRS: [&str; 2] = ["usr/share/doc/portolan", "usr/share/portolan"];

/// Builds everything and puts it in place, on this machine or under `root`.
pub(crate) fn install(
    place: &Place,
    root: Option<PathBuf>,
    debug: bool,
    no_build: bool,
) -> anyhow::Result<()> {
    let profile = if debug { "debug" } else { "release" };
    if !no_build {
        packages::install(&[packages::BASE, packages::WINDOWS], false)?;
        ui::build_if_changed(place)?;
        build(place, debug)?;
    }
    let database = unpack_places(&place.target)?;
    if root.is_none() && !tool::is_root() {
        let mut again = tool::as_root(&place.built("xtask").to_string_lossy());
        again.args(["install", "--no-build"]);
        if debug {
            again.arg("--debug");
        }
        return tool::visibly(&mut again);
    }
    let target = root.as_deref().unwrap_or(Path::new("/"));
    put(&place.top, &place.target.join(profile), &database, target)?;
    match root {
        Some(root) => tool::say(&format!("Portolan is under {}.", root.display())),
        None => start(),
    }
    Ok(())
}

/// Takes away what [`install`] put in place.
pub(crate) fn uninstall(root: Option<PathBuf>, purge: bool) -> anyhow::Result<()> {
    if root.is_none() && !tool::is_root() {
        bail!("only root can uninstall; use sudo");
    }
    let target = root.as_deref().unwrap_or(Path::new("/"));
    if root.is_none() && systemd_runs() {
        try_tool("systemctl", &["disable", "--now", "portoland.service"]);
    }
    take_away(target, purge)?;
    if root.is_none() {
        reload();
        tool::say("Portolan is gone. The group portolan is still there.");
    }
    if !purge {
        tool::say(
            "The history and the configuration were kept; `cargo xtask uninstall --purge` removes them.",
        );
    }
    Ok(())
}

fn build(place: &Place, debug: bool) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "-p", "portoland", "-p", "portolan-cli", "-p", "portolan-desktop"])
        .current_dir(&place.top);
    if !debug {
        cargo.arg("--release");
    }
    tool::visibly(&mut cargo)
}

fn put(top: &Path, programs: &Path, database: &Path, root: &Path) -> anyhow::Result<()> {
    for (program, to) in PROGRAMS {
        copy(&programs.join(program), &root.join(to), 0o755)?;
    }
    for (from, to) in FILES {
        copy(&top.join(from), &root.join(to), 0o644)?;
    }
    copy(database, &root.join(PLACES), 0o644)?;
    if !root.join(CONFIGURATION.1).exists() {
        copy(&top.join(CONFIGURATION.0), &root.join(CONFIGURATION.1), 0o644)?;
    }
    Ok(())
}

/// Copies beside the place and renames, so that a program that runs is replaced and not written into.
fn copy(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    let attempt = || -> io::Result<()> {
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = to.with_file_name(name);
        fs::copy(from, &beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
        fs::rename(&beside, to)
    };
    attempt().with_context(|| format!("cannot put {} to {}", from.display(), to.display()))
}

fn take_away(root: &Path, purge: bool) -> anyhow::Result<()> {
    let files = PROGRAMS.iter().chain(&FILES).map(|(_, to)| to).chain([&PLACES]);
    for file in files {
        missing_is_fine(fs::remove_file(root.join(file)))
            .with_context(|| format!("cannot remove /{file}"))?;
    }
    let dirs = OWN_DIRS.iter().chain(if purge { STATE.as_slice() } else { &[] });
    for dir in dirs {
        missing_is_fine(fs::remove_dir_all(root.join(dir)))
            .with_context(|| format!("cannot remove /{dir}"))?;
    }
    Ok(())
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Makes what runs on this machine notice.
fn start() {
    try_tool("systemd-sysusers", &["portolan.conf"]);
    reload();
    if systemd_runs() {
        try_tool("systemctl", &["enable", "portoland.service"]);
        try_tool("systemctl", &["restart", "portoland.service"]);
        tool::say("Portolan is installed and portoland runs: try `portolan status`.");
    } else {
        tool::say(
            "Portolan is installed. There is no systemd here: start /usr/sbin/portoland as root yourself.",
        );
    }
    tool::say("Members of the group portolan review programs without a password: adduser NAME portolan");
}

fn systemd_runs() -> bool {
    Path::new("/run/systemd/system").exists()
}

fn reload() {
    if systemd_runs() {
        try_tool("systemctl", &["daemon-reload"]);
    }
    if Path::new("/run/dbus/system_bus_socket").exists() {
        let bus = "org.freedesktop.DBus";
        try_tool("busctl", &["call", bus, "/org/freedesktop/DBus", bus, "ReloadConfig"]);
    }
    try_tool("gtk-update-icon-cache", &["-q", "-t", "/usr/share/icons/hicolor"]);
    try_tool("update-desktop-database", &["-q"]);
}

/// Runs a program that may be missing; its failure is said and does not stop the rest.
fn try_tool(program: &str, arguments: &[&str]) {
    if find_program(program).is_some()
        && let Err(error) = tool::visibly(Command::new(program).args(arguments))
    {
        tool::warn(&format!("{error:#}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files under `dir`, by their path from it.
    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut waiting = vec![dir.to_owned()];
        while let Some(next) = waiting.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path)
                } else {
                    found.push(path.strip_prefix(dir).unwrap().to_owned())
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn what_is_installed_is_taken_away_and_what_others_wrote_stays() {
        let (programs, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (program, _) in PROGRAMS {
            fs::write(programs.path().join(program), program).unwrap();
        }
        let top = portolan_testbed::source_path("");
        let database = programs.path().join("places.mmdb");
        fs::write(&database, "").unwrap();
        put(&top, programs.path(), &database, root.path()).unwrap();
        assert_eq!(files(root.path()).len(), PROGRAMS.len() + FILES.len() + 2);
        let daemon = fs::metadata(root.path().join("usr/sbin/portoland")).unwrap();
        assert_eq!(daemon.permissions().mode() & 0o777, 0o755);

        let configuration = root.path().join(CONFIGURATION.1);
        fs::write(&configuration, "[recording]\ntick = \"500 ms\"\n").unwrap();
        put(&top, programs.path(), &database, root.path()).unwrap();
        assert_eq!(fs::read_to_string(&configuration).unwrap(), "[recording]\ntick = \"500 ms\"\n");

        fs::create_dir_all(root.path().join("var/lib/portolan")).unwrap();
        fs::write(root.path().join("var/lib/portolan/history.sqlite"), "").unwrap();
        take_away(root.path(), false).unwrap();
        let kept: Vec<PathBuf> = vec![CONFIGURATION.1.into(), "var/lib/portolan/history.sqlite".into()];
        assert_eq!(files(root.path()), kept);
        take_away(root.path(), true).unwrap();
        assert!(files(root.path()).is_empty());
    }
}
