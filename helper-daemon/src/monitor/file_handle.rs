use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use rustix::fs::fstatvfs;

/// More than any filesystem needs (MAX_HANDLE_SZ).
const HANDLE_MAX: usize = 128;
/// The handle is only to be compared: filesystems give it that cannot be exported. Since Linux 6.5.
const AT_HANDLE_FID: libc::c_int = 0x200;

/// What names a file in fanotify's events as long as it exists, whatever its paths and device numbers are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileHandle {
    filesystem: u64,
    kind: i32,
    bytes: Box<[u8]>,
}

/// `struct file_handle` with room behind it.
#[repr(C)]
struct Room {
    length: u32,
    kind: i32,
    bytes: [u8; HANDLE_MAX],
}

impl FileHandle {
    /// Of an open file, also of one that is only held in its place (O_PATH). Not for files behind a server, which might be asked.
    ///
    /// # Errors
    /// When its filesystem has no handles.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let file = file.as_fd();
        let filesystem = fstatvfs(file)?.f_fsid;
        let mut room = Room { length: 0, kind: 0, bytes: [0; HANDLE_MAX] };
        let mut read = |flags: libc::c_int| {
            room.length = u32::try_from(HANDLE_MAX).unwrap_or_default();
            let mut mount = 0;
            // SAFETY: an open descriptor, an empty path with its end, and room for a handle as long as `length` says.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_name_to_handle_at,
                    file.as_raw_fd(),
                    c"".as_ptr(),
                    std::ptr::from_mut(&mut room),
                    std::ptr::from_mut::<libc::c_int>(&mut mount),
                    libc::AT_EMPTY_PATH | flags,
                )
            };
            if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        match read(AT_HANDLE_FID) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => read(0)?, // before Linux 6.5
            result => result?,
        }
        let length = usize::try_from(room.length).map_err(io::Error::other)?;
        let bytes = room.bytes.get(..length).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { filesystem, kind: room.kind, bytes: bytes.into() })
    }

    /// The number of its filesystem, or subvolume.
    pub(super) fn filesystem(&self) -> u64 {
        self.filesystem
    }

    /// As an event of fanotify has it: `struct fanotify_event_info_fid` without its header.
    pub(super) fn from_event(info: &[u8]) -> Option<Self> {
        let (filesystem, rest) = info.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let bytes = rest.get(..usize::try_from(u32::from_ne_bytes(*length)).ok()?)?;
        let [low, high] = [&filesystem[..4], &filesystem[4..]]
            .map(|half| half.try_into().map_or(0, |half| u64::from(u32::from_ne_bytes(half))));
        // As statvfs(3) puts the two numbers together.
        Some(Self { filesystem: high << 32 | low, kind: i32::from_ne_bytes(*kind), bytes: bytes.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_of_one_file_have_one_handle_and_two_files_have_two() {
        let folder = tempfile::tempdir().unwrap();
        let [one, same, other] = ["one", "same", "other"].map(|name| folder.path().join(name));
        std::fs::write(&one, "").unwrap();
        std::fs::hard_link(&one, &same).unwrap();
        std::fs::write(&other, "").unwrap();
        let [one, same, other] =
            [one, same, other].map(|path| FileHandle::of(std::fs::File::open(path).unwrap()).unwrap());
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn an_event_that_is_cut_off_names_nothing() {
        let whole = [[1, 0, 0, 0, 2, 0, 0, 0], [4, 0, 0, 0, 7, 0, 0, 0], [9, 9, 9, 9, 0, 0, 0, 0]].concat();
        let handle = FileHandle::from_event(&whole).unwrap();
        assert_eq!((handle.filesystem, handle.kind, handle.bytes.len()), (2 << 32 | 1, 7, 4));
        for length in 0..20 {
            assert_eq!(FileHandle::from_event(&whole[..length]), None, "{length}");
        }
    }
}
