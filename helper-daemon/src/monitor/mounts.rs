//! What is mounted, from /proc/PID/mountinfo.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    os::unix::ffi::OsStringExt,
    path::PathBuf,
};

/// Filesystems of the kernel, which hold no program.
const PSEUDO: [&str; 20] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// Filesystems behind which a program or another machine stands. They are not marked: the kernel opens an executed file for its
/// event, and would wait in the daemon's thread for a server that never answers.
const SERVED: [&str; 8] = ["afs", "ceph", "cifs", "fuse", "fuseblk", "nfs", "nfs4", "smb3"];

/// Major and minor number.
pub(super) type Device = (u32, u32);

/// One place where a filesystem is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Mount {
    /// The number of the mount, in the whole machine; used again after it is gone.
    pub(super) id: u64,
    pub(super) device: Device,
    pub(super) path: PathBuf,
}

/// Bytes of a list that are read: users decide how long theirs are.
const LIST_MAX: u64 = 8 * 1024 * 1024;

/// All mounts of an open /proc/PID/mountinfo, and how many bytes that took.
pub(super) fn read(list: &mut File) -> io::Result<(Vec<Mount>, usize)> {
    let mut text = Vec::new();
    list.rewind()?;
    let length = list.take(LIST_MAX).read_to_end(&mut text)?;
    Ok((text.split(|byte| *byte == b'\n').filter_map(parse).collect(), length))
}

/// The numbers of the mounts in an open /proc/PID/mountinfo whose files are read without asking a server.
///
/// # Errors
/// When the process is gone.
pub fn mounts_without_server(list: &mut File) -> io::Result<HashSet<u64>> {
    Ok(read(list)?.0.into_iter().map(|mount| mount.id).collect())
}

/// The numbers of all mounts in an open /proc/PID/mountinfo.
///
/// # Errors
/// When the process is gone.
pub fn all_mounts(list: &mut File) -> io::Result<HashSet<u64>> {
    points(list).map(|points| points.into_keys().collect())
}

/// Where each mount of an open /proc/PID/mountinfo is, whatever it holds.
pub(super) fn points(list: &mut File) -> io::Result<HashMap<u64, PathBuf>> {
    let mut text = Vec::new();
    list.take(LIST_MAX).read_to_end(&mut text)?;
    let mounts = text.split(|byte| *byte == b'\n').filter_map(parse_any);
    Ok(mounts.map(|(_, mount)| (mount.id, mount.path)).collect())
}

/// The user and group who have a mount by FUSE for themselves alone, as an open /proc/PID/mountinfo names them: a mount of
/// another user namespace by the ids in there. `None` when others may use it, too, or it is not in the list.
///
/// # Errors
/// When the process is gone.
pub fn private_to(list: &mut File, mount: u64) -> io::Result<Option<(u32, u32)>> {
    for line in BufReader::new(list.take(LIST_MAX)).split(b'\n') {
        let line = line?;
        if let Some((b"fuse", found)) = parse_any(&line)
            && found.id == mount
        {
            return Ok(owner_in(&line));
        }
    }
    Ok(None)
}

fn owner_in(line: &[u8]) -> Option<(u32, u32)> {
    // The kernel writes no space into any of a line's fields.
    let options = std::str::from_utf8(line.rsplit(|byte| *byte == b' ').next()?).ok()?;
    let id = |name| options.split(',').find_map(|option| option.strip_prefix(name))?.parse().ok();
    let is_for_all = options.split(',').any(|option| option == "allow_other");
    if is_for_all { None } else { Some((id("user_id=")?, id("group_id=")?)) }
}

/// A line of mountinfo; `None` for what cannot hold programs, or is behind a server.
fn parse(line: &[u8]) -> Option<Mount> {
    let (family, mount) = parse_any(line)?;
    let is_left_out = PSEUDO.iter().chain(&SERVED).any(|left_out| left_out.as_bytes() == family);
    (!is_left_out).then_some(mount)
}

/// A line of mountinfo (Documentation/filesystems/proc.rst, 3.5), and the family of its filesystem.
fn parse_any(line: &[u8]) -> Option<(&[u8], Mount)> {
    let separator = line.windows(3).position(|window| window == b" - ")?;
    let kind = line.get(separator + 3..)?.split(|byte| *byte == b' ').next()?;
    // FUSE adds the name of its program: fuse.sshfs.
    let family = kind.split(|byte| *byte == b'.').next()?;
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let (major, minor) = std::str::from_utf8(fields.nth(1)?).ok()?.split_once(':')?;
    let path = unescape(fields.nth(1)?);
    let device = (major.parse().ok()?, minor.parse().ok()?);
    Some((family, Mount { id, device, path: PathBuf::from(OsString::from_vec(path)) }))
}

/// Undoes the kernel's `\040` for space, tab, newline and backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let octal = (*first == b'\\')
            .then(|| tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok()))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_may_hold_spaces_and_a_pseudo_filesystem_is_left_out() {
        let disk = b"36 35 98:0 /root /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(parse(disk), Some(Mount { id: 36, device: (98, 0), path: "/mnt/a b".into() }));
        assert_eq!(parse(b"22 1 0:21 / /proc rw - proc proc rw"), None);
        assert_eq!(parse(b"23 1 0:22 / /home/a/x rw - fuse.sshfs a@b:/ rw"), None);
        assert_eq!(parse(b"nonsense"), None);
    }

    #[test]
    fn whose_a_mount_is_stands_in_its_options_where_it_is_nobody_else_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mountinfo");
        let image = "41 40 0:51 / /tmp/.mount_x,user_id=7 ro - fuse.Krita Krita ro,user_id=1000,group_id=100";
        let lines = [
            "40 1 98:0 / /a rw - ext4 /dev/root rw,user_id=1,group_id=1".to_owned(),
            image.to_owned(),
            format!("{},allow_other", image.replacen("41", "42", 1)),
            "43 40 0:52 / /b rw - fuse x rw,user_id=1000".to_owned(),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let of = |mount| private_to(&mut File::open(&path).unwrap(), mount).unwrap();
        assert_eq!([40, 41, 42, 43, 44].map(of), [None, Some((1000, 100)), None, None, None]);
    }
}
