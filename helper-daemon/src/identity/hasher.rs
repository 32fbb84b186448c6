//! Hashing, on a thread of its own.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use portolan_core::{Sha256Digest, Unattributed};
use sha2::{Digest, Sha256};

use super::{file::FileKey, image::Reading, images::unreadable};
use crate::clock::Now;

/// Files that may wait; the others stay with their processes until there is room.
const QUEUE: usize = 256;
const CHUNK: usize = 128 * 1024;

/// A hashed file, or why not.
#[derive(Debug)]
pub struct Hashed {
    /// Of which image.
    pub(super) image: u64,
    pub(super) result: Result<Reading, Unattributed>,
}

struct Job {
    image: u64,
    descriptor: Arc<OwnedFd>,
}

/// The threads that hash. They end when this is dropped, after the file at hand.
pub struct Hasher {
    near: Lane,
    /// For files behind a server, which may never answer: they wait for each other only.
    served: Lane,
}

struct Lane {
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Hasher {
    /// Starts the threads. `done` is called on them after each file.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(done: impl Fn(Hashed) + Clone + Send + 'static) -> io::Result<Self> {
        Ok(Self { near: Lane::start("hasher", done.clone())?, served: Lane::start("hasher-served", done)? })
    }

    /// Queues a file; gives the descriptor back when the queue is full.
    pub(super) fn submit(
        &self,
        image: u64,
        descriptor: Arc<OwnedFd>,
        is_served: bool,
    ) -> Result<(), Arc<OwnedFd>> {
        let lane = if is_served { &self.served } else { &self.near };
        let Some(jobs) = &lane.jobs else { return Err(descriptor) };
        jobs.try_send(Job { image, descriptor }).map_err(|error| match error {
            mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job) => job.descriptor,
        })
    }
}

impl Lane {
    fn start(name: &str, done: impl Fn(Hashed) + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            for job in queue {
                let result = read(&job.descriptor).map_err(|error| unreadable(&error));
                done(Hashed { image: job.image, result });
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        // The other one may wait for ever.
        self.served.jobs = None;
        self.near.jobs = None;
        if let Some(thread) = self.near.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the hashing thread ended with a panic");
        }
    }
}

/// Reads the whole content.
fn read(descriptor: &impl AsFd) -> io::Result<Reading> {
    let (begun, before) = (Now::read(), FileKey::of(descriptor)?);
    let (mut unchanged_since, mut after) = (begun, before);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        // pread: the descriptor may be shared, its offset is nobody's.
        let length = match rustix::io::pread(descriptor, &mut buffer[..], offset) {
            Ok(0) => break,
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        hasher.update(&buffer[..length]);
        offset = offset.saturating_add(u64::try_from(length).map_err(io::Error::other)?);
        let asked = Now::read();
        let key = FileKey::of(descriptor)?;
        if key != after {
            (unchanged_since, after) = (asked, key);
        }
    }
    let digest = Sha256Digest(hasher.finalize().into());
    Ok(Reading { digest, before, begun, after, unchanged_since, ended: Now::read() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_the_hash_that_everybody_computes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let reading = read(&file).unwrap();
        assert_eq!(
            reading.digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((reading.before, reading.after), (FileKey::of(&file).unwrap(), reading.before));
        assert!(reading.begun.monotonic < reading.ended.monotonic);
    }

    #[test]
    fn every_job_is_answered() {
        let (send, receive) = mpsc::channel();
        let hasher = Hasher::start(move |hashed| send.send(hashed).unwrap()).unwrap();
        for image in 0..20 {
            let descriptor = Arc::new(OwnedFd::from(tempfile::tempfile().unwrap()));
            hasher.submit(image, descriptor, false).unwrap();
        }
        drop(hasher);
        assert_eq!(receive.iter().filter(|hashed| hashed.result.is_ok()).count(), 20);
    }
}
