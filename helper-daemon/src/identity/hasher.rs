//! Hashing, on a thread of its own.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use portolan_core::{Sha256Digest, Unattributed};
use sha2::{Digest, Sha256};

use super::{
    executed_file::{ExecutedFile, KEPT_BYTES, Kept},
    file::FileKey,
    image::Reading,
    images::unreadable,
    served,
};
use crate::{clock::Now, resources};

/// Files that may wait; the others stay with their processes until there is room.
const QUEUE: usize = 256;
const CHUNK: usize = 128 * 1024;
/// What is hashed in some milliseconds.
const SMALL_BYTES: u64 = 4 << 20;

/// A hashed file, or why not.
#[derive(Debug)]
pub struct Hashed {
    /// Of which image.
    pub(super) image: u64,
    pub(super) result: Result<Reading, Unattributed>,
}

pub(super) struct Job {
    pub(super) image: u64,
    pub(super) file: Arc<ExecutedFile>,
    /// Since when it waits.
    pub(super) since: Instant,
}

/// The threads that hash. They end when this is dropped, whatever they have at hand; those that wait for a server are not waited for.
pub struct Hasher {
    small: Lane,
    /// One of these takes longer than hundreds of the small ones, which do not wait for it.
    large: Lane,
    /// What is too large to be kept from being written to: nobody who waits to write to another file waits for one of these.
    huge: Lane,
    /// For files behind a server, which may never answer: see [`served`].
    served: mpsc::SyncSender<served::Event>,
}

struct Lane {
    jobs: Option<mpsc::SyncSender<Job>>,
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hasher {
    /// Starts the threads. `done` is called on them after each file.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(done: impl Fn(Hashed) + Clone + Send + 'static) -> io::Result<Self> {
        let (served, events) = mpsc::sync_channel(QUEUE);
        let tell = served.clone();
        let small = Lane::start("hasher", resources::go_first, done.clone())?;
        let large = Lane::start("hasher-large", resources::go_along, done.clone())?;
        let huge = Lane::start("hasher-huge", resources::go_along, done.clone())?;
        thread::Builder::new().name("served-files".to_owned()).spawn(move || {
            resources::go_along();
            served::hash_each(&events, &tell, done);
        })?;
        Ok(Self { small, large, huge, served })
    }

    /// Queues a file; gives it back when the queue is full.
    pub(super) fn submit(&self, image: u64, file: Arc<ExecutedFile>) -> Result<(), Arc<ExecutedFile>> {
        let job = |file| Job { image, file, since: Instant::now() };
        if file.is_served {
            return self.served.try_send(served::Event::Read(job(Arc::clone(&file)))).map_err(|_| file);
        }
        let jobs = match file.size() {
            size if size <= SMALL_BYTES => self.small.jobs.as_ref(),
            size if size <= KEPT_BYTES => self.large.jobs.as_ref(),
            _ => self.huge.jobs.as_ref(),
        };
        let Some(jobs) = jobs else { return Err(file) };
        jobs.try_send(job(file)).map_err(|error| match error {
            mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job) => job.file,
        })
    }
}

impl Lane {
    fn start(name: &str, begin: fn(), done: impl Fn(Hashed) + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let is_ending = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&is_ending);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            begin();
            for job in queue {
                let result = read_unless(&ending, &job.file).map_err(|error| unreadable(&error));
                done(Hashed { image: job.image, result });
            }
        })?;
        Ok(Self { jobs: Some(jobs), is_ending, thread: Some(thread) })
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        // It may have ended with a panic.
        let _ = self.served.send(served::Event::End);
        for lane in [&mut self.small, &mut self.large, &mut self.huge] {
            lane.is_ending.store(true, Ordering::Relaxed);
            lane.jobs = None;
            if lane.thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a hashing thread ended with a panic");
            }
        }
    }
}

/// The hash of an open file, and the key of that content; no key where somebody may write another content without changing it. Gives
/// up when it is told to, or when the file changes meanwhile.
pub(crate) fn content_of(ending: &AtomicBool, file: OwnedFd) -> io::Result<(Sha256Digest, Option<FileKey>)> {
    let file = ExecutedFile::open(file);
    let is_unwritten = file.nobody_writes();
    let reading = read_unless(ending, &file)?;
    if reading.before == reading.after {
        Ok((reading.digest, is_unwritten.then_some(reading.after)))
    } else {
        Err(io::ErrorKind::Interrupted.into())
    }
}

