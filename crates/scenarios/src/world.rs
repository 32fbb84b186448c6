use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    panic,
    process::Command,
    thread,
};

use anyhow::{Context as _, bail};
use nix::sched::{CloneFlags, setns, unshare};
use portolan_testbed::find_program;

/// The addresses of both ends; the same in every world, because nobody else is in its namespaces.
pub mod address {
    /// The generator's side.
    pub const HOST_V4: &str = "10.9.8.1";
    /// The peer's side.
    pub const PEER_V4: &str = "10.9.8.2";
    /// The generator's side.
    pub const HOST_V6: &str = "fd98::1";
    /// The peer's side.
    pub const PEER_V6: &str = "fd98::2";
}

/// The two ends of the wire.
#[derive(Debug)]
pub struct Device;

impl Device {
    /// The end in the generator's namespace.
    pub const HOST: &'static str = "scen0";
    /// The end in the peer's namespace.
    pub const PEER: &'static str = "scen1";
}

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The network namespace of the generator.
    Host,
    /// The network namespace of the peer.
    Peer,
    /// The network namespace of the machine, for loopback only.
    Machine,
}

/// Two network namespaces joined by a wire (veth). They have no names: descriptors hold them, so nothing of them is left
/// when this process ends, however it ends.
#[derive(Debug)]
pub struct World {
    host: File,
    peer: File,
}

impl World {
    /// Makes the namespaces, the wire, the addresses and the witness's counters. Blocks for about a tenth of a second.
    ///
    /// # Errors
    /// This is not root, or `ip` or `nft` is missing or refuses.
    pub fn new() -> anyhow::Result<Self> {
        let world = Self { host: namespace()?, peer: namespace()? };
        // iproute2 opens a name with a slash as a file.
        let peer = format!("/proc/{}/fd/{}", std::process::id(), world.peer.as_raw_fd());
        world.enter(Place::Host, || {
            ip(&format!("link add {} type veth peer name {} netns {peer}", Device::HOST, Device::PEER))?;
            set_up(Device::HOST, address::HOST_V4, address::HOST_V6)?;
            // Lets everybody open ping sockets.
            std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")
                .context("cannot allow ping sockets in a network namespace of our own")
        })??;
        world.enter(Place::Peer, || set_up(Device::PEER, address::PEER_V4, address::PEER_V6))??;
        for place in [Place::Host, Place::Peer] {
            world.enter(place, allow_fast_open)??;
        }
        world.enter(Place::Peer, || crate::witness::set_up_wire(Device::PEER))??;
        world.enter(Place::Host, crate::witness::set_up_loopback)??;
        Ok(world)
    }

    /// Runs `work` on a thread inside of a namespace. What it starts is inside as well, and a child of this process.
    ///
    /// # Errors
    /// The namespace cannot be entered. A panic of `work` goes on in the caller.
    pub fn enter<T: Send>(&self, place: Place, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let namespace = match place {
            Place::Host => Some(self.host.as_fd()),
            Place::Peer => Some(self.peer.as_fd()),
            Place::Machine => None,
        };
        let enter = |namespace: BorrowedFd<'_>| setns(namespace, CloneFlags::CLONE_NEWNET);
        thread::scope(|scope| scope.spawn(move || namespace.map_or(Ok(()), enter).map(|()| work())).join())
            .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
            .context("cannot enter a network namespace of our own")
    }

    /// The namespace, to hand to a program that is to enter it by itself; `None` for the machine's.
    #[must_use]
    pub fn namespace(&self, place: Place) -> Option<BorrowedFd<'_>> {
        match place {
            Place::Host => Some(self.host.as_fd()),
            Place::Peer => Some(self.peer.as_fd()),
            Place::Machine => None,
        }
    }
}

/// A new network namespace, held by the descriptor.
fn namespace() -> anyhow::Result<File> {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace; run this as root")?;
        File::open("/proc/thread-self/ns/net").context("cannot open the network namespace that was made")
    };
    thread::spawn(make).join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

fn set_up(device: &str, v4: &str, v6: &str) -> anyhow::Result<()> {
    ip("link set lo up")?;
    ip(&format!("link set {device} up"))?;
    ip(&format!("address add {v4}/24 dev {device}"))?;
    // Without duplicate address detection the address can be used at once.
    ip(&format!("address add {v6}/64 dev {device} nodad"))
}

/// Lets connections carry data in their first packet, without a cookie, to every listener. Nobody does so unasked.
fn allow_fast_open() -> anyhow::Result<()> {
    let all = 0x1 | 0x2 | 0x4 | 0x200 | 0x400;
    std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", format!("{all}"))
        .context("cannot allow TCP Fast Open in a network namespace of our own")
}

/// Runs `ip` with these words. To be called inside a namespace of ours.
pub(crate) fn ip(words: &str) -> anyhow::Result<()> {
    let program = find_program("ip").context("ip is not installed (package iproute2)")?;
    let output = Command::new(program).args(words.split(' ')).output().context("ip could not be started")?;
    if !output.status.success() {
        bail!("`ip {words}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
