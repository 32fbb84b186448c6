//! One daemon at a time.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

/// The lock of the running daemon; held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Instance {
    _lock: File,
}

/// Why this daemon must not run.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// A folder cannot be made or used.
    #[error(
        "the {what} {path} cannot be used: {source}. Make it writable for the daemon, or name another one with {option}"
    )]
    Folder {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
        /// The option that names another one.
        option: &'static str,
    },
    /// Another daemon holds the lock.
    #[error("another portoland is running{}. Stop that one first, or use it", describe(.pid))]
    Running {
        /// Its process, as it wrote into its lock.
        pid: Option<u32>,
    },
}

fn describe(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl Instance {
    /// Takes the lock in the runtime folder.
    ///
    /// # Errors
    /// When another daemon holds it, or the folder cannot be used.
    pub fn lock(runtime_dir: &Path) -> Result<Self, InstanceError> {
        make_folder(runtime_dir, "runtime directory", "--runtime-dir", 0o755)?;
        let folder_error = |source| InstanceError::Folder {
            what: "runtime directory",
            path: runtime_dir.into(),
            source,
            option: "--runtime-dir",
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(runtime_dir.join("portoland.lock"))
            .map_err(folder_error)?;
        match lock_patiently(&lock) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // The other may be writing it just now: then the sentence does without.
                let pid = lock.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
                return Err(InstanceError::Running { pid });
            }
            Err(error) => return Err(folder_error(error.into())),
        }
        let mut write = || {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        write().map_err(folder_error)?;
        Ok(Self { _lock: lock })
    }
}

/// How long a daemon that was killed may take to be gone: a child that it was just starting holds its locks as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes a lock, after a while when somebody has it who is about to end.
///
/// # Errors
/// `WOULDBLOCK` when somebody keeps it.
pub(crate) fn lock_patiently(file: &File) -> Result<(), rustix::io::Errno> {
    let start = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(5))
            }
            taken => return taken,
        }
    }
}

/// Makes a folder of the daemon where there is none.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(
    path: &Path,
    what: &'static str,
    option: &'static str,
    mode: u32,
) -> Result<(), InstanceError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|source| InstanceError::Folder {
        what,
        path: path.into(),
        source,
        option,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let first = Instance::lock(dir.path()).unwrap();
        let second = Instance::lock(dir.path()).unwrap_err().to_string();
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        Instance::lock(dir.path()).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = Instance::lock(Path::new("/proc/portolan")).unwrap_err().to_string();
        assert!(error.contains("/proc/portolan") && error.contains("--runtime-dir"), "{error}");
    }
}
