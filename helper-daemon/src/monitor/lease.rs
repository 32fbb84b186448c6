//! Keeping others from writing to a file while it is read: a lease (fcntl(2), F_SETLEASE; since Linux 2.4).
//!
//! Who opens the file for writing meanwhile waits until the lease is given back, at most for /proc/sys/fs/lease-break-time.
//! Reading, executing, renaming and removing wait for nothing. It ends with the descriptor.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use rustix::fs::fstatfs;

/// Its files are written to by another way as well, which no lease closes.
const OVERLAYFS_SUPER_MAGIC: i64 = 0x794c_7630;

/// Takes a lease on a file that is open for reading; `false` when somebody has it open for writing, or when its filesystem knows no
/// leases. Not for files behind a server: it would have to be asked.
pub fn take_lease(file: &OwnedFd) -> bool {
    let is_fit = fstatfs(file).is_ok_and(|filesystem| filesystem.f_type != OVERLAYFS_SUPER_MAGIC);
    is_fit && ask_for_lease(file).is_ok()
}

fn ask_for_lease(file: &OwnedFd) -> io::Result<()> {
    // SAFETY: two numbers for an open descriptor.
    let result = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether somebody has a file open for writing; `false` where its filesystem knows no leases and does not tell.
pub fn is_open_for_writing(file: &OwnedFd) -> bool {
    let asked = ask_for_lease(file);
    give_lease_back(file);
    asked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Gives a lease back, where there is one.
pub fn give_lease_back(file: &OwnedFd) {
    // SAFETY: two numbers for an open descriptor. Without a lease it fails, and nothing is to be done.
    unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
}

/// Whether the lease still holds and nobody waits for its end.
pub fn has_lease(file: &OwnedFd) -> bool {
    // SAFETY: no more than a number for an open descriptor.
    unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_GETLEASE) == libc::F_RDLCK }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::Write,
        os::unix::fs::OpenOptionsExt,
    };

    use super::*;

    #[test]
    fn a_writer_is_noticed_and_a_removal_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("file"), folder.path().join("moved"));
        File::create(&path).unwrap().write_all(b"abc").unwrap();
        let file = OwnedFd::from(File::open(&path).unwrap());
        assert!(!has_lease(&file));
        assert!(take_lease(&file));
        fs::rename(&path, &moved).unwrap();
        assert!(has_lease(&file));
        // The kernel tells the holder by SIGIO, which the daemon has a handler for.
        let ignored = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _handler = ignored
            .block_on(async { tokio::signal::unix::signal(tokio::signal::unix::SignalKind::io()) })
            .unwrap();
        let refused = fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&moved);
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        assert!(!has_lease(&file));
        give_lease_back(&file);
        fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&moved).unwrap();
    }

    #[test]
    fn a_file_that_is_open_for_writing_gets_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!take_lease(&OwnedFd::from(File::open(file.path()).unwrap())));
    }
}
