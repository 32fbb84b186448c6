use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Statx, StatxFlags, statx};

/// What the kernel knows of a file, with the number of its mount (since Linux 5.8): a server that is asked may never answer.
///
/// # Errors
/// When the filesystem says nothing of it.
pub fn stat_as_known(file: impl AsFd) -> rustix::io::Result<Statx> {
    statx(
        file,
        "",
        AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC,
        StatxFlags::BASIC_STATS | StatxFlags::MNT_ID,
    )
}
