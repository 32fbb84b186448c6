use std::os::fd::OwnedFd;

use rustix::fs::{OFlags, fcntl_getfl};

use super::file::FileKey;
use crate::{
    clock::Now,
    monitor::{has_lease, take_lease},
};

/// A file that was executed, open until its content has been read.
#[derive(Debug)]
pub(super) struct ExecutedFile {
    pub(super) descriptor: OwnedFd,
    kept: Option<Kept>,
}

/// A moment from which on nobody has written to a file, and its key at that time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) since: Now,
    pub(super) key: FileKey,
}

impl ExecutedFile {
    /// A file that may be written to until it has been read.
    pub(super) fn open(descriptor: OwnedFd) -> Self {
        Self { descriptor, kept: None }
    }

    /// A file that nobody writes to until it has been read, where the kernel grants that.
    pub(super) fn keep(descriptor: OwnedFd) -> Self {
        let kept = take_lease(&descriptor)
            .then(Now::read)
            .and_then(|since| Some(Kept { since, key: FileKey::of(&descriptor).ok()? }));
        Self { descriptor, kept }
    }

    /// Whether it is only held in its place, see [`super::served`].
    pub(super) fn is_served(&self) -> bool {
        fcntl_getfl(&self.descriptor).is_ok_and(|flags| flags.contains(OFlags::PATH))
    }

    /// In bytes; 0 when it cannot be told.
    pub(super) fn size(&self) -> u64 {
        FileKey::of(&self.descriptor).map_or(0, |key| key.size)
    }

    /// `None` when somebody has opened it for writing since, or may have.
    pub(super) fn kept(&self) -> Option<Kept> {
        self.kept.filter(|_| has_lease(&self.descriptor))
    }
}
