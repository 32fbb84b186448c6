use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use portolan_testbed::Keeper;
use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::tool;

/// Something that `run` waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// The daemon is on its bus; the address is that of a private one.
    Ready { private_bus: Option<String> },
    /// Ctrl-C, SIGTERM, or the terminal was closed.
    Signal,
    /// Bus and daemon are gone.
    ServiceEnded,
    /// The app or the live view is gone.
    FrontEnded(ExitStatus),
}

/// All that happens, in one queue.
pub(super) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

/// A child whose end becomes an event.
pub(super) struct Watched {
    name: String,
    pidfd: OwnedFd,
    stdin: Option<ChildStdin>,
    errors: Option<thread::JoinHandle<String>>,
    is_running: thread::JoinHandle<()>,
}

impl Events {
    /// Takes over SIGINT, SIGTERM and SIGHUP.
    pub(super) fn new() -> anyhow::Result<Self> {
        let (sender, receiver) = channel();
        on_signals({
            let sender = sender.clone();
            move |_| drop(sender.send(Event::Signal))
        })?;
        Ok(Self { sender, receiver })
    }

    /// The next event.
    pub(super) fn next(&self) -> Event {
        // The signal thread holds a sender for as long as the process lives.
        self.receiver.recv().unwrap_or(Event::Signal)
    }

    /// Starts root's part. A line on its stdout says that it is ready; others are for the person. Its errors are kept for
    /// [`Watched::errors`], because the live view may have the terminal.
    pub(super) fn watch_service(&self, mut command: Command) -> anyhow::Result<Watched> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = start(&mut command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().context("the service has no stdout")?);
        let sender = self.sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                match line.strip_prefix(super::service::READY) {
                    Some(address) => {
                        let private_bus =
                            Some(address.trim().to_owned()).filter(|address| !address.is_empty());
                        drop(sender.send(Event::Ready { private_bus }));
                    }
                    None => tool::say(&line),
                }
            }
        });
        let errors = child.stderr.take().map(|mut pipe| {
            thread::spawn(move || {
                let mut text = Vec::new();
                // What was read before an error is still worth showing.
                let _ = pipe.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        let mut service = self.watch(&command, child, stdin, |_| Event::ServiceEnded)?;
        service.errors = errors;
        Ok(service)
    }

    /// Starts what the person looks at, in the terminal.
    pub(super) fn watch_front(&self, mut command: Command) -> anyhow::Result<Watched> {
        let child = start(&mut command)?;
        self.watch(&command, child, None, Event::FrontEnded)
    }

    fn watch(
        &self,
        command: &Command,
        mut child: Child,
        stdin: Option<ChildStdin>,
        event: impl FnOnce(ExitStatus) -> Event + Send + 'static,
    ) -> anyhow::Result<Watched> {
        let name = command.get_program().to_string_lossy().into_owned();
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .with_context(|| format!("cannot watch {name}"))?;
        let keeper = Keeper::of_process(child.id()).context("cannot start sh")?;
        let sender = self.sender.clone();
        let is_running = thread::spawn(move || {
            let ended = child.wait();
            drop(keeper);
            if let Ok(status) = ended {
                drop(sender.send(event(status)));
            }
        });
        Ok(Watched { name, pidfd, stdin, errors: None, is_running })
    }

    /// Lets events pass until the child has ended or the time is over; whether it has ended.
    fn wait_for(&self, child: &Watched, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !child.is_running.is_finished() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // The event comes a moment before the thread is finished.
            let _ = self.receiver.recv_timeout(left.min(Duration::from_millis(50)));
        }
        true
    }
}

impl Watched {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it printed as errors, once it has ended; empty when it has not.
    pub(super) fn errors(&mut self) -> String {
        let ended = self.errors.take().filter(|_| self.is_running.is_finished());
        ended.and_then(|errors| errors.join().ok()).unwrap_or_default()
    }

    /// Closes its stdin, which it takes as the wish to end, and waits.
    pub(super) fn end_by_stdin(&mut self, events: &Events, limit: Duration) {
        drop(self.stdin.take());
        if !events.wait_for(self, limit) {
            tool::warn("The daemon does not end; it is being killed.");
            // Through sudo this may not be allowed; then sudo's child ends with its stdin, later.
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }

    /// Sends SIGTERM, waits, and kills when that was of no use.
    pub(super) fn end_by_signal(&mut self, events: &Events, limit: Duration) {
        // Fails only when it is gone already.
        let _ = pidfd_send_signal(&self.pidfd, Signal::TERM);
        if !events.wait_for(self, limit) {
            tool::warn(&format!("{} does not end; it is being killed.", self.name));
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }
}

/// Calls `act` on each SIGINT, SIGTERM and SIGHUP, on a thread that lives as long as the process.
pub(super) fn on_signals(act: impl Fn(SignalKind) + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    drop(guard);
    thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => act(SignalKind::interrupt()),
                    _ = terminate.recv() => act(SignalKind::terminate()),
                    _ = hang_up.recv() => act(SignalKind::hangup()),
                }
            }
        });
    });
    Ok(())
}

fn start(command: &mut Command) -> anyhow::Result<Child> {
    command.spawn().with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
}
