//! A database's bytes in memory, of which only those count that were looked at lately.

use std::{fs::File, io, path::Path, sync::Arc};

use memmap2::{Mmap, UncheckedAdvice};

/// More is no database for one machine; the largest that are given away have 150 MB.
const LARGEST: u64 = 1 << 30;

/// A file of our own without a name, mapped.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(Arc<Mmap>);

impl Bytes {
    /// Copies a file into a nameless one in `own_dir`, and maps that: a file that others can shorten would end this process when
    /// it is looked at behind its new end (SIGBUS).
    pub(crate) fn copy_of(file: &File, own_dir: &Path) -> io::Result<Self> {
        let mut own = tempfile::tempfile_in(own_dir)?;
        let size = io::copy(&mut io::Read::take(file, LARGEST + 1), &mut own)?;
        if size > LARGEST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 GiB"));
        }
        Self::map(&own)
    }

    #[allow(unsafe_code)]
    fn map(own: &File) -> io::Result<Self> {
        // SAFETY: the file has no name, its descriptor is given to nobody, and it is not written to any more.
        unsafe { Mmap::map(own) }.map(|map| Self(Arc::new(map)))
    }

    /// Gives the pages back that were looked at; they are read again when needed.
    #[allow(unsafe_code)]
    pub(crate) fn rest(&self) {
        // SAFETY: the pages are those of a file that does not change, so what is read again is the same.
        // Failing means that the memory is used a little longer.
        let _ = unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) };
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
