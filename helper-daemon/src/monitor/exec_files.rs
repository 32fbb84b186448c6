//! Descriptors of executed files, from fanotify.
//!
//! FAN_OPEN_EXEC since Linux 5.0, in notify mode: a listener that is slow delays nobody. Not FAN_OPEN_EXEC_PERM: a listener
//! that is stuck hangs the machine. Nobody is woken by it: the event of the exec does that, which follows when the files are in
//! the queue. What an exec that fails leaves there is taken out at the next tick.

use std::{
    collections::HashSet,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    rc::Rc,
};

use nix::{
    errno::Errno,
    sys::fanotify::{EventFFlags, Fanotify, FanotifyEvent, InitFlags, MaskFlags},
};
use portolan_core::{Pid, Untrusted};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, Mode, OFlags, ResolveFlags, open, openat2},
};

use super::{
    hooks::Hook, mount_namespaces::MountNamespaces, mounts::Device, sources::Sources, stat::stat_as_known,
};

const NAME: &str = "fanotify FAN_OPEN_EXEC";
const PURPOSE: &str = "holds the file that a process runs, so that the shortest process can be hashed";

/// A file that a process opened to execute it. An exec that goes through interpreters opens several.
#[derive(Debug)]
pub struct ExecFile {
    /// Who executes.
    pub pid: Pid,
    /// The file, open for reading.
    pub descriptor: OwnedFd,
}

pub(super) struct ExecFiles {
    pub(super) group: Fanotify,
    pub(super) namespaces: MountNamespaces,
    pub(super) marked: HashSet<Device>,
    /// Filesystems that programs were executed from and that cannot be marked.
    pub(super) refused: HashSet<Device>,
    overflows: u64,
}

impl ExecFiles {
    pub(super) fn start(sources: &Rc<Sources>) -> (Option<Self>, Hook) {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_QUEUE
            | InitFlags::FAN_UNLIMITED_MARKS;
        // O_NONBLOCK: who has a write lease on a file lets everybody wait who opens it.
        let event_flags = EventFFlags::O_RDONLY
            | EventFFlags::O_LARGEFILE
            | EventFFlags::O_CLOEXEC
            | EventFFlags::O_NOATIME
            | EventFFlags::O_NONBLOCK;
        let opened = Fanotify::init(flags, event_flags).map_err(|error| {
            format!("the kernel refuses a fanotify group (it needs CAP_SYS_ADMIN): {error}")
        });
        let group = match opened {
            Ok(group) => group,
            Err(problem) => return (None, Hook::from_result(NAME, PURPOSE, Err(problem))),
        };
        let mut files = Self {
            group,
            namespaces: MountNamespaces::new(Rc::clone(sources)),
            marked: HashSet::new(),
            refused: HashSet::new(),
            overflows: 0,
        };
        files.mark_own_namespace();
        if files.marked.is_empty() {
            let problem = "no filesystem could be marked; Linux 5.0 or newer is needed".to_owned();
            return (None, Hook::from_result(NAME, PURPOSE, Err(problem)));
        }
        (Some(files), Hook::from_result(NAME, PURPOSE, Ok(())))
    }

    /// How often a list of mounts had to wait, and how many mounts are not watched.
    pub(super) fn refused_mounts(&self) -> (u64, u64) {
        self.namespaces.refused()
    }

    pub(super) fn overflows(&self) -> u64 {
        self.overflows
    }

    /// The oldest of the queue, as many as one call gives; none when it is empty.
    pub(super) fn take(&mut self) -> Vec<ExecFile> {
        let mut files = Vec::new();
        // A call may give nothing but overflows and files that cannot be named.
        while files.is_empty() {
            let events = match self.group.read_events() {
                Ok(events) if events.is_empty() => return files,
                Ok(events) => events,
                // The queue is empty; or its first file cannot be opened at once (a lease), and the kernel has dropped it.
                Err(Errno::EAGAIN) if !self.has_more() => return files,
                Err(Errno::EAGAIN | Errno::EINTR) => continue,
                Err(error) => {
                    tracing::warn!("executed files cannot be read from fanotify: {error}");
                    return files;
                }
            };
            for event in events {
                if event.mask().contains(MaskFlags::FAN_Q_OVERFLOW) {
                    self.overflows += 1;
                    continue;
                }
                let Ok(pid) = u32::try_from(event.pid()) else { continue };
                files.extend(descriptor_of(event).map(|descriptor| ExecFile { pid: Pid(pid), descriptor }));
            }
        }
        files
    }

    fn has_more(&self) -> bool {
        let mut group = [PollFd::new(&self.group, PollFlags::IN)];
        poll(&mut group, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

/// The descriptor that came with an event: a copy would be two more calls for each file.
fn descriptor_of(event: FanotifyEvent) -> Option<OwnedFd> {
    let number = event.fd()?.as_raw_fd();
    std::mem::forget(event); // it would close it
    // SAFETY: the kernel opened it for this event, which was its only owner.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The path of a file that a process has opened, in its mount namespace (a chroot's folder is part of it); of one that is gone, the last.
/// Empty when it is longer than the kernel can say.
pub fn path_of(descriptor: BorrowedFd<'_>, pid: Pid) -> Untrusted {
    let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let Ok(path) = std::fs::read_link(link) else { return Untrusted::from("") };
    let path = path.into_os_string().into_vec();
    match path.strip_suffix(DELETED) {
        Some(before) if is_gone(descriptor, pid, &path) => Untrusted::from_bytes(before),
        _ => Untrusted::from_bytes(&path),
    }
}

/// What the kernel puts behind a path whose name has been taken away.
const DELETED: &[u8] = b" (deleted)";

/// Whether the file does not have this name, which a file may well choose for itself. The path is that of the process's mount
/// namespace; there the file may show another device number than here.
///
/// The path was walked a moment ago, so what the kernel does not remember of it is gone: nothing on the way is asked.
fn is_gone(descriptor: BorrowedFd<'_>, pid: Pid, path: &[u8]) -> bool {
    let Ok(file) = stat_as_known(descriptor) else { return false };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let has_it = |root: BorrowedFd<'_>, inside| {
        let open = |resolve| openat2(root, path, flags | OFlags::NOFOLLOW, Mode::empty(), resolve);
        let named = match open(ResolveFlags::NO_SYMLINKS | ResolveFlags::CACHED | inside) {
            Err(rustix::io::Errno::INVAL) => open(ResolveFlags::NO_SYMLINKS | inside), // before Linux 5.12
            named => named,
        };
        named
            .and_then(stat_as_known)
            .is_ok_and(|named| (named.stx_ino, named.stx_size) == (file.stx_ino, file.stx_size))
    };
    // It may have other names. When the process has ended, too, nobody can look: then it keeps what it is called.
    file.stx_nlink == 0
        || open(format!("/proc/{}/root", pid.0), flags, Mode::empty()).is_ok_and(|root| {
            !has_it(root.as_fd(), ResolveFlags::IN_ROOT) && !has_it(CWD, ResolveFlags::empty())
        })
}
