use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::event::{EventfdFlags, eventfd};

/// Ends another thread's wait.
#[derive(Debug, Clone)]
pub(super) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    pub(super) fn wake(&self) {
        // Full means that a wake is waiting already.
        if let Err(error) = rustix::io::write(&self.0, &1_u64.to_ne_bytes())
            && error != rustix::io::Errno::AGAIN
        {
            tracing::error!("the recorder cannot be woken: {error}");
        }
    }

    /// Forgets the wakes so far.
    pub(super) fn reset(&self) {
        let mut count = [0; 8];
        // Empty means that nobody called.
        if let Err(error) = rustix::io::read(&self.0, &mut count)
            && error != rustix::io::Errno::AGAIN
        {
            tracing::error!("the recorder's wake-ups cannot be read: {error}");
        }
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
