use std::{
    ffi::OsStr,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use portolan_core::{Pid, Untrusted};
use rustix::fs::{FsWord, OFlags, fstatfs};

use crate::{
    identity::{
        file::FileKey,
        root_folder::{find_below, own_root, root_of},
    },
    monitor::stat_as_known,
};

/// Whether the machine knows a file by the path that its process knew it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity) enum Place {
    /// It does, or did when the file was executed.
    OfTheMachine,
    /// Another file is there: the process sees other mounts than the machine does.
    Elsewhere,
}

/// What is at a path of the machine.
pub(super) struct AtPath {
    pub(super) path: Untrusted,
    pub(super) place: Place,
    /// The file that is there now; `None` when there is none.
    pub(super) key: Option<FileKey>,
    /// Whether that is the file that was asked about.
    pub(super) is_it: bool,
}

impl AtPath {
    /// Of a path that is known to be the machine's.
    pub(super) fn of_the_machine(path: Untrusted) -> Self {
        let key = key_at(&path.to_bytes());
        Self { path, place: Place::OfTheMachine, key, is_it: true }
    }

    /// Of a file in a layer, the path may be the one that it has in the layer, where nobody executed it.
    pub(super) fn doubt_layer(&mut self) {
        if !self.is_it && !is_on_btrfs(&self.path.to_bytes()) {
            self.place = Place::Elsewhere;
        }
    }
}

/// Looks at the path of an executed file. In a mount of the machine it was the machine's file at that time.
pub(super) fn look_at(path: Untrusted, executed: Option<FileKey>, is_in_machines_mount: bool) -> AtPath {
    let key = key_at(&path.to_bytes());
    let is_it = key.zip(executed).is_some_and(|(there, executed)| is_same(there, executed));
    // What was made in memory is in no mount.
    let is_machines = is_in_machines_mount || path.as_raw().starts_with("/memfd:");
    let place = if is_machines || is_it { Place::OfTheMachine } else { Place::Elsewhere };
    AtPath { path, place, key, is_it }
}

/// Whether a process has the machine's file at a path by now, whichever it was when it executed it: an upgrade replaces both.
pub(super) fn sees_machines(pid: Pid, path: &[u8]) -> bool {
    let found = root_of(pid).and_then(|root| find_below(root, path, OFlags::empty())).ok();
    let found = found.and_then(|found| FileKey::of(&found).ok());
    found.zip(key_at(path)).is_some_and(|(found, there)| is_same(found, there))
}

/// Looks at the path of a script. An interpreter opens it after it was looked for: that it was the machine's proves something only
/// where nobody but root can mount another one there meanwhile.
pub(super) fn look_at_script(
    path: Untrusted,
    found: Option<FileKey>,
    has_machines_mounts: bool,
    has_roots_mounts: bool,
) -> AtPath {
    let AtPath { path, key, is_it, .. } = look_at(path, found, false);
    let is_it = is_it && has_roots_mounts;
    let place = if has_machines_mounts || is_it { Place::OfTheMachine } else { Place::Elsewhere };
    AtPath { path, place, key, is_it }
}

/// Whether these are one file. Both were asked for by a program, so the device number is the same in every mount of a filesystem;
/// inode and size alone are what a user chooses who makes a filesystem.
pub(super) fn is_same(one: FileKey, other: FileKey) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}

/// The number of the mount in which the machine has this file at a path; `None` where it has not.
pub(in crate::identity) fn mount_of(path: &Untrusted, file: FileKey) -> Option<u64> {
    let there = stat_as_known(held_at(&path.to_bytes())?).ok()?;
    is_same(FileKey::from_stat(&there), file).then_some(there.stx_mnt_id)
}

/// The file at a path, as far as the kernel remembers it: on the way there may be a filesystem that a program serves, which is never
/// asked. What has just been executed is remembered.
pub(super) fn key_at(path: &[u8]) -> Option<FileKey> {
    FileKey::of(&held_at(path)?).ok()
}

fn held_at(path: &[u8]) -> Option<OwnedFd> {
    find_below(own_root().ok()?, path, OFlags::empty()).ok()
}

/// Btrfs has a device number for each subvolume, which the kernel does not use inside.
fn is_on_btrfs(path: &[u8]) -> bool {
    held_at(path).and_then(|file| fstatfs(file).ok()).is_some_and(|stat| stat.f_type == BTRFS)
}

/// BTRFS_SUPER_MAGIC of linux/magic.h.
const BTRFS: FsWord = 0x9123_683e;

pub(super) fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}
