//! Hashing, on a thread of its own.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use portolan_core::{Sha256Digest, Unattributed, UnixMillis};
use sha2::{Digest, Sha256};

use super::{file::FileKey, images::unreadable};
use crate::clock::Now;

/// Files that may wait; the others stay with their processes until there is room.
const QUEUE: usize = 256;
const CHUNK: usize = 128 * 1024;

/// A hashed file, or why not.
#[derive(Debug)]
pub struct Hashed {
    pub(super) key: FileKey,
    pub(super) result: Result<(Sha256Digest, FileKey), Unattributed>,
    /// When it began to be read.
    pub(super) begun: UnixMillis,
    /// When it had been read.
    pub(super) ended: Now,
}

struct Job {
    key: FileKey,
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
        key: FileKey,
        descriptor: Arc<OwnedFd>,
        is_served: bool,
    ) -> Result<(), Arc<OwnedFd>> {
        let lane = if is_served { &self.served } else { &self.near };
        let Some(jobs) = &lane.jobs else { return Err(descriptor) };
        jobs.try_send(Job { key, descriptor }).map_err(|error| match error {
            mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job) => job.descriptor,
        })
    }
}

impl Lane {
    fn start(name: &str, done: impl Fn(Hashed) + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            for job in queue {
                let begun = Now::read().wall;
                let result = hash(&job.descriptor).map_err(|error| unreadable(&error));
                done(Hashed { key: job.key, result, begun, ended: Now::read() });
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

/// The hash of the whole content, and the file's key after the last byte.
fn hash(descriptor: &impl AsFd) -> io::Result<(Sha256Digest, FileKey)> {
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
    }
    Ok((Sha256Digest(hasher.finalize().into()), FileKey::of(descriptor)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_the_hash_that_everybody_computes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let (digest, after) = hash(&file).unwrap();
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(after, FileKey::of(&file).unwrap());
    }

    #[test]
    fn every_job_is_answered() {
        let (send, receive) = mpsc::channel();
        let hasher = Hasher::start(move |hashed| send.send(hashed).unwrap()).unwrap();
        for _ in 0..20 {
            let descriptor = Arc::new(OwnedFd::from(tempfile::tempfile().unwrap()));
            let key = FileKey::of(&descriptor).unwrap();
            hasher.submit(key, descriptor, false).unwrap();
        }
        drop(hasher);
        assert_eq!(receive.iter().filter(|hashed| hashed.result.is_ok()).count(), 20);
    }
}
