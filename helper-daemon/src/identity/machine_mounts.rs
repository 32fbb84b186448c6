use std::{
    collections::HashSet,
    fs,
    fs::File,
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use portolan_core::Pid;

use crate::monitor::{all_mounts, stat_as_known};

/// How often a tick the lists are read at most: they are longer the more containers there are.
const READS: u32 = 16;

/// What the machine has mounted: what its first process sees, and this daemon, whose mounts are made from that one's.
pub(super) struct MachineMounts {
    /// The numbers of their mount namespaces.
    namespaces: Vec<u32>,
    /// That of the machine's users.
    users: Option<u32>,
    /// Numbers of mounts, as last read in this tick: they are given away again.
    mounts: HashSet<u64>,
    reads: u32,
}

impl Default for MachineMounts {
    fn default() -> Self {
        let namespaces = ["/proc/1/ns/mnt", "/proc/self/ns/mnt"].into_iter().filter_map(number_of).collect();
        Self { namespaces, users: number_of("/proc/self/ns/user"), mounts: HashSet::new(), reads: 0 }
    }
}

impl MachineMounts {
    /// Whether a mount namespace is the machine's.
    pub(super) fn has_namespace(&self, mount_namespace: Option<u32>) -> bool {
        mount_namespace.is_some_and(|number| self.namespaces.contains(&number))
    }

    /// Whether nobody but root has mounted what a process sees.
    pub(super) fn has_roots_mounts(&self, pid: Pid, mount_namespace: Option<u32>) -> bool {
        let users = || number_of(&format!("/proc/{}/ns/user", pid.0));
        self.has_namespace(mount_namespace) || users().is_some_and(|users| self.users == Some(users))
    }

    /// Whether a file was executed in a mount of the machine, by a process of its mount namespace: /proc/PID/root leads into
    /// other namespaces.
    pub(super) fn has_mount_of(&mut self, file: &impl AsFd, mount_namespace: Option<u32>) -> bool {
        if !self.has_namespace(mount_namespace) {
            return false;
        }
        let Ok(stat) = stat_as_known(file) else { return false };
        if !self.mounts.contains(&stat.stx_mnt_id) && self.reads < READS {
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

fn number_of(link: &str) -> Option<u32> {
    u32::try_from(fs::metadata(link).ok()?.ino()).ok()
}
