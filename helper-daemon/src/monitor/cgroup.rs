//! Where the cgroup hooks are attached.

use std::{fs::File, path::PathBuf};

/// The root of the cgroup v2 hierarchy, wherever it is mounted.
pub(super) fn open_root() -> Result<File, String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| format!("cannot read /proc/self/mountinfo: {error}"))?;
    let path: PathBuf = mounts
        .lines()
        .filter_map(|line| line.split_once(" - "))
        .find(|(_, right)| right.starts_with("cgroup2 "))
        .and_then(|(left, _)| left.split(' ').nth(4))
        .map(PathBuf::from)
        .ok_or("no cgroup v2 hierarchy is mounted")?;
    File::open(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))
}
