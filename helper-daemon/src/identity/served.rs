//! Files behind a server that may never answer: a program (FUSE) or another machine.
//!
//! The kernel ends no process that has asked such a server, not even by SIGKILL, before the server has answered or is gone. A
//! daemon that asked would keep its lock and its name, and no other could start. So it holds no more than the place of such a
//! file (O_PATH), and a child asks, which is this program again and holds nothing else of the daemon's.

use std::{
    fs::File,
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use portolan_core::Unattributed;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        DumpableBehavior, Gid, Signal, Uid, getppid, set_dumpable_behavior, set_parent_process_death_signal,
    },
    thread::{
        CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};

use super::{
    executed_file::ExecutedFile,
    hasher::{Hashed, Job, read},
    image::Reading,
    images::unreadable,
    turns::Turns,
};

/// How long a file may wait for its turn, and then take to be read.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// More than an answer has. A pipe takes it as a whole or not at all.
const ANSWER_MAX: usize = 1024;

/// What the thread that has files read is told.
pub(super) enum Event {
    Read(Job),
    /// A child is gone, with its server, that read for this user.
    Gone(Option<u32>),
    End,
}

/// Has every file hashed by a child of its own. `tell` sends to `events`.
pub(super) fn hash_each(
    events: &mpsc::Receiver<Event>,
    tell: &mpsc::SyncSender<Event>,
    done: impl Fn(Hashed) + Clone + Send + 'static,
) {
    let mut turns = Turns::default();
    loop {
        match events.recv_timeout(turns.patience(Instant::now())) {
            Ok(Event::Read(job)) => {
                let owner = job.file.private_to();
                turns.wait(owner.map(|(user, _)| user), job.since, (job, owner));
            }
            Ok(Event::Gone(user)) => turns.end(user),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(Event::End) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        for (job, _) in turns.given_up(Instant::now()) {
            tracing::debug!("too many servers do not answer: a file of another one is not read");
            done(Hashed { image: job.image, result: Err(Unattributed::FileUnreadable) });
        }
        while let Some((user, (job, owner))) = turns.begin() {
            let (image, failed) = (job.image, done.clone());
            let (done, tell) = (done.clone(), tell.clone());
            // Its own thread: the child ends with the thread that has started it.
            let started = thread::Builder::new().name("hasher-served".to_owned()).spawn(move || {
                hash_in_child(&job, owner, done);
                // Nobody listens any more when the daemon is ending.
                let _ = tell.send(Event::Gone(user));
            });
            if let Err(error) = started {
                failed(Hashed { image, result: Err(unreadable(&error)) });
                turns.end(user);
            }
        }
    }
}

fn hash_in_child(job: &Job, owner: Option<(u32, u32)>, done: impl Fn(Hashed)) {
    let mut command = Command::new("/proc/self/exe");
    command.arg("--hash-input");
    if let Some((user, group)) = owner {
        command.args(["--hash-as", &user.to_string(), &group.to_string()]);
    }
    let child = job.file.descriptor.try_clone().and_then(|file| start(&mut command, file));
    let result = match child {
        Ok((child, answer)) => {
            let reading = reading_from(&answer, PATIENCE);
            done(Hashed { image: job.image, result: reading.map_err(|error| unreadable(&error)) });
            return end(child);
        }
        Err(error) => Err(unreadable(&error)),
    };
    done(Hashed { image: job.image, result });
}

fn start(command: &mut Command, file: OwnedFd) -> io::Result<(Child, ChildStdout)> {
    let mut child = command
        .stdin(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env_clear()
        // Who ends the daemon's group and waits for it need not wait for this one.
        .process_group(0)
        .spawn()?;
    match child.stdout.take() {
        Some(answer) => Ok((child, answer)),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// What a child writes, as soon as it does: its end may have to wait for the server, too.
fn reading_from(answer: &ChildStdout, patience: Duration) -> io::Result<Reading> {
    let until = Instant::now() + patience;
    let mut polled = [PollFd::new(answer, PollFlags::IN)];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut polled, Some(&Timespec::try_from(left).map_err(io::Error::other)?)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut buffer = [0; ANSWER_MAX];
    match rustix::io::read(answer, &mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => postcard::from_bytes(&buffer[..length]).map_err(io::Error::other),
    }
}

/// Kills a child and waits until it is gone.
fn end(mut child: Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait().map(|_| ())) {
        tracing::debug!("a child that reads a file cannot be ended: {error}");
    }
}

/// The child: hashes the file that is its standard input, and writes what it read to its standard output. It becomes the user and
/// the group `of`, where these are given.
#[must_use]
pub fn hash_input(of: &[u32]) -> ExitCode {
    match hash_and_answer(of) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn hash_and_answer(of: &[u32]) -> io::Result<()> {
    let daemon = getppid();
    if let &[user, group] = of {
        become_user(user, group)?;
    }
    // Only now: the kernel forgets it with every change of the user.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != daemon {
        return Ok(()); // nobody wants to know any more
    }
    let file = ExecutedFile::open(File::open("/proc/self/fd/0")?.into());
    let answer = postcard::to_stdvec(&read(&file)?).map_err(io::Error::other)?;
    // Not through a buffer: one write, so that one read has it all.
    rustix::io::write(io::stdout(), &answer)?;
    Ok(())
}

/// Becomes who alone may read a file in a mount by FUSE: all of the ids must be that user's (fuse_allow_current_process in
/// fs/fuse/dir.c). The kernel compares: who names others' ids in a user namespace gets a child of theirs that may read nothing.
/// What that user can do to this process is kill it: it can be neither traced nor dumped, and has nothing but the file and
/// the pipe. The capabilities go last: with the ids the kernel may make it traceable (fs.suid_dumpable = 1), but nobody traces who may
/// do more than himself; and to give capabilities away makes nobody traceable again.
fn become_user(user: u32, group: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    // Of the only thread, so of the process.
    set_keep_capabilities(true)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(script: &str) -> (Child, ChildStdout) {
        let file = tempfile::tempfile().unwrap();
        start(Command::new("/bin/sh").args(["-c", script]), file.into()).unwrap()
    }

    #[test]
    fn a_child_that_does_not_answer_is_given_up_and_ended() {
        let (child, answer) = child("read never < /dev/zero");
        let error = reading_from(&answer, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        end(child);
    }

    #[test]
    fn a_child_that_ends_without_an_answer_is_not_waited_for() {
        let (child, answer) = child("exit 1");
        let error = reading_from(&answer, PATIENCE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        end(child);
    }

    #[test]
    #[ignore = "needs root"]
    fn who_becomes_a_user_has_its_ids_and_no_capabilities_and_nobody_traces_it() {
        // Ids are a thread's; that nobody traces it is the whole process', so this is taken back.
        let became = thread::spawn(|| {
            become_user(4321, 8765).unwrap();
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            (status, rustix::process::dumpable_behavior().unwrap())
        });
        let (status, dumpable) = became.join().unwrap();
        set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!((field("Uid"), field("Gid")), (vec!["4321".to_owned(); 4], vec!["8765".to_owned(); 4]));
        assert_eq!(field("Groups"), Vec::<String>::new());
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(set), ["0000000000000000"], "{set}");
        }
        assert_eq!(dumpable, DumpableBehavior::NotDumpable);
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let (child, answer) = child("echo nonsense");
        assert!(reading_from(&answer, PATIENCE).is_err());
        end(child);
    }
}
