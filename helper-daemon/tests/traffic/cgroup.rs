//! Cgroups of our own, below the root of the v2 hierarchy.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A cgroup below one that is only ours. It goes away with its guard, when the processes in it have ended.
pub(crate) struct Cgroup {
    dirs: Vec<PathBuf>,
}

impl Cgroup {
    /// `path` is what comes below our own.
    pub(crate) fn new(path: &str) -> Self {
        Self::below(&root(|line| line.contains(" - cgroup2 ")).unwrap(), path)
    }

    /// The same in the hierarchy of a controller in version 1; `None` where there is none, or where version 2 is used.
    pub(crate) fn of_version_1(controller: &str, path: &str) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let is_at_root = own.lines().any(|line| line == "0::/");
        let root = root(|line| line.contains(" - cgroup ") && line.ends_with(&format!(",{controller}")))?;
        is_at_root.then(|| Self::below(&root, path))
    }

    fn below(root: &Path, path: &str) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut dir = root.join(format!("portolan-test-{}-{number}", process::id()));
        fs::create_dir(&dir).unwrap();
        let mut cgroup = Self { dirs: vec![dir.clone()] };
        for name in path.split('/') {
            dir.push(name);
            fs::create_dir(&dir).unwrap();
            cgroup.dirs.push(dir.clone());
        }
        cgroup
    }

    /// Moves a process into it.
    pub(crate) fn take_in(&self, pid: u32) {
        fs::write(self.dirs.last().unwrap().join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

fn root(is_it: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().find(|line| is_it(line))?.split(' ').nth(4).map(PathBuf::from)
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Some(dir) = self.dirs.last() {
            match fs::remove_dir(dir) {
                Ok(()) => drop(self.dirs.pop()),
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => {
                    eprintln!("{} is left behind: {error}", dir.display());
                    return;
                }
            }
        }
    }
}
