use std::{
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

/// What the keeper does once the process that holds the other end of its stdin is gone: SIGTERM to the process or group,
/// SIGKILL to what is left of it after ten seconds, and the folders away.
const SCRIPT: &str = r#"
read -r _
target=$1; shift
if [ "$target" != none ]; then
  kill -s TERM -- "$target" 2>/dev/null
  tries=0
  while kill -s 0 -- "$target" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL -- "$target" 2>/dev/null
fi
if [ $# -gt 0 ]; then rm -rf -- "$@"; fi
"#;

/// A shell that waits for this process to die and then cleans up after it.
///
/// Not `PR_SET_PDEATHSIG`: that follows the thread and not the process, and is lost when the program changes its user, as
/// polkitd does. Dropping a keeper dismisses it: then its owner has cleaned up.
#[derive(Debug)]
pub struct Keeper {
    shell: Child,
}

impl Keeper {
    /// Ends a process group.
    pub(crate) fn of_group(group: u32) -> io::Result<Self> {
        Self::start(&format!("-{group}"), &[""; 0])
    }

    /// Ends one process. Dismiss it at once when that process has been waited for.
    ///
    /// # Errors
    /// The shell cannot be started.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        Self::start(&pid.to_string(), &[""; 0])
    }

    /// Removes files and folders.
    ///
    /// # Errors
    /// The shell cannot be started.
    pub fn of_paths(paths: &[impl AsRef<OsStr>]) -> io::Result<Self> {
        Self::start("none", paths)
    }

    fn start(target: &str, paths: &[impl AsRef<OsStr>]) -> io::Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "portolan-keeper", target])
            .args(paths)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Before its stdin is closed, so that it does nothing. Both fail only when it is already gone.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
