use std::{collections::HashMap, fs::File, path::PathBuf};

use super::mounts;

/// Where anything is mounted in the daemon's own namespace.
#[derive(Default)]
pub(super) struct MountPoints {
    known: Option<HashMap<u64, PathBuf>>,
    pub(super) is_stale: bool,
}

impl MountPoints {
    /// Where something was mounted or unmounted since the last call; the first one only learns.
    pub(super) fn take_changed(&mut self) -> Vec<PathBuf> {
        if self.known.is_some() && !std::mem::take(&mut self.is_stale) {
            return Vec::new();
        }
        let points = match File::open("/proc/self/mountinfo").and_then(|mut list| mounts::points(&mut list)) {
            Ok(points) => points,
            Err(error) => {
                tracing::warn!("what is mounted over watched files is not seen: {error}");
                return Vec::new();
            }
        };
        let Some(before) = self.known.replace(points) else { return Vec::new() };
        let now = self.known.iter().flatten();
        let mut changed: Vec<PathBuf> =
            now.filter(|(id, path)| before.get(id) != Some(path)).map(|(_, path)| path.clone()).collect();
        let is_there = |id, path: &PathBuf| self.known.as_ref().is_some_and(|now| now.get(id) == Some(path));
        changed.extend(before.iter().filter(|(id, path)| !is_there(id, path)).map(|(_, path)| path.clone()));
        changed.sort_unstable();
        changed.dedup();
        changed
    }
}
