use std::{
    fs,
    os::fd::{AsFd, AsRawFd},
};

use rustix::fs::{AtFlags, Statx, StatxFlags, statx};

const AS_KNOWN: AtFlags = AtFlags::EMPTY_PATH.union(AtFlags::STATX_DONT_SYNC);

/// What the kernel knows of a file, with the number of its mount (since Linux 5.8): a server that is asked may never answer.
///
/// # Errors
/// When the filesystem says nothing of it.
pub fn stat_as_known(file: impl AsFd) -> rustix::io::Result<Statx> {
    statx(file, "", AS_KNOWN, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)
}

/// The device number and the mount of a file and nothing else, which is said also of what only its user may see (FUSE).
///
/// # Errors
/// When the filesystem says nothing of it.
pub fn stat_of_place(file: impl AsFd) -> rustix::io::Result<Statx> {
    statx(file, "", AS_KNOWN, StatxFlags::empty())
}

/// The number of the mount that a descriptor leads through. Asks nobody but the kernel, unlike stat.
pub fn mount_id_of(place: &impl AsFd) -> Option<u64> {
    noted_of(place, "mnt_id:")
}

/// The inode of an open file as the kernel has it (since Linux 5.14), also of what only its user may see.
pub fn inode_of(file: &impl AsFd) -> Option<u64> {
    noted_of(file, "ino:")
}

fn noted_of(file: &impl AsFd, field: &str) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix(field))?.trim().parse().ok()
}
