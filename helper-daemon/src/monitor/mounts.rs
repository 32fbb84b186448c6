//! What is mounted, from /proc/PID/mountinfo.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use super::namespace_owner::is_of_users;

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

/// All mounts of an open /proc/PID/mountinfo whose files are read without asking a server, and how many bytes that took. `is_users`:
/// somebody without rights may have made them.
pub(super) fn read(list: &mut File, is_users: bool) -> io::Result<(Vec<Mount>, usize)> {
    let mut text = Vec::new();
    list.rewind()?;
    let length = list.take(LIST_MAX).read_to_end(&mut text)?;
    Ok((without_server(&text, is_users), length))
}

/// An overlay opens the file of a layer. Its options name the layers by the paths that they had, which is as much as can be known; not
/// where who made it may have put a server of their own below, and have left other paths, or none, to be seen.
fn without_server(text: &[u8], is_users: bool) -> Vec<Mount> {
    let lines = || text.split(|byte| *byte == b'\n');
    let served: HashSet<PathBuf> = lines()
        .filter_map(parse_any)
        .filter(|(family, _)| is_served(family))
        .map(|(_, mount)| mount.path)
        .collect();
    let is_behind = |line: &&[u8]| match parse_any(line) {
        Some((b"overlay", _)) => {
            is_users
                || layers_of(line).iter().any(|layer| layer.ancestors().any(|above| served.contains(above)))
        }
        _ => false,
    };
    lines().filter(|line| !is_behind(line)).filter_map(parse).collect()
}

/// The layers of an overlay.
fn layers_of(line: &[u8]) -> Vec<PathBuf> {
    let options = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let layers = |option: &[u8]| {
        let at = option.iter().position(|byte| *byte == b'=')?;
        let (name, value) = option.split_at(at);
        matches!(name, b"lowerdir" | b"lowerdir+" | b"datadir+" | b"upperdir").then(|| unescape(&value[1..]))
    };
    let of_option = |value: Vec<u8>| {
        let paths =
            value.split(|byte| *byte == b':').map(|path| PathBuf::from(OsString::from_vec(path.to_vec())));
        paths.collect::<Vec<_>>()
    };
    options.split(|byte| *byte == b',').filter_map(layers).flat_map(of_option).collect()
}

/// The numbers of the mounts that a process sees whose files are read without asking a server. `process` is its folder in /proc.
///
/// # Errors
/// When the process is gone.
pub fn mounts_without_server(process: &Path) -> io::Result<HashSet<u64>> {
    let is_users = is_of_users(&process.join("ns/mnt")).unwrap_or(true);
    let (mounts, _) = read(&mut File::open(process.join("mountinfo"))?, is_users)?;
    Ok(mounts.into_iter().map(|mount| mount.id).collect())
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
    let is_left_out = is_served(family) || PSEUDO.iter().any(|left_out| left_out.as_bytes() == family);
    (!is_left_out).then_some(mount)
}

fn is_served(family: &[u8]) -> bool {
    SERVED.iter().any(|served| served.as_bytes() == family)
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
    fn an_overlay_of_a_served_layer_is_behind_that_server_and_a_user_s_may_be_behind_any() {
        let text = b"40 1 98:0 / / rw - ext4 /dev/root rw\n\
            41 40 0:50 / /mnt/a\\040b rw - fuse.x x rw\n\
            42 40 0:51 / /1 rw - overlay o rw,lowerdir=/usr:/mnt/a\\040b/c,upperdir=/u,workdir=/w\n\
            43 40 0:52 / /2 rw - overlay o rw,lowerdir=/usr:/mnt/a,upperdir=/u,workdir=/mnt/a\\040b\n\
            44 40 0:53 / /3 rw - overlay o rw,lowerdir+=/usr,lowerdir+=/mnt/a\\040b\n\
            45 40 0:54 / /4 rw - overlay o rw,lowerdir=l/A:l/B\n";
        let ids = |is_users| without_server(text, is_users).iter().map(|mount| mount.id).collect::<Vec<_>>();
        assert_eq!((ids(false), ids(true)), (vec![40, 43, 45], vec![40]));
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
