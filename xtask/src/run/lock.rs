use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};

/// One `run` a checkout: the lock ends with the process.
pub(super) fn take(run_dir: &Path) -> anyhow::Result<File> {
    let path = run_dir.join("lock");
    // Root may have made it before; reading is enough to lock.
    let file = File::options()
        .create(true)
        .append(true)
        .read(true)
        .open(&path)
        .or_else(|_| File::open(&path))
        .with_context(|| format!("cannot open {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let owner = fs::read_to_string(&path).unwrap_or_default();
        bail!(
            "`cargo xtask run` already runs in this checkout (process {}). End it with Ctrl-C in its terminal, or use it \
             from here: eval \"$(cargo xtask env)\"",
            owner.trim()
        );
    }
    // Only for the sentence above; a file of root's cannot be written and keeps its old number.
    let _ = fs::write(&path, std::process::id().to_string());
    Ok(file)
}

/// Whether a `run` is on.
pub(super) fn is_taken(run_dir: &Path) -> bool {
    File::open(run_dir.join("lock"))
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_taken(dir.path()));
        let first = take(dir.path()).unwrap();
        assert!(is_taken(dir.path()));
        let second = take(dir.path()).unwrap_err().to_string();
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        assert!(!is_taken(dir.path()));
        take(dir.path()).unwrap();
    }
}
