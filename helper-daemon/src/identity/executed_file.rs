use std::{fs::File, io, os::fd::OwnedFd};

use portolan_bpf::FileId;
use portolan_core::Pid;
use rustix::fs::{OFlags, fcntl_getfl};

use super::file::FileKey;
use crate::{
    clock::Now,
    monitor::{Layers, give_lease_back, has_lease, mount_id_of, private_to, take_lease},
};

/// Who writes to a larger file does not wait: this one is hashed in some 40 ms.
pub(super) const KEPT_BYTES: u64 = 64 << 20;

/// A file that was executed, open until its content has been read.
#[derive(Debug)]
pub(super) struct ExecutedFile {
    pub(super) descriptor: OwnedFd,
    /// Whether it is only held in its place, see [`super::served`].
    pub(super) is_served: bool,
    kept: Option<Kept>,
    /// What is mounted where it was executed, of one that not even root may look at.
    mounts: Option<File>,
    /// To be asked for the stamps of its content, where nothing else shows them.
    layers: Option<Layers>,
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
        let is_served = fcntl_getfl(&descriptor).is_ok_and(|flags| flags.contains(OFlags::PATH));
        Self { descriptor, is_served, kept: None, mounts: None, layers: None }
    }

    /// The same of one that a process runs, which sees its mount if anybody does.
    pub(super) fn run_by(pid: Pid, descriptor: OwnedFd) -> Self {
        let file = Self::open(descriptor);
        let is_refused = || {
            FileKey::of(&file.descriptor).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        };
        let mounts = || File::open(format!("/proc/{}/mountinfo", pid.0)).ok();
        Self { mounts: (file.is_served && is_refused()).then(mounts).flatten(), ..file }
    }

    /// The user and group who alone may read it; `None` where root may, too, and when it is not known. Reads the whole list of
    /// mounts, once.
    pub(super) fn private_to(&self) -> Option<(u32, u32)> {
        // The number is not given away again while the file is held.
        let mount = mount_id_of(&self.descriptor)?;
        private_to(&mut self.mounts.as_ref()?.try_clone().ok()?, mount).ok()?
    }

    /// Its key, to which its content belongs.
    ///
    /// # Errors
    /// When nobody tells.
    pub(super) fn key(&self) -> io::Result<FileKey> {
        let key = FileKey::of(&self.descriptor)?;
        let Some(layers) = &self.layers else { return Ok(key) };
        let FileId { changed, size, .. } = layers.behind(&self.descriptor)?;
        Ok(FileKey { changed, size, ..key })
    }

    /// Whether only the layer with its content has the stamps that it was executed with; then its key is with those.
    pub(super) fn is_known_by_layer(
        &mut self,
        key: FileKey,
        executed: &FileId,
        layers: &Layers,
    ) -> Option<FileKey> {
        if !executed.is_overlaid
            || self.is_served
            || key.is_unchanged_since(executed)
            || !key.is_file(executed)
        {
            return None;
        }
        self.layers = Some(layers.clone());
        let found = self.key().ok().filter(|key| key.is_unchanged_since(executed));
        if found.is_none() {
            self.layers = None;
        }
        found
    }

    /// Keeps it from being written to until it has been read or is given back, where the kernel grants that.
    pub(super) fn keep(&mut self) {
        if !self.is_served && self.size() <= KEPT_BYTES && take_lease(&self.descriptor) {
            let since = Now::read();
            self.kept = FileKey::of(&self.descriptor).ok().map(|key| Kept { since, key });
        }
    }

    /// Whether nobody has it open or mapped for writing now, as far as the kernel can tell: who does later changes its key with the
    /// first write. Who did before may write through a mapping and change nothing else.
    pub(super) fn nobody_writes(&self) -> bool {
        let is_free = !self.is_served && (self.kept().is_some() || take_lease(&self.descriptor));
        if self.kept.is_none() {
            give_lease_back(&self.descriptor);
        }
        is_free
    }

    /// Lets others write to it again: nobody is going to read it soon.
    pub(super) fn give_back(&self) {
        if self.kept.is_some() {
            give_lease_back(&self.descriptor);
        }
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
