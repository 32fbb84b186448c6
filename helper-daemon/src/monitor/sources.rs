use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

/// All descriptors that the recorder waits for.
///
/// An epoll of its own, never inside another wait: a list of mounts forgets that it has changed as soon as anybody asks
/// (mounts_poll, fs/proc_namespace.c), and a wait around a wait asks twice.
pub(super) struct Sources(OwnedFd);

/// What is merely there to be read; no namespace has this number.
const READABLE: u64 = 0;
/// Changes that one wait tells of; the next one tells of the others.
const AT_ONCE: usize = 64;

impl Sources {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Ends a wait when it can be read.
    pub(super) fn add(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.0, source, EventData::new_u64(READABLE), EventFlags::IN)?)
    }

    /// Ends a wait when something has come that can be read, and not again for the same.
    pub(super) fn add_edge(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.0, source, EventData::new_u64(READABLE), EventFlags::IN | EventFlags::ET)?)
    }

    /// Ends a wait when the list of mounts of this namespace changes. It is gone from here when it is closed.
    pub(super) fn add_mounts(&self, mounts: impl AsFd, namespace: u32) -> io::Result<()> {
        Ok(epoll::add(&self.0, mounts, EventData::new_u64(namespace.into()), EventFlags::PRI)?)
    }

    /// The mount namespaces in which something was mounted or unmounted.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<Vec<u32>> {
        let ms = timeout.as_nanos().div_ceil(1_000_000).min(1_000_000_000);
        let timeout = Timespec {
            tv_sec: i64::try_from(ms / 1000).unwrap_or(1),
            tv_nsec: i64::try_from(ms % 1000 * 1_000_000).unwrap_or(0),
        };
        let mut events = Vec::with_capacity(AT_ONCE);
        match epoll::wait(&self.0, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let source = |event: &Event| u32::try_from(event.data.u64()).ok();
        Ok(events.iter().filter_map(source).filter(|namespace| *namespace != 0).collect())
    }
}
