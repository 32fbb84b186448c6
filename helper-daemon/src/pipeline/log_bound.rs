//! How long the history's log may become because somebody reads what was there before.
//!
//! Whoever reads keeps the log from being begun anew, and readers that follow each other without a gap do so for ever. So from some
//! length on no question begins, and from twice that on those end that go on: recording never waits, and the disk does not fill.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use portolan_bus::Error;

/// From here on no question begins. Without readers a log is a few megabytes long.
const LONG: u64 = 64 << 20;

/// What the writer says of the log to those who read.
#[derive(Debug)]
pub(super) struct LogBound {
    long: u64,
    bytes: AtomicU64,
    is_too_long: Arc<AtomicBool>,
}

impl Default for LogBound {
    fn default() -> Self {
        Self::of(LONG)
    }
}

impl LogBound {
    pub(super) fn of(long: u64) -> Self {
        Self { long, bytes: AtomicU64::new(0), is_too_long: Arc::default() }
    }

    /// The log has this length; whether it is to be shortened.
    pub(super) fn note(&self, bytes: u64) -> bool {
        self.bytes.store(bytes, Ordering::Release);
        self.is_too_long.store(bytes > 2 * self.long, Ordering::Release);
        self.is_long()
    }

    pub(super) fn is_long(&self) -> bool {
        self.bytes.load(Ordering::Acquire) > self.long
    }

    /// Whether a question may begin now.
    pub(super) fn admit(&self) -> Result<(), Error> {
        if !self.is_long() {
            return Ok(());
        }
        // How long is for those only who may know how much others move.
        let sentence = "The history's log has become too long, because somebody has been reading the history for long. It is shortened \
                        when they have ended; ask again in a minute.";
        Err(Error::LimitExceeded(sentence.to_owned()))
    }

    /// Set while those who read must end; see [`portolan_history::Limits`].
    pub(super) fn is_too_long(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_too_long)
    }
}
