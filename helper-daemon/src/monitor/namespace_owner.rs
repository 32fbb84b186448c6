//! Whose a namespace is (ioctl_nsfs(2), since Linux 4.9).

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
};

/// Whether a namespace belongs to another user namespace than this daemon's: who made it needed no rights.
pub(super) fn is_of_users(namespace: &Path) -> io::Result<bool> {
    let namespace = File::open(namespace)?;
    // SAFETY: the call takes no argument.
    let owner = unsafe { libc::ioctl(namespace.as_raw_fd(), libc::NS_GET_USERNS) };
    if owner < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    let owner = File::from(unsafe { OwnedFd::from_raw_fd(owner) });
    Ok(owner.metadata()?.ino() != fs::metadata("/proc/self/ns/user")?.ino())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use portolan_testbed::Program;

    #[test]
    #[ignore = "needs root"]
    fn a_namespace_that_a_user_made_is_told_from_one_that_root_made() {
        let is_of_users = |options: &str| {
            let mut command = Command::new("unshare");
            command.args([options, "sh", "-c", "echo; read -r nothing"]);
            let mut running = Program::start_with_stdin("it", command).unwrap();
            running.wait_for_line("it", std::time::Duration::from_secs(60), |_| Some(())).unwrap();
            super::is_of_users(format!("/proc/{}/ns/mnt", running.pid()).as_ref()).unwrap()
        };
        assert!(is_of_users("-Urm"));
        assert!(!is_of_users("-m"));
        assert!(!is_of_users("-Ur"), "it has the machine's mounts");
    }
}
