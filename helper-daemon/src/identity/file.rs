use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
};

use portolan_bpf::{Environment, FileId, code_variables_in, variables};
use portolan_core::{Pid, Untrusted};
use rustix::fs::{Mode, OFlags, Statx};
use serde::{Deserialize, Serialize};

use super::root_folder::{find_below, own_root, reopen, root_of};
use crate::{
    clock::Now,
    monitor::{inode_of, path_of, stat_as_known, stat_of_place},
};

/// What tells two contents apart without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct FileKey {
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    /// ctime: moves with every change of content or metadata.
    pub(crate) changed: (i64, u32),
    pub(crate) size: u64,
}

impl FileKey {
    pub(crate) fn of(descriptor: &impl AsFd) -> io::Result<Self> {
        stat_as_known(descriptor).map(|stat| Self::from_stat(&stat)).map_err(io::Error::from)
    }

    /// Of a file that may be the executed one. Of what its server shows to its user alone, the kernel says no more than where it
    /// is: where that is the executed file's place, this is the key that it was executed with.
    pub(super) fn of_executed(descriptor: &impl AsFd, executed: &FileId) -> io::Result<Self> {
        let refused = match Self::of(descriptor) {
            Err(error) if executed.is_served && error.kind() == io::ErrorKind::PermissionDenied => error,
            known => return known,
        };
        let stat = stat_of_place(descriptor)?;
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        let is_it = device == executed.device && inode_of(descriptor) == Some(executed.inode);
        let FileId { inode, changed, size, .. } = *executed;
        if is_it { Ok(Self { device, inode, changed, size }) } else { Err(refused) }
    }

