use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use super::Entry;

/// A file that is smaller is never written anew.
const SMALL: u64 = 1 << 20;
/// Beyond this, nothing more is noted: the history has not taken anything for too long.
const LARGEST: u64 = 256 << 20;

/// The file, open for appending.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// `None` while it cannot be written.
    file: Option<File>,
    buffer: Vec<u8>,
    bytes: u64,
    bytes_anew: u64,
    problem: Option<String>,
}

impl Journal {
    /// The file as another daemon left it, and all its whole entries; more can be added to them. Without a file, one is made
    /// by [`Self::write_anew`].
    #[must_use]
    pub fn open(path: PathBuf) -> (Self, Vec<Entry>) {
        let mut journal =
            Self { path, file: None, buffer: Vec::new(), bytes: 0, bytes_anew: 0, problem: None };
        match journal.read() {
            Ok(entries) => (journal, entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (journal, Vec::new()),
            Err(error) => {
                tracing::error!("cannot read {}, what it notes is lost: {error}", journal.path.display());
                (journal, Vec::new())
            }
        }
    }

    fn read(&mut self) -> io::Result<Vec<Entry>> {
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut rest = bytes.as_slice();
        let mut entries = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(io::Error::other)?;
            let Some((entry, after)) = after.split_at_checked(length) else { break };
            let Ok(entry) = postcard::from_bytes(entry) else { break };
            entries.push(entry);
            rest = after;
        }
        // What a killed daemon wrote last may be cut off.
        self.bytes = u64::try_from(bytes.len() - rest.len()).map_err(io::Error::other)?;
        file.set_len(self.bytes)?;
        file.seek(io::SeekFrom::Start(self.bytes))?;
        self.file = Some(file);
        Ok(entries)
    }

    /// Why nothing is noted; `None` when it is.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Notes an entry, on the file after [`Self::flush`].
    pub fn note(&mut self, entry: &Entry) {
        if self.file.is_some()
            && let Err(error) = append(&mut self.buffer, entry)
        {
            self.give_up(&error);
        }
    }

    /// Writes what was noted. After a failure the file is removed, for half a journal would count twice.
    pub fn flush(&mut self) {
        let Some(file) = &mut self.file else { return };
        if self.buffer.is_empty() {
            return;
        }
        let bytes = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        let written = if self.bytes > LARGEST {
            Err(io::Error::other("the history has not taken anything for too long"))
        } else {
            file.write_all(&self.buffer)
        };
        if self.buffer.capacity() > 64 * 1024 {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        if let Err(error) = written {
            self.give_up(&error);
        }
    }

    /// Whether the file is so long that it should be written anew.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.file.is_none() || self.bytes > SMALL.max(self.bytes_anew.saturating_mul(2))
    }

    /// Replaces the file by these entries, which are what it amounts to when `is_same`: then it goes on to grow where there is
    /// no room for a second one.
    pub fn write_anew(&mut self, entries: impl Iterator<Item = Entry>, is_same: bool) {
        self.flush();
        let mut buffer = Vec::new();
        let next = self.path.with_extension("next");
        let write = || -> io::Result<File> {
            for entry in entries {
                append(&mut buffer, &entry)?;
            }
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
            file.write_all(&buffer)?;
            fs::rename(&next, &self.path)?;
            Ok(file)
        };
        match write() {
            Ok(file) => {
                self.bytes_anew = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
                self.bytes = self.bytes_anew;
                self.file = Some(file);
                self.problem = None;
            }
            Err(error) if is_same && self.file.is_some() => {
                tracing::warn!("the journal cannot be shortened: {error}");
                // It is of no use, and of no harm.
                drop(fs::remove_file(&next));
            }
            Err(error) => self.give_up(&error),
        }
    }

    /// Forgets everything: it is all in the history.
    pub fn remove(self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("cannot remove {}: {error}", self.path.display());
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        let problem = format!("cannot write {}: {error}", self.path.display());
        if self.problem.is_none() {
            tracing::error!(
                "{problem}; what is not in the history yet would be lost if this daemon were killed"
            );
        }
        self.problem = Some(problem);
        self.file = None;
        self.buffer = Vec::new();
        for path in [self.path.clone(), self.path.with_extension("next")] {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::error!("cannot remove {}: {error}", path.display());
            }
        }
    }
}

/// An entry with its length before it.
fn append(buffer: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    let bytes = postcard::to_stdvec(entry).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use portolan_core::{MonotonicNs, Pid, ProcessKey};

    use super::*;
    use crate::clock::Moment;

    fn ended(pid: u32) -> Entry {
        let key = ProcessKey { pid: Pid(pid), started: MonotonicNs(1), exec_generation: 0 };
        Entry::Ended(key, Moment { at: MonotonicNs(2), stamp: MonotonicNs(1) })
    }

    #[test]
    fn whatever_is_cut_off_at_the_end_costs_the_last_entry_only_and_more_can_be_added() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, none) = Journal::open(path.clone());
        assert_eq!(none, []);
        journal.note(&ended(9));
        journal.write_anew([ended(1), ended(2)].into_iter(), false);
        journal.note(&ended(3));
        journal.flush();
        let whole = fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, entries) = Journal::open(path.clone());
            let count = entries.len();
            assert_eq!(entries, [ended(1), ended(2), ended(3)][..count], "{length} of {}", whole.len());
            assert!(length < whole.len() || count == 3);
            journal.note(&ended(4));
            journal.flush();
            assert_eq!(Journal::open(path.clone()).1.get(count), Some(&ended(4)));
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_removed_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("journal");
        let (mut journal, _) = Journal::open(path);
        journal.write_anew([ended(1)].into_iter(), false);
        assert!(journal.problem().unwrap().contains("missing"));
        fs::create_dir(dir.path().join("missing")).unwrap();
        journal.write_anew([ended(1)].into_iter(), false);
        assert_eq!(journal.problem(), None);
    }
}
