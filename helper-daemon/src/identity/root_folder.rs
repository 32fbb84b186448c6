//! Files below a root folder, found without asking anybody but the kernel's memory: on the way there may be a filesystem whose server
//! never answers. What has just been executed or opened is remembered.

use std::{
    collections::HashSet,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use portolan_core::Pid;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, open, openat2, readlinkat, statx},
    io::{Errno, Result},
};

use super::file::FileKey;
use crate::monitor::stat_as_known;

/// The root folder of a process.
pub(crate) fn root_of(pid: Pid) -> Result<OwnedFd> {
    open(format!("/proc/{}/root", pid.0), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

/// The root folder of this daemon.
pub(crate) fn own_root() -> Result<OwnedFd> {
    open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

/// The place of a file, by its path below a root folder.
///
/// # Errors
/// EAGAIN where the kernel would have to ask: it may be there.
pub(crate) fn find_below(root: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
    let find = || openat2(root.as_fd(), path, flags, Mode::empty(), inside);
    // The kernel gives up when something is renamed meanwhile, too.
    (0..2).map(|_| find()).find(|found| !matches!(found, Err(Errno::AGAIN))).unwrap_or_else(find)
}

/// Opens a file for reading by its place, at once or not at all: who has a write lease on it lets everybody else wait.
///
/// Not with O_NOATIME, which is for its owner and CAP_FOWNER only.
pub(crate) fn reopen(place: impl AsFd) -> Result<OwnedFd> {
    let link = format!("/proc/self/fd/{}", place.as_fd().as_raw_fd());
    open(link, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())
}

/// Whether nobody but root decides, and has decided since root did, which file an absolute path leads to: everything on the way,
/// links too, is in folders of root that nobody else may write to, in filesystems whose word counts. `local` are those that are
/// known not to be behind a server, beside the one with the daemon's root.
pub(crate) fn only_root_decides(root: &OwnedFd, path: &[u8], local: &HashSet<(u32, u32)>) -> Result<bool> {
    let names = |path: &[u8]| path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (mut left, mut walked) = (names(path), Vec::new());
    let mut steps = 0;
    while let Some(name) = left.pop() {
        match name.as_slice() {
            b"" | b"." if !walked.is_empty() => continue,
            b"" | b"." => {} // the root itself
            b".." => {
                walked.pop();
                continue;
            }
            _ => walked.push(name),
        }
        steps += 1;
        if steps > STEPS_MAX {
            return Ok(false);
        }
        let here = [&b"/"[..], &walked.join(&b'/')].concat();
        let found = find_below(root, &here, OFlags::NOFOLLOW)?;
        let stat = stat_as_known(&found)?;
        let device = FileKey::from_stat(&stat).device;
        if !local.contains(&device) && device != own_device()? {
            return Ok(false);
        }
        if FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Symlink {
            walked.pop();
            let target = readlinkat(&found, "", Vec::new())?.into_bytes();
            if target.starts_with(b"/") {
                walked.clear();
            }
            left.extend(names(&target));
        } else if stat.stx_uid != 0 || stat.stx_mode & OTHERS_WRITE != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Folders, links and the file; the kernel itself follows 40 links.
const STEPS_MAX: usize = 64;
/// A list of further users (ACL) that may write shows in the group's bit.
const OTHERS_WRITE: u16 = 0o022;

fn own_device() -> Result<(u32, u32)> {
    let stat = statx(CWD, "/", rustix::fs::AtFlags::STATX_DONT_SYNC, StatxFlags::empty())?;
    Ok((stat.stx_dev_major, stat.stx_dev_minor))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn only_root_decides_where_nobody_else_may_write_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("/usr/bin", here("link")).unwrap();
        std::fs::write(here("file"), "").unwrap();
        let decides = |path: &[u8]| {
            std::fs::metadata(std::ffi::OsStr::from_bytes(path)).unwrap(); // the kernel remembers the way
            only_root_decides(&own_root().unwrap(), path, &HashSet::new())
        };
        for path in ["/usr/bin/env", "//usr/./bin/env", "/usr/share/../bin/env", "/bin/../bin/env"] {
            assert_eq!(decides(path.as_bytes()), Ok(true), "{path}");
        }
        for path in [here("file"), here("link/env"), "/proc/self/exe".into(), "/dev/null".into()] {
            assert_eq!(decides(path.as_os_str().as_bytes()), Ok(false), "{}", path.display());
        }
    }

    #[test]
    #[ignore = "needs root"]
    fn who_has_a_folder_on_the_way_or_may_write_to_it_decides() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let folder = tempfile::tempdir_in("/var/lib").unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let decides = |user, group, mode| {
            chown(folder.path(), Some(user), Some(group)).unwrap();
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            std::fs::metadata(&file).unwrap(); // the kernel remembers the way
            only_root_decides(&own_root().unwrap(), file.as_os_str().as_bytes(), &HashSet::new())
        };
        assert_eq!(decides(0, 0, 0o755), Ok(true));
        assert_eq!(decides(0, 1000, 0o755), Ok(true));
        assert_eq!([decides(1000, 0, 0o755), decides(0, 0, 0o775), decides(0, 0, 0o757)], [Ok(false); 3]);
    }
}
