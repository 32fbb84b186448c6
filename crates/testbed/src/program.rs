use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open},
};

use crate::{Error, group, keeper::Keeper};

/// How long a program may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// How long the output of a program that has ended may take to arrive. Longer only when a child of its holds it open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running program that ends with its guard, with all that it started in its process group.
///
/// It has a process group of its own, so Ctrl-C in the terminal does not reach it before its guard is dropped. When the
/// process that holds the guard is killed, a keeper ends the program. Its output is collected; stdin is empty.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    output: Arc<Output>,
    _keeper: Keeper,
}

/// What a program printed, with a bell for each new piece.
#[derive(Debug, Default)]
struct Output {
    text: Mutex<Printed>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Printed {
    bytes: Vec<u8>,
    open_pipes: u8,
}

impl Program {
    /// Starts `command`; `name` is what errors call it.
    ///
    /// # Errors
    /// The program is not there or may not be run.
    pub fn start(name: &str, mut command: Command) -> Result<Self, Error> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(name, command)
    }

    /// Starts `command` with a stdin that is open until [`Self::close_stdin`].
    ///
    /// # Errors
    /// The program is not there or may not be run.
    pub fn start_with_stdin(name: &str, mut command: Command) -> Result<Self, Error> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(name, command)
    }

    /// Ends the input of a program that was started with a stdin.
    pub fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Starts `command` and writes what it prints to the end of the file `log`, where [`Program::output`] does not see it.
    ///
    /// # Errors
    /// The program is not there or may not be run, or the file cannot be written.
    pub fn start_with_log(name: &str, mut command: Command, log: &Path) -> Result<Self, Error> {
        let error = |source| Error::File { action: "write", path: log.to_owned(), source };
        let file = File::options().create(true).append(true).open(log).map_err(error)?;
        command.stdin(Stdio::null()).stdout(file.try_clone().map_err(error)?).stderr(file);
        Self::spawn(name, command)
    }

    fn spawn(name: &str, mut command: Command) -> Result<Self, Error> {
        let start_error = |source| Error::Start { program: name.to_owned(), source };
        let mut child = command.process_group(0).spawn().map_err(start_error)?;
        let output = Arc::new(Output::default());
        if let Some(pipe) = child.stdout.take() {
            collect(pipe, &output);
        }
        if let Some(pipe) = child.stderr.take() {
            collect(pipe, &output);
        }
        let keeper = match Keeper::of_group(child.id()) {
            Ok(keeper) => keeper,
            Err(source) => {
                group::signal(Pid::from_child(&child), Signal::KILL);
                // It was just killed, so this cannot block for long; there is nobody to tell a second error.
                let _ = child.wait();
                return Err(Error::Start { program: "sh".to_owned(), source });
            }
        };
        Ok(Self { name: name.to_owned(), child, output, _keeper: keeper })
    }

    /// Its process id, which is also its process group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All that it printed up to now, stdout and stderr together.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().bytes).into_owned()
    }

    /// Waits until it has printed a line for which `wanted` gives something, and returns that.
    ///
    /// # Errors
    /// The program ended or the time went by without such a line.
    pub fn wait_for_line<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + timeout;
        let output = Arc::clone(&self.output);
        let mut printed = output.lock();
        loop {
            let text = String::from_utf8_lossy(&printed.bytes).into_owned();
            if let Some(found) = text.lines().find_map(&wanted) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.open_pipes == 0 {
                drop(printed);
                return Err(self.ended(left).map_or_else(|error| error, |status| self.ended_error(status)));
            }
            if left.is_zero() {
                return Err(Error::Timeout {
                    what: what.to_owned(),
                    seconds: timeout.as_secs(),
                    output: text,
                });
            }
            printed = output.grown.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// The kernel did not say.
    pub fn try_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child.try_wait().map_err(|source| Error::Process { program: self.name.clone(), source })
    }

    /// Waits until it ends by itself; then all that it printed is in [`Program::output`].
    ///
    /// # Errors
    /// It still ran when the time was over; it goes on running.
    pub fn ended(&mut self, timeout: Duration) -> Result<ExitStatus, Error> {
        let process_error = |source| Error::Process { program: self.name.clone(), source };
        if let Some(status) = self.child.try_wait().map_err(process_error)? {
            self.output.wait_for_end(LAST_WORDS);
            return Ok(status);
        }
        let pidfd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())
            .map_err(|errno| process_error(errno.into()))?;
        let deadline = Instant::now() + timeout;
        loop {
            let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()))
                .unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(process_error(errno.into())),
                Ok(0) => {
                    let what = format!("the end of {}", self.name);
                    return Err(Error::Timeout { what, seconds: timeout.as_secs(), output: self.output() });
                }
                Ok(_) => break,
            }
        }
        let status = self.child.wait().map_err(process_error)?;
        self.output.wait_for_end(LAST_WORDS);
        Ok(status)
    }

    /// Sends SIGTERM to the program (not to its group) and waits for its end; kills it when it does not end in ten seconds.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(&mut self) -> Result<ExitStatus, Error> {
        if let Some(status) = self.try_status()? {
            return Ok(status);
        }
        // It has not been waited for, so the pid is still its own; failing means that it is gone.
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM);
        let ended = self.ended(GRACE);
        if ended.is_err() {
            self.kill();
        }
        ended
    }

    /// Sends a signal to the program (not to its group), unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It has not been waited for, so the pid is still its own; failing means that it is gone.
            let _ = rustix::process::kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// Kills it and its group with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            group::signal(Pid::from_child(&self.child), Signal::KILL);
            // SIGKILL cannot be refused; an error means that there is no such child any more.
            let _ = self.child.wait();
        }
    }

    pub(crate) fn ended_error(&self, status: ExitStatus) -> Error {
        Error::Ended { program: self.name.clone(), status, output: self.output() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A group is signalled only while its leader is not waited for: afterwards its number may be another's.
        if matches!(self.child.try_wait(), Ok(None)) {
            group::signal(Pid::from_child(&self.child), Signal::TERM);
            if self.ended(GRACE).is_err() {
                self.kill();
            }
        }
        group::wait_for_end(Pid::from_child(&self.child), GRACE);
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Printed> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_end(&self, timeout: Duration) {
        let is_open = |printed: &mut Printed| printed.open_pipes > 0;
        drop(self.grown.wait_timeout_while(self.lock(), timeout, is_open));
    }
}

/// Reads `pipe` to its end on a thread of its own, which ends when the last writer closes it. Line by line, so that two
/// pipes do not cut into each other's lines.
fn collect(pipe: impl Read + Send + 'static, output: &Arc<Output>) {
    let output = Arc::clone(output);
    output.lock().open_pipes += 1;
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.read_until(b'\n', &mut line) {
            output.lock().bytes.append(&mut line);
            output.grown.notify_all();
        }
        output.lock().open_pipes -= 1;
        output.grown.notify_all();
    });
}