    pub(crate) fn from_stat(stat: &Statx) -> Self {
        Self {
            device: (stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            size: stat.stx_size,
        }
    }

    /// Whether this is the file that the kernel executed.
    ///
    /// Some filesystems (btrfs, overlayfs) show programs another device number than the kernel uses inside.
    pub(crate) fn is_file(&self, executed: &FileId) -> bool {
        self.inode == executed.inode && (self.device == executed.device || self.size == executed.size)
    }

    /// Whether a change since `begun` would show in the ctime.
    pub(crate) fn would_show_changes(&self, begun: Now) -> bool {
        begun.was_before(self.changed, begun.moment())
    }

    /// Whether nothing touched the file since the kernel executed it.
    pub(crate) fn is_unchanged_since(&self, executed: &FileId) -> bool {
        self.is_file(executed) && self.changed == executed.changed && self.size == executed.size
    }
}

/// The file that a process runs now, from /proc, with its path; `None` when it is another than it executed.
fn open_executable(pid: Pid, executed: &FileId) -> Option<(OwnedFd, Untrusted)> {
    let link = format!("/proc/{}/exe", pid.0);
    let found = rustix::fs::open(&link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    if !FileKey::of_executed(&found, executed).ok()?.is_file(executed) {
        return None;
    }
    with_path(found, pid, executed)
}

/// Opens what was found, with the path that a process sees it by.
fn with_path(found: OwnedFd, pid: Pid, executed: &FileId) -> Option<(OwnedFd, Untrusted)> {
    let path = path_of(found.as_fd(), pid);
    let is_known = !path.as_raw().is_empty();
    is_known.then(|| open_unless_served(found, executed))?.map(|file| (file, path))
}

/// Opens what was found for reading. What is behind a server, or may be, is only held in its place: to open, to read and to
/// close it asks the server (see [`super::served`]). It is not when it is where the executed file was, which was not; only that
/// cannot be pretended by who serves a file.
fn open_unless_served(found: OwnedFd, executed: &FileId) -> Option<OwnedFd> {
    if executed.is_served || FileKey::of(&found).ok()?.device != executed.device {
        return Some(found);
    }
    reopen(found).ok()
}

/// The file that a process executed, with its path: the one that it runs now, when it is that; else by the name under which
/// it was executed, below the root of its parent or of this daemon. `None` when it is gone, or changed since.
pub(super) fn open_executed(
    pid: Pid,
    parent: Option<Pid>,
    name: &[u8],
    executed: &FileId,
) -> Option<(OwnedFd, Untrusted)> {
    open_executable(pid, executed)
        .or_else(|| parent.and_then(|parent| open_inherited(parent, name, executed)))
        .or_else(|| parent.and_then(|parent| open_unchanged(Some(parent), name, executed)))
        .or_else(|| open_unchanged(None, name, executed))
}

/// The file that was executed by this name, with its path; `None` when it has gone, or changed since.
///
/// A name is what a program said: it is opened only once it is certain that it leads to that file. `root` is that of a process
/// that sees the same files; a name that leads through a filesystem which may have to be waited for is none.
fn open_unchanged(root: Option<Pid>, name: &[u8], executed: &FileId) -> Option<(OwnedFd, Untrusted)> {
    if name.first() != Some(&b'/') || executed.is_served {
        return None; // relative to a folder that is not known any more; behind a server that may not answer
    }
    let folder = root.map_or_else(own_root, root_of).ok()?;
    let found = find_below(folder, name, OFlags::empty()).ok()?;
    open_if_unchanged(found, root.unwrap_or(Pid(std::process::id())), executed)
}

/// The file that was executed by the number of a descriptor, which its parent may still have: what was made in memory has no
/// other name.
fn open_inherited(parent: Pid, name: &[u8], executed: &FileId) -> Option<(OwnedFd, Untrusted)> {
    let number =
        [&b"/proc/self/fd/"[..], b"/dev/fd/"].into_iter().find_map(|folder| name.strip_prefix(folder))?;
    let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let link = format!("/proc/{}/fd/{number}", parent.0);
    let found = rustix::fs::open(link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    open_if_unchanged(found, parent, executed)
}

/// Opens what was found, once it is certain that it is the file which was executed.
fn open_if_unchanged(found: OwnedFd, pid: Pid, executed: &FileId) -> Option<(OwnedFd, Untrusted)> {
    if executed.is_served || !FileKey::of(&found).ok()?.is_unchanged_since(executed) {
        return None;
    }
    with_path(found, pid, executed)
}

/// The command line of a process, NUL-separated, as the process lets it be seen now, and whether it is longer than that; empty when
/// it is gone or has none.
pub(super) fn read_arguments(pid: Pid) -> (Vec<u8>, bool) {
    let arguments = read(pid, "cmdline", ARGUMENTS_MAX).unwrap_or_default();
    let is_cut = arguments.len() == ARGUMENTS_MAX;
    (arguments, is_cut)
}

/// The working directory of a process as it is now, seen from its own root; `None` when it has no path there, or is gone.
///
/// In a filesystem that was unmounted under it, the path begins at that one's root.
pub(super) fn read_working_directory(pid: Pid) -> Option<Untrusted> {
    let link =
        |name| Some(std::fs::read_link(format!("/proc/{}/{name}", pid.0)).ok()?.into_os_string().into_vec());
    let (directory, root) = (link("cwd")?, link("root")?);
    // Of a removed one, or of one that has such a name.
    if directory.ends_with(b" (deleted)") {
        return None;
    }
    let inside = if root == b"/" { &directory[..] } else { directory.strip_prefix(&root[..])? };
    match inside.first() {
        None => Some("/".into()),
        Some(b'/') => Some(Untrusted::from_bytes(inside)),
        Some(_) => None, // a neighbour of the root whose name begins like its
    }
}

/// What the environment of a process says, as the process lets it be seen now: it may have written over it since its exec. Beside
/// it, the variables by which interpreters load other code.
pub(super) fn read_environment(pid: Pid) -> (Environment, Vec<Vec<u8>>) {
    let strings = read(pid, "environ", ENVIRONMENT_MAX).unwrap_or_default();
    let vector = read(pid, "auxv", AUXILIARY_MAX).unwrap_or_default();
    let environment = Environment {
        variables: variables(&strings),
        // Who has just ended shows neither; who shows a vector after an empty environment has an empty one.
        is_complete: !(strings.is_empty() && vector.is_empty()) && strings.len() < ENVIRONMENT_MAX,
        is_secure: is_secure(&vector),
    };
    (environment, code_variables_in(&strings))
}

/// Whether AT_SECURE is set in an auxiliary vector: pairs of words (getauxval(3)).
fn is_secure(vector: &[u8]) -> bool {
    let word = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or_default();
    vector.chunks_exact(2 * size_of::<usize>()).any(|pair| {
        let (key, value) = pair.split_at(size_of::<usize>());
        word(key) == AT_SECURE && word(value) != 0
    })
}

/// At most so many bytes of a file of a process; `None` when it is gone.
fn read(pid: Pid, name: &str, limit: usize) -> Option<Vec<u8>> {
    use io::Read;
    let mut content = Vec::new();
    let file = File::open(format!("/proc/{}/{name}", pid.0)).ok()?;
    // Of a process that ends while it is read, what was read so far would be a guess.
    file.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut content).ok()?;
    Some(content)
}

/// The parent of a process; `None` when it is gone, or has none.
pub(super) fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.0)).ok()?;
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let parent: u32 = fields.split_whitespace().nth(1)?.parse().ok()?;
    (parent != 0).then_some(Pid(parent))
}

