//! The distribution's packages that this needs.

use std::{
    collections::HashSet,
    io::{IsTerminal as _, Write as _},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use portolan_testbed::find_program;

use crate::tool;

/// What compiles the kernel programs and the daemon, and what the daemon talks to.
/// Each entry is a package or alternatives, the preferred one first.
pub(crate) const BASE: &[&str] = &[
    "build-essential",
    "pkg-config",
    "clang-19|clang",
    "libbpf-dev",
    "linux-libc-dev",
    "dbus",
    "polkitd",
    "xz-utils",
];

/// What the tray app is built with.
pub(crate) const WINDOWS: &[&str] =
    &["libwebkit2gtk-4.1-dev", "libgtk-3-dev", "libayatana-appindicator3-dev", "librsvg2-dev"];

/// What `geo-update` reads the newest data with.
pub(crate) const PLACES: &[&str] = &["debian-archive-keyring", "python3", "xz-utils"];

/// What the scenarios use beside the base: two network namespaces and a witness in one of them.
pub(crate) const SCENARIOS: &[&str] = &["iproute2", "nftables"];

/// What the benches use beside the base: loads, another tool, and what others are compiled with. nginx is not among them: it
/// is unpacked and not installed, because its package starts a server.
pub(crate) const BENCH: &[&str] = &[
    "iperf3",
    "wrk",
    "nethogs",
    "iproute2",
    "libpcre2-8-0",
    "libpcap-dev",
    "libelf-dev",
    "zlib1g-dev",
    "chromium|chromium-browser",
    "nodejs",
];

/// What the tests use beside all of that: programs that are to be told apart come first.
pub(crate) const TESTS: &[&str] = &[
    "busybox-static|busybox",
    "chromium|chromium-browser",
    "curl",
    "dnsmasq-base",
    "flatpak",
    "fuse3",
    "gdb-minimal|gdb",
    "musl-tools",
    "ngtcp2-client",
    "ngtcp2-server",
    "nodejs",
    "openssl",
    "perl",
    "python3-minimal",
    "ruby",
    "squashfs-tools",
    "squashfuse",
    "strace",
    "wget",
    "libclang1-19|libclang1",
    "systemd",
    "dbus-x11",
    "libglib2.0-bin",
    "bpftool",
    "btrfs-progs",
    "e2fsprogs",
    "gdb",
    "python3",
    "libxml2-utils",
    "desktop-file-utils",
    "xvfb",
    "openbox",
    "xfce4-panel",
    "xfce4-notifyd",
    "at-spi2-core",
    "xdotool",
    "scrot",
    "imagemagick",
    "tesseract-ocr",
    "tesseract-ocr-eng",
    "adwaita-icon-theme",
    "hicolor-icon-theme",
    "fonts-dejavu-core",
];

/// What `vm-test` boots other kernels with.
pub(crate) const MACHINES: &[&str] = &["qemu-system-x86", "busybox-static", "kmod", "xz-utils"];

/// Installs what is missing of `wanted`, after saying what that is. Asks on a terminal, unless `yes`.
///
/// # Errors
/// The person does not want it, or apt failed.
pub(crate) fn install(wanted: &[&[&str]], yes: bool) -> anyhow::Result<()> {
    let wanted: Vec<&str> = wanted.concat();
    if find_program("dpkg-query").is_none() || find_program("apt-get").is_none() {
        tool::say(
            "This is not Debian or Ubuntu. Please see to it that you have what these packages of Debian hold:",
        );
        tool::say(&format!("  {}", wanted.join(" ")));
        return Ok(());
    }
    let missing = missing(&wanted, &installed()?);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|entry| entry.split('|').next().unwrap_or(entry)).collect();
    tool::say(&format!(
        "These packages are missing and will be installed with apt-get:\n  {}",
        names.join(" ")
    ));
    if !yes && std::io::stdin().is_terminal() && !agreed()? {
        bail!("nothing was installed; install the packages above and start again");
    }
    if !tool::is_root() && find_program("sudo").is_none() {
        bail!("sudo is not installed; as root, run: apt-get install {}", names.join(" "));
    }
    apt(&["update", "-qq"])?;
    let names: Vec<&str> = missing.iter().map(|entry| available(entry)).collect();
    apt(&[["install", "-y", "-qq", "--no-install-recommends"].as_slice(), &names].concat())
}

fn agreed() -> anyhow::Result<bool> {
    print!("Install them? [Y/n] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["", "y", "yes", "s", "si", "sí"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The entries of which no alternative is installed.
fn missing<'a>(wanted: &[&'a str], installed: &HashSet<String>) -> Vec<&'a str> {
    wanted.iter().copied().filter(|entry| !entry.split('|').any(|name| installed.contains(name))).collect()
}

fn installed() -> anyhow::Result<HashSet<String>> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status} ${Package}\n"]);
    let answer =
        tool::output_of(query, Duration::from_secs(60)).context("cannot ask which packages are installed")?;
    Ok(answer.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect())
}

/// The first alternative that this release has.
fn available(entry: &str) -> &str {
    let exists = |name: &&str| {
        let mut query = Command::new("apt-cache");
        query.args(["show", "--no-all-versions", name]);
        tool::output_of(query, Duration::from_secs(60)).is_ok()
    };
    let first = entry.split('|').next().unwrap_or(entry);
    entry.split('|').find(exists).unwrap_or(first)
}

fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = tool::as_root("env");
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
    tool::visibly(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternative_that_is_installed_is_enough() {
        let installed = HashSet::from(["clang".to_owned(), "dbus".to_owned()]);
        assert_eq!(missing(&["clang-19|clang", "dbus", "polkitd"], &installed), ["polkitd"]);
    }
}
