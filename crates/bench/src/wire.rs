//! Two network namespaces of this program's own, joined by a wire: what a watcher sees there is the traffic of the bench alone.

use std::{fs::File, os::fd::AsRawFd as _, panic, process::Command, thread};

use anyhow::{Context as _, bail};
use nix::sched::{CloneFlags, setns, unshare};

/// The end of the wire where programs are watched.
pub(crate) const DEVICE: &str = "bench0";
const OTHER_DEVICE: &str = "bench1";
const ADDRESS: &str = "10.9.7.1";
/// Where the other end answers.
pub(crate) const OTHER_ADDRESS: &str = "10.9.7.2";

/// The namespaces have no names: descriptors hold them, so nothing of them is left when this program ends, however it ends.
pub(crate) struct Wire {
    here: File,
    there: File,
}

impl Wire {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let wire = Self { here: namespace()?, there: namespace()? };
        // iproute2 opens a name with a slash as a file.
        let there = format!("/proc/{}/fd/{}", std::process::id(), wire.there.as_raw_fd());
        wire.here(|| {
            ip(&format!("link add {DEVICE} type veth peer name {OTHER_DEVICE} netns {there}"))?;
            set_up(DEVICE, ADDRESS)?;
            // Each closed connection keeps its port for a minute.
            std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535")
                .context("cannot allow more ports in a network namespace of our own")
        })?;
        wire.there(|| set_up(OTHER_DEVICE, OTHER_ADDRESS))?;
        Ok(wire)
    }

    /// Runs `work` on a thread at the watched end. What it starts is there as well.
    pub(crate) fn here<T: Send>(&self, work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        inside(&self.here, work)
    }

    /// The same at the other end.
    pub(crate) fn there<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        inside(&self.there, work)
    }
}

fn inside<T: Send>(namespace: &File, work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    let enter =
        || setns(namespace, CloneFlags::CLONE_NEWNET).context("cannot enter a network namespace of our own");
    thread::scope(|scope| scope.spawn(move || enter().and_then(|()| work())).join())
        .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// A new network namespace, held by the descriptor.
fn namespace() -> anyhow::Result<File> {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace; run this as root")?;
        File::open("/proc/thread-self/ns/net").context("cannot open the network namespace that was made")
    };
    thread::spawn(make).join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

fn set_up(device: &str, address: &str) -> anyhow::Result<()> {
    ip("link set lo up")?;
    ip(&format!("link set {device} up"))?;
    ip(&format!("address add {address}/24 dev {device}"))
}

fn ip(words: &str) -> anyhow::Result<()> {
    let output = Command::new("ip").args(words.split(' ')).output().context("ip could not be started")?;
    if !output.status.success() {
        bail!("`ip {words}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