/// Bytes of a command line that are read.
const ARGUMENTS_MAX: usize = 128 * 1024;
/// Bytes of an environment that are searched.
const ENVIRONMENT_MAX: usize = 128 * 1024;
/// Bytes of an auxiliary vector that are searched; kernels fill some 400.
const AUXILIARY_MAX: usize = 4096;
const AT_SECURE: usize = 23;

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{BufRead, BufReader},
        os::unix::ffi::OsStrExt,
        path::Path,
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use portolan_bpf::{Stamps, Variable};
    use portolan_testbed::Program;

    use super::*;

    #[test]
    fn what_a_running_process_shows_of_itself_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let here = fs::canonicalize(folder.path()).unwrap().join("a\nb");
        fs::create_dir(&here).unwrap();
        let mut command = Command::new("/bin/cat");
        command
            .env("LD_LIBRARY_PATH", "/x")
            .env("UNIMPORTANT", "y")
            .env("PYTHONPATH", "/p")
            .current_dir(&here);
        let running = Program::start_with_stdin("cat", command).unwrap();
        let pid = Pid(running.pid());
        assert_eq!(
            read_working_directory(pid),
            Some(Untrusted::from_bytes(here.as_os_str().as_encoded_bytes()))
        );
        let (environment, code) = read_environment(pid);
        let values: Vec<&str> =
            environment.values(Variable::LibraryPath).map(|value| value.text.as_raw()).collect();
        assert_eq!(values, ["/x"]);
        assert!(environment.is_complete && !environment.is_secure);
        assert_eq!(code, [b"PYTHONPATH=/p"]);
        assert_eq!(read_arguments(pid), (b"/bin/cat\0".to_vec(), false));
        fs::remove_dir(&here).unwrap();
        assert_eq!(read_working_directory(pid), None, "it is removed");
        drop(running);
        assert_eq!(read_environment(pid), (Environment::default(), Vec::new()));
    }

    #[test]
    fn an_empty_environment_is_told_from_that_of_a_process_that_is_gone() {
        let mut command = Command::new("/bin/cat");
        command.env_clear();
        let running = Program::start_with_stdin("cat", command).unwrap();
        let environment = read_environment(Pid(running.pid())).0;
        assert_eq!(environment, Environment { is_complete: true, ..Environment::default() });
    }

    #[test]
    fn privileges_are_seen_in_the_auxiliary_vector() {
        let vector = |secure: usize| [6, 4096, AT_SECURE, secure, 0, 0].map(usize::to_ne_bytes).concat();
        assert!(is_secure(&vector(1)) && !is_secure(&vector(0)) && !is_secure(&vector(1)[..31]));
    }

    fn executed(path: &Path) -> FileId {
        let FileKey { device, inode, changed, size } = FileKey::of(&File::open(path).unwrap()).unwrap();
        let (stamps, is_served, is_guarded, is_overlaid) = (Stamps::Coarse, false, true, false);
        FileId { device, inode, generation: 0, changed, size, stamps, is_served, is_guarded, is_overlaid }
    }

    #[test]
    fn a_removed_name_is_told_from_one_that_a_file_has() {
        let folder = tempfile::tempdir().unwrap();
        let here = fs::canonicalize(folder.path()).unwrap();
        for (name, is_removed) in [("a", true), ("b (deleted)", false), ("c (deleted)", true)] {
            let path = here.join(name);
            fs::copy("/bin/cat", &path).unwrap();
            fs::hard_link(&path, here.join("other name")).unwrap();
            let running = Program::start_with_stdin("cat", Command::new(&path)).unwrap();
            let executed = executed(&path);
            if is_removed {
                fs::remove_file(&path).unwrap();
            }
            let (_, found) = open_executable(Pid(running.pid()), &executed).unwrap();
            assert_eq!(found, Untrusted::from_bytes(path.as_os_str().as_bytes()));
            fs::remove_file(here.join("other name")).unwrap();
        }
    }

    #[test]
    fn nobody_waits_for_a_lease_on_an_executed_file() {
        let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let executed = executed(&file);
        let name = file.as_os_str().as_bytes();
        assert!(open_unchanged(None, name, &executed).is_some());
        let code = "import fcntl, os, signal, sys\nsignal.signal(signal.SIGIO, signal.SIG_IGN)\n\
                    fcntl.fcntl(os.open(sys.argv[1], 0), fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
                    print(flush=True)\nsys.stdin.read()";
        let mut holder = Command::new("/usr/bin/python3");
        holder.args(["-c", code]).arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let begun = Instant::now();
        assert!(open_unchanged(None, name, &executed).is_none());
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(holder.stdin.take());
        assert!(holder.wait().unwrap().success());
    }
}
