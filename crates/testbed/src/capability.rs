use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{Error, NGINX, RESOLVED, bus, ebpf, packaged};

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
    /// Programs in C can be compiled.
    CCompiler,
    /// A debugger can take hold of a process.
    Gdb,
    /// Files can be served by a process.
    Fuse,
    /// An image of btrfs can be made and mounted.
    Btrfs,
    /// Name servers, web servers and their clients are there.
    NameServers,
    /// Packages of Debian can be built and installed, into a folder.
    Dpkg,
    /// Packages of Debian can be installed on this machine.
    Apt,
    /// Programs in Java can be compiled and run.
    Java,
}

impl Capability {
    /// All of them, each after those that it includes.
    pub const ALL: [Self; 13] = [
        Self::Root,
        Self::Ebpf,
        Self::PrivateBus,
        Self::Namespaces,
        Self::Desktop,
        Self::CCompiler,
        Self::Gdb,
        Self::Fuse,
        Self::Btrfs,
        Self::NameServers,
        Self::Dpkg,
        Self::Apt,
        Self::Java,
    ];

    /// Its words after "needs" in `#[ignore = "needs …"]`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Ebpf => "eBPF",
            Self::PrivateBus => "a private bus",
            Self::Namespaces => "namespaces",
            Self::Desktop => "a desktop",
            Self::CCompiler => "a C compiler",
            Self::Gdb => "gdb",
            Self::Fuse => "FUSE",
            Self::Btrfs => "btrfs",
            Self::NameServers => "name servers",
            Self::Dpkg => "dpkg",
            Self::Apt => "apt",
            Self::Java => "java",
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
            Self::CCompiler => first_missing(&["cc"]),
            Self::Gdb => first_missing(&["gdb"]),
            Self::Fuse => device_missing("/dev/fuse"),
            Self::Btrfs => {
                first_missing(&["mkfs.btrfs", "btrfs"]).or_else(|| device_missing("/dev/loop-control"))
            }
            Self::NameServers => first_missing(&[
                "dnsmasq",
                "gtlsserver",
                "gtlsclient",
                "openssl",
                "curl",
                "musl-gcc",
                "cc",
                "setpriv",
            ])
            .or_else(|| unpacked_missing("nginx", NGINX))
            .or_else(|| unpacked_missing("systemd-resolved", RESOLVED)),
            Self::Dpkg => first_missing(&["dpkg", "dpkg-deb"]),
            Self::Apt => {
                Self::Dpkg.missing().or_else(|| first_missing(&["apt-get"])).or_else(database_missing)
            }
            Self::Java => first_missing(&["java", "javac", "jar"]),
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

/// As root of a container or a virtual machine may find it.
fn database_missing() -> Option<String> {
    let database = "/var/lib/dpkg/status";
    let may_write = rustix::fs::access(database, rustix::fs::Access::WRITE_OK);
    may_write.err().map(|why| format!("{database} cannot be changed: {why}"))
}

fn device_missing(path: &str) -> Option<String> {
    (!Path::new(path).exists()).then(|| format!("there is no {path}"))
}

fn unpacked_missing(name: &str, paths: &[&str]) -> Option<String> {
    packaged(paths)
        .is_none()
        .then(|| format!("{name} is neither installed nor unpacked (`cargo xtask test` unpacks it)"))
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
