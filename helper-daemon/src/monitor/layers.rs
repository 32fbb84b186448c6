use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::Arc,
};

use portolan_bpf::{FileId, decode_opened};

use super::iterators::read;

/// What holds the content of files in overlays. Its stamps are those of the file that a process sees, unless the upper layer has that
/// one's attributes and no more (metacopy): then only the kernel programs see them.
#[derive(Debug, Clone, Default)]
pub struct Layers(Option<Arc<OwnedFd>>);

impl Layers {
    pub(super) fn new(link: Result<OwnedFd, ()>) -> Self {
        Self(link.ok().map(Arc::new))
    }

    /// A file of an overlay, as it was opened for reading, with the stamps of its content.
    ///
    /// # Errors
    /// Where it is none, and before Linux 6.1.
    pub fn behind(&self, file: &impl AsFd) -> io::Result<FileId> {
        let link = self.0.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let number = u64::try_from(file.as_fd().as_raw_fd()).map_err(io::Error::other)?;
        let opened = decode_opened(&read(link)?);
        let found = opened.into_iter().find(|(descriptor, _)| *descriptor == number);
        found.map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
