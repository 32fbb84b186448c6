//! What the kernel programs copy of what programs say, so that names can be found in it.

mod bounds;
mod calls;
mod datagrams;
mod programs;
mod streams;

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf, process, process::Command, thread};

use portolan_bpf::{Said, Way};
use portoland::{clock::Now, monitor::Monitor};
use rustix::event::{EventfdFlags, eventfd};

/// A monitor, and a network of its own to talk in.
struct Ear {
    monitor: Option<Monitor>,
    namespace: u32,
}

impl Ear {
    fn new() -> Self {
        let namespace = fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
        let mut ear = Self { monitor: None, namespace: u32::try_from(namespace).unwrap() };
        ear.start();
        ear
    }

    fn start(&mut self) {
        let pins = PathBuf::from(format!("/sys/fs/bpf/portolan-test-said-{}", process::id()));
        let waker = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        self.monitor = Some(Monitor::start(&pins, None, Now::read().monotonic, &waker).unwrap());
    }

    /// What was said in this network since the last call.
    fn heard(&mut self) -> Vec<Said> {
        let mut heard = Vec::new();
        let own = self.namespace;
        let monitor = self.monitor.as_mut().unwrap();
        monitor
            .said(|said| {
                if said.flow.network_namespace == own {
                    heard.push(said);
                }
            })
            .unwrap();
        heard
    }

    /// The same, of one way only: offset and bytes.
    fn heard_as(&mut self, way: Way) -> Vec<(u64, Vec<u8>)> {
        let heard = self.heard().into_iter().filter(|said| said.way == way);
        heard.map(|said| (said.offset, said.bytes)).collect()
    }

    /// As at a tick.
    fn read_cells(&mut self) {
        self.monitor.as_mut().unwrap().sockets(|_| true).unwrap();
    }

    /// What found no room, and what was too often.
    fn lost(&self) -> (u64, u64) {
        let losses = self.monitor.as_ref().unwrap().losses().unwrap();
        (losses.said_without_room, losses.said_too_often)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(monitor) = self.monitor.take() {
            monitor.detach();
        }
    }
}

/// Runs a test in a network namespace that has a loopback and nothing else.
fn listen(test: impl FnOnce(&mut Ear) + Send + 'static) {
    let test = thread::spawn(move || {
        // SAFETY: it changes the network of this thread, and of those that it starts.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        test(&mut Ear::new());
    });
    if let Err(panic) = test.join() {
        std::panic::resume_unwind(panic);
    }
}

/// An Initial packet of QUIC, as far as the kernel programs look at it.
fn initial(number: u8, length: usize) -> Vec<u8> {
    let mut packet = vec![0xc3, 0, 0, 0, 1, 8, number];
    packet.resize(length, number);
    packet
}
