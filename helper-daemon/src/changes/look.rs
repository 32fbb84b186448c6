//! Looking at what is there now, on threads of its own: disks may be slow.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use portolan_bpf::FileId;
use portolan_core::{Pid, Sha256Digest};
use rustix::fs::{Mode, OFlags};

use super::way::{End, Root, Way, walk};
use crate::{
    identity::{FileKey, content_of},
    monitor::{FileHandle, Place, PlaceKind, is_open_for_writing, stat_as_known},
    resources,
};

/// Looks that may wait; the others are asked for again.
const QUEUE: usize = 256;
/// What is hashed in some milliseconds; larger files have a thread of their own, which the others do not wait for.
const SMALL_BYTES: u64 = 4 << 20;
/// Of a file's capabilities (struct vfs_ns_cap_data).
const CAPABILITIES_MAX: usize = 24;

/// A file to be looked at.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) number: u64,
    pub(super) root: Root,
    pub(super) path: Vec<u8>,
    /// The way that is marked; empty at first.
    pub(super) held: Vec<(FileHandle, PlaceKind)>,
    /// The key of the content that is known.
    pub(super) known: Option<FileKey>,
    /// What was executed, until that has been seen.
    pub(super) executed: Option<(FileId, Pid)>,
    /// Whether it is certain below which root it is.
    pub(super) is_found: bool,
    /// Whether the way has been another one each time, and what is there now is to be seen all the same, unless only the way is of
    /// interest.
    pub(super) is_restless: bool,
    /// Whether only the way is of interest.
    pub(super) is_walk: bool,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) number: u64,
    pub(super) seen: Seen,
    pub(super) took_ns: u64,
}

#[derive(Debug)]
pub(super) enum Seen {
    /// The way is another one than the one that is marked: to be marked, and to be looked at again.
    Way { root: Root, places: Vec<Place>, key: Vec<(FileHandle, PlaceKind)> },
    /// The way is the one that is marked: of a walk.
    SameWay,
    /// A file. Without a hash: the known one, untouched. Without a key: somebody may write to it without leaving a trace.
    File {
        key: Option<FileKey>,
        attributes: Attributes,
        sha256: Option<Sha256Digest>,
        is_being_written: bool,
    },
    /// Nothing.
    Gone,
    /// Something that cannot be read, because.
    Unreadable(String),
    /// Somebody is changing it: to be looked at again.
    Busy,
    /// Nobody can tell: the process whose root it was below has ended, or it is not the file that was executed.
    Lost(String),
}

/// What a file has beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) capabilities: Vec<u8>,
}

impl Attributes {
    /// Whether who executes the file may do more now than before, or somebody else may write to it.
    pub(super) fn give_more_than(&self, before: &Self) -> bool {
        const SETUID: u16 = 0o4000;
        const SETGID: u16 = 0o2000;
        const OTHERS_WRITE: u16 = 0o002;
        let gained = self.mode & !before.mode & (SETUID | SETGID | OTHERS_WRITE) != 0;
        let is_owned_otherwise = (before.uid, before.gid) != (self.uid, self.gid);
        gained || is_owned_otherwise || before.capabilities != self.capabilities
    }
}

/// The threads that look. They end when this is dropped.
pub(super) struct Looker {
    jobs: Option<mpsc::SyncSender<Look>>,
    seen: mpsc::Receiver<Looked>,
    is_ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

struct Large {
    look: Look,
    file: OwnedFd,
    begun: Instant,
}

impl Looker {
    /// `wake` is called after each look.
    pub(super) fn start(wake: impl Fn() + Clone + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Look>(QUEUE);
        let (large, large_queue) = mpsc::sync_channel::<Large>(QUEUE);
        let (send, seen) = mpsc::channel();
        let is_ending = Arc::new(AtomicBool::new(false));
        let done = {
            let send: mpsc::Sender<Looked> = send.clone();
            move |number, seen, begun: Instant| {
                let took_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                // Nobody listens any more at the end of the daemon.
                drop(send.send(Looked { number, seen, took_ns }));
                wake();
            }
        };
        let (ending, done_large) = (Arc::clone(&is_ending), done.clone());
        let small = thread::Builder::new().name("changed-files".to_owned()).spawn(move || {
            resources::go_along();
            for look in queue {
                let begun = Instant::now();
                match look_at(&ending, &look) {
                    Ok(Glance::Seen(seen)) => done(look.number, seen, begun),
                    Ok(Glance::Large(file)) => {
                        if let Err(mpsc::TrySendError::Full(large)) =
                            large.try_send(Large { look, file, begun })
                        {
                            done(large.look.number, Seen::Busy, begun);
                        }
                    }
                    Err(error) => done(look.number, seen_instead(&error), begun),
                }
            }
        })?;
        let ending = Arc::clone(&is_ending);
        let large = thread::Builder::new().name("changed-large".to_owned()).spawn(move || {
            resources::go_along();
            for Large { look, file, begun } in large_queue {
                let seen = read(&ending, file).unwrap_or_else(|error| seen_instead(&error));
                done_large(look.number, seen, begun);
            }
        })?;
        Ok(Self { jobs: Some(jobs), seen, is_ending, threads: vec![small, large] })
    }

