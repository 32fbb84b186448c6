use std::{
    collections::HashSet,
    fs,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
};

use portolan_bpf::{Event, Folder};
use portolan_core::{Pid, Untrusted};

use super::{
    file::FileKey,
    origin::mount_of,
    root_folder::{own_root, root_of},
};
use crate::monitor::{all_mounts, stat_as_known, stat_of_place};

/// How often a tick the lists are read at most: they are longer the more containers there are.
const READS: u32 = 16;

/// What the machine has mounted: what its first process sees, and this daemon, whose mounts are made from that one's.
pub(super) struct MachineMounts {
    /// The numbers of their mount namespaces.
    namespaces: Vec<u32>,
    /// Where the machine's paths begin.
    root: Option<(Folder, OwnedFd)>,
    /// That of the machine's users.
    users: Option<u32>,
    /// Numbers of mounts, as last seen in this tick: they are given away again.
    mounts: HashSet<u64>,
    reads: u32,
}

impl Default for MachineMounts {
    fn default() -> Self {
        let namespaces = ["/proc/1/ns/mnt", "/proc/self/ns/mnt"].into_iter().filter_map(number_of).collect();
        let users = number_of("/proc/self/ns/user");
        Self { namespaces, root: root(), users, mounts: HashSet::new(), reads: 0 }
    }
}

impl MachineMounts {
    /// Whether a mount namespace is the machine's.
    pub(super) fn has_namespace(&self, mount_namespace: Option<u32>) -> bool {
        mount_namespace.is_some_and(|number| self.namespaces.contains(&number))
    }

    /// Whether paths that begin in this folder are the machine's.
    pub(super) fn has_root(&self, root: Option<Folder>) -> bool {
        self.root.as_ref().is_some_and(|(folder, _)| root == Some(*folder))
    }

    /// That folder.
    pub(super) fn root(&self) -> Option<io::Result<OwnedFd>> {
        self.root.as_ref().map(|(_, root)| root.try_clone())
    }

    /// Whether nobody but root has mounted what a process sees.
    pub(super) fn has_roots_mounts(&self, event: &Event) -> bool {
        self.has_namespace(event.mount_namespace)
            || event.mounting_users.is_some_and(|users| self.users == Some(users))
    }

    /// Whether a file is in a mount of the machine: what has just been mounted is so where the machine has the file at its path.
    pub(super) fn has_mount_of(&mut self, file: &impl AsFd, key: FileKey, path: &Untrusted) -> bool {
        let Ok(stat) = stat_of_place(file) else { return false };
        if self.mounts.contains(&stat.stx_mnt_id) {
            return true;
        }
        if let Some(mount) = mount_of(path, key) {
            if mount == stat.stx_mnt_id {
                self.mounts.insert(mount);
            }
            return true;
        }
        if self.reads < READS {
            self.reads += 1;
            let lists = ["/proc/1/mountinfo", "/proc/self/mountinfo"];
            let read = |path| all_mounts(&mut File::open(path).ok()?).ok();
            self.mounts = lists.into_iter().filter_map(read).flatten().collect();
        }
        self.mounts.contains(&stat.stx_mnt_id)
    }

    /// Has the lists read again.
    pub(super) fn sweep(&mut self) {
        self.mounts.clear();
        self.reads = 0;
    }
}

fn root() -> Option<(Folder, OwnedFd)> {
    let root = root_of(Pid(1)).or_else(|_| own_root()).ok()?;
    let stat = stat_as_known(&root).ok()?;
    Some((Folder { mount: stat.stx_mnt_id, inode: stat.stx_ino }, root))
}

fn number_of(link: &str) -> Option<u32> {
    u32::try_from(fs::metadata(link).ok()?.ino()).ok()
}
