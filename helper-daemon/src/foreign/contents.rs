//! The contents of mapped files, each read once.

use std::{
    collections::HashMap,
    io,
    os::fd::AsFd,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use md5::Md5;
use portolan_core::Sha256Digest;
use sha2::{Digest, Sha256};

use crate::{clock::Now, identity::FileKey, monitor::stat_as_known};

/// Contents that are remembered; all are forgotten, and read again, when there are more.
const CONTENTS_MAX: usize = 16_384;
/// The largest library that is read: who maps a larger one is told without its hash.
pub(super) const FILE_MAX: u64 = 1 << 30;
const CHUNK: usize = 128 * 1024;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) sha256: Sha256Digest,
    /// For dpkg, which knows no other. Of the same reading.
    pub(super) md5: [u8; 16],
    /// Whether it is a library or a program (ELF or PE), and not just bytes.
    pub(super) is_code: bool,
}

/// What was read, shared with the thread that looks at processes.
#[derive(Debug, Default)]
pub(super) struct Contents {
    lasting: Mutex<HashMap<FileKey, Content>>,
    /// Of files that may change without a trace: for this process only.
    passing: Mutex<HashMap<FileKey, Option<Content>>>,
}

impl Contents {
    /// `Some(None)` for what could not be read.
    pub(super) fn known(&self, key: &FileKey) -> Option<Option<Content>> {
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        lasting.get(key).map(|content| Some(*content)).or_else(|| passing.get(key).copied())
    }

    /// Begins with another process.
    pub(super) fn forget_passing(&self) {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads an open file. `may_last`: no change of it goes without a trace. `allowance` is how many bytes may still be read for
    /// this process.
    pub(super) fn read(
        &self,
        file: impl AsFd,
        key: FileKey,
        may_last: bool,
        allowance: &mut u64,
        ending: &AtomicBool,
    ) {
        let begun = Now::read();
        let content = if key.size > (*allowance).min(FILE_MAX) {
            None
        } else {
            *allowance -= key.size;
            read(&file, key.size, ending)
                .inspect_err(|error| tracing::debug!("a mapped file could not be read: {error}"))
                .ok()
        };
        let after = stat_as_known(&file).map(|stat| FileKey::from_stat(&stat));
        let is_certain = may_last && after == Ok(key) && key.would_show_changes(begun);
        if let Some(content) = content.filter(|_| is_certain) {
            let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
            if lasting.len() >= CONTENTS_MAX {
                lasting.clear();
            }
            lasting.insert(key, content);
        } else {
            self.passing.lock().unwrap_or_else(PoisonError::into_inner).insert(key, content);
        }
    }
}

fn read(file: &impl AsFd, size: u64, ending: &AtomicBool) -> io::Result<Content> {
    let (mut sha256, mut md5, mut is_code) = (Sha256::new(), Md5::new(), false);
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let length = match rustix::io::pread(file, &mut buffer[..], offset) {
            Ok(0) => break,
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let chunk = buffer.get(..length).unwrap_or_default();
        if offset == 0 {
            is_code = chunk.starts_with(b"\x7fELF") || chunk.starts_with(b"MZ");
        }
        sha256.update(chunk);
        md5.update(chunk);
        offset += u64::try_from(length).map_err(io::Error::other)?;
        if ending.load(Ordering::Relaxed) || offset > size {
            return Err(io::ErrorKind::Interrupted.into()); // it grows while it is read
        }
    }
    Ok(Content { sha256: Sha256Digest(sha256.finalize().into()), md5: md5.finalize().into(), is_code })
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::AsFd};

    use super::*;

    fn key(file: impl AsFd) -> FileKey {
        FileKey::from_stat(&stat_as_known(file).unwrap())
    }

    #[test]
    fn both_digests_are_of_the_same_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let contents = Contents::default();
        contents.read(&file, key(&file), false, &mut 100, &AtomicBool::default());
        let content = contents.known(&key(&file)).unwrap().unwrap();
        assert!(content.sha256.to_string().starts_with("ba7816bf8f01cfea"));
        assert_eq!(content.md5[..4], [0x90, 0x01, 0x50, 0x98]);
        assert!(!content.is_code);
        contents.forget_passing();
        assert_eq!(contents.known(&key(&file)), None, "a change would not show");
    }

    #[test]
    fn nobody_has_more_read_than_is_allowed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 42).unwrap();
        let contents = Contents::default();
        let mut allowance = 1 << 20;
        contents.read(&file, key(&file), true, &mut allowance, &AtomicBool::default());
        assert_eq!((contents.known(&key(&file)), allowance), (Some(None), 1 << 20));
    }
}