    /// `false` when too many wait.
    pub(super) fn look(&self, look: Look) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(look).is_ok())
    }

    /// What was seen since the last call.
    pub(super) fn take(&self) -> Vec<Looked> {
        self.seen.try_iter().collect()
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that looks at changed files ended with a panic");
            }
        }
    }
}

enum Glance {
    Seen(Seen),
    Large(OwnedFd),
}

fn look_at(ending: &AtomicBool, look: &Look) -> io::Result<Glance> {
    let (root, way) = match (&look.executed, look.is_found) {
        (Some((executed, pid)), false) => match find(look, executed, *pid)? {
            Some(found) => found,
            None => {
                let why = "it is not where it was executed: neither on this machine nor in its container";
                return Ok(Glance::Seen(Seen::Lost(why.to_owned())));
            }
        },
        _ => match walk(look.root, &look.path) {
            Ok(way) => (look.root, way),
            Err(error) if look.root != Root::Machine => {
                return Ok(Glance::Seen(Seen::Lost(error.to_string())));
            }
            Err(error) => return Err(error),
        },
    };
    let key = way.key();
    if key != look.held && (look.is_walk || !look.is_restless) {
        return Ok(Glance::Seen(Seen::Way { root, places: way.places, key }));
    }
    if look.is_walk {
        return Ok(Glance::Seen(Seen::SameWay));
    }
    match way.end {
        End::Missing => Ok(Glance::Seen(Seen::Gone)),
        End::Other(why) => Ok(Glance::Seen(Seen::Unreadable(why.to_owned()))),
        End::File => glance(ending, look, &way),
    }
}

/// The very file that was executed, on this machine or below the root of who did.
fn find(look: &Look, executed: &FileId, pid: Pid) -> io::Result<Option<(Root, Way)>> {
    let is_it = |file: &Place| FileKey::of(&file.descriptor).is_ok_and(|key| key.is_file(executed));
    for root in [Root::Machine, Root::Process(pid)] {
        let Ok(way) = walk(root, &look.path) else { continue };
        if way.end == End::File && way.places.last().is_some_and(is_it) {
            return Ok(Some((root, way)));
        }
    }
    Ok(None)
}

fn glance(ending: &AtomicBool, look: &Look, way: &Way) -> io::Result<Glance> {
    let Some(place) = way.places.last() else { return Ok(Glance::Seen(Seen::Gone)) };
    let key = FileKey::of(&place.descriptor)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let link = format!("/proc/self/fd/{}", place.descriptor.as_raw_fd());
    let file = rustix::fs::open(link, flags, Mode::empty())?;
    let is_known = match (&look.known, &look.executed) {
        (Some(known), _) => *known == key,
        (None, Some((executed, _))) => key.is_unchanged_since(executed),
        (None, None) => false,
    };
    if is_known {
        let attributes = attributes_of(&file)?;
        let (key, sha256, is_being_written) = (Some(key), None, false);
        return Ok(Glance::Seen(Seen::File { key, attributes, sha256, is_being_written }));
    }
    if key.size > SMALL_BYTES {
        return Ok(Glance::Large(file));
    }
    read(ending, file).map(Glance::Seen)
}

fn read(ending: &AtomicBool, file: OwnedFd) -> io::Result<Seen> {
    let attributes = attributes_of(&file)?;
    let is_being_written = is_open_for_writing(&file);
    let (sha256, key) = content_of(ending, file)?;
    Ok(Seen::File { key, attributes, sha256: Some(sha256), is_being_written })
}

fn attributes_of(file: &OwnedFd) -> io::Result<Attributes> {
    let stat = stat_as_known(file)?;
    let mut capabilities = [0; CAPABILITIES_MAX];
    let length = rustix::fs::fgetxattr(file, "security.capability", &mut capabilities[..]).unwrap_or(0);
    let capabilities = capabilities.get(..length).unwrap_or(&capabilities).to_vec();
    Ok(Attributes { mode: stat.stx_mode, uid: stat.stx_uid, gid: stat.stx_gid, capabilities })
}

fn seen_instead(error: &io::Error) -> Seen {
    match error.kind() {
        // Changed while it was read; leased to somebody who writes; or the folder is being renamed.
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::CrossesDevices => Seen::Busy,
        _ => Seen::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn who_only_walks_sees_another_way_also_where_the_file_is_restless() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let seen = |is_walk| {
            let look = Look {
                number: 1,
                root: Root::Machine,
                path: file.path().as_os_str().as_bytes().to_vec(),
                held: Vec::new(),
                known: None,
                executed: None,
                is_found: true,
                is_restless: true,
                is_walk,
            };
            look_at(&AtomicBool::new(false), &look).unwrap()
        };
        assert!(matches!(seen(true), Glance::Seen(Seen::Way { .. })));
        assert!(matches!(seen(false), Glance::Seen(Seen::File { .. })));
    }
}
