use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{Error, bus, ebpf};

/// What a test may need of the machine. `#[ignore = "needs …"]` names them, and `cargo xtask test` reads them there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// The test runs as root.
    Root,
    /// The kernel describes its types (BTF) and lets root load programs.
    Ebpf,
    /// A [`crate::PrivateBus`] can be started.
    PrivateBus,
    /// Network namespaces can be made, joined and watched.
    Namespaces,
    /// A [`crate::Desktop`] can be started.
    Desktop,
}

impl Capability {
    /// All of them, each after those that it includes.
    pub const ALL: [Self; 5] = [Self::Root, Self::Ebpf, Self::PrivateBus, Self::Namespaces, Self::Desktop];

    /// Its words after "needs" in `#[ignore = "needs …"]`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Ebpf => "eBPF",
            Self::PrivateBus => "a private bus",
            Self::Namespaces => "namespaces",
            Self::Desktop => "a desktop",
        }
    }

    /// Why this machine does not have it, as a sentence; `None` when it has. All but [`Capability::Root`] are judged as root
    /// would find them, as far as that can be known.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Root => (!geteuid().is_root()).then(|| "this process is not root".to_owned()),
            Self::Ebpf => ebpf::missing(),
            Self::PrivateBus => first_missing(&["dbus-daemon", "unshare", "mount", "sh"])
                .or_else(|| bus::polkitd_path().is_none().then(|| "polkitd is not installed".to_owned())),
            Self::Namespaces => namespaces_missing(),
            Self::Desktop => Self::PrivateBus.missing().or_else(|| {
                first_missing(&["Xvfb", "openbox", "xfce4-panel", "xfconf-query", "xdotool", "scrot"])
            }),
        }
    }

    /// Checks that a test bed which needs this can be put up by this process.
    ///
    /// # Errors
    /// [`Error::Missing`] with the reason.
    pub fn check(self) -> Result<(), Error> {
        match Self::Root.missing().or_else(|| self.missing()) {
            None => Ok(()),
            Some(reason) => Err(Error::Missing(format!("{} cannot be had here: {reason}", self.words()))),
        }
    }
}

/// Only the programs: whether the kernel has veth and nftables is known when one tries.
fn namespaces_missing() -> Option<String> {
    let has_them = Path::new("/proc/self/ns/net").exists();
    (!has_them)
        .then(|| "the kernel has no network namespaces".to_owned())
        .or_else(|| first_missing(&["ip", "nft"]))
}

fn first_missing(programs: &[&str]) -> Option<String> {
    programs.iter().find(|name| find_program(name).is_none()).map(|name| format!("{name} is not installed"))
}

/// Where the program `name` is: in `PATH`, or in the folders for root's programs, which a user's `PATH` lacks.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|candidate| fs::metadata(candidate).is_ok_and(|meta| meta.is_file()))
}