/// Reads the whole content.
pub(super) fn read(file: &ExecutedFile) -> io::Result<Reading> {
    read_unless(&AtomicBool::new(false), file)
}

/// The same, and gives up when it is told to, or when the file becomes longer while it is read.
fn read_unless(ending: &AtomicBool, file: &ExecutedFile) -> io::Result<Reading> {
    let descriptor = &file.descriptor;
    let (begun, before) = (Now::read(), file.key()?);
    let (mut unchanged_since, mut after) = (Now::read(), before);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; chunk_of(before.size)];
    let (mut offset, mut is_app_image) = (0, false);
    loop {
        // pread: the descriptor may be shared, its offset is nobody's.
        let length = match rustix::io::pread(descriptor, &mut buffer[..], offset) {
            Ok(0) => break,
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        hasher.update(&buffer[..length]);
        if offset == 0 {
            is_app_image = begins_like_app_image(&buffer[..length]);
        }
        offset = offset.saturating_add(u64::try_from(length).map_err(io::Error::other)?);
        let key = file.key()?;
        if key != after {
            (unchanged_since, after) = (Now::read(), key);
        }
        if ending.load(Ordering::Relaxed) || offset > before.size {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
    let digest = Sha256Digest(hasher.finalize().into());
    Ok(match file.kept() {
        Some(Kept { since, key }) => Reading {
            digest,
            is_app_image,
            before: key,
            begun: since,
            after: key,
            unchanged_since: since,
            ended: since,
        },
        None => Reading { digest, is_app_image, before, begun, after, unchanged_since, ended: Now::read() },
    })
}

/// How much of a file of this size is read at once: one byte more than all of it, which shows that it has not grown.
fn chunk_of(bytes: u64) -> usize {
    usize::try_from(bytes.saturating_add(1)).map_or(CHUNK, |bytes| bytes.min(CHUNK))
}

/// An ELF file with the letters AI and the number of a type in the padding of its identification (AppImage specification).
fn begins_like_app_image(content: &[u8]) -> bool {
    content.starts_with(b"\x7fELF") && matches!(content.get(8..11), Some(b"AI\x01" | b"AI\x02"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_the_hash_that_everybody_computes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let key = FileKey::of(&file).unwrap();
        let reading = read(&ExecutedFile::open(file.into())).unwrap();
        assert_eq!(
            reading.digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((reading.before, reading.after), (key, key));
        assert!(reading.begun.monotonic < reading.ended.monotonic);
    }

    #[test]
    fn what_nobody_could_write_to_is_as_if_read_at_once() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let mut file = ExecutedFile::open(std::fs::File::open(&path).unwrap().into());
        file.keep();
        let kept = file.kept().unwrap();
        std::fs::remove_file(&path).unwrap();
        let reading = read(&file).unwrap();
        assert_eq!((reading.after, reading.ended.monotonic), (kept.key, kept.since.monotonic));
    }

    #[test]
    fn what_is_given_back_may_be_written_to() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let mut file = ExecutedFile::open(std::fs::File::open(&path).unwrap().into());
        file.keep();
        assert!(file.kept().is_some());
        file.give_back();
        assert!(file.kept().is_none());
        std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    }

    #[test]
    fn the_end_does_not_wait_for_a_file_that_takes_hours() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 42).unwrap();
        let (send, receive) = mpsc::channel();
        let hasher = Hasher::start(move |hashed| send.send(hashed).unwrap()).unwrap();
        for image in 0..3 {
            let file = ExecutedFile::open(file.try_clone().unwrap().into());
            hasher.submit(image, Arc::new(file)).unwrap();
        }
        let begun = Instant::now();
        drop(hasher);
        assert!(begun.elapsed().as_secs() < 5);
        assert!(receive.iter().all(|hashed| hashed.result.is_err()));
    }

    #[test]
    fn every_job_is_answered() {
        let (send, receive) = mpsc::channel();
        let hasher = Hasher::start(move |hashed| send.send(hashed).unwrap()).unwrap();
        for image in 0..20 {
            let file = ExecutedFile::open(tempfile::tempfile().unwrap().into());
            hasher.submit(image, Arc::new(file)).unwrap();
        }
        assert_eq!(receive.iter().take(20).filter(|hashed| hashed.result.is_ok()).count(), 20);
        drop(hasher);
    }
}
