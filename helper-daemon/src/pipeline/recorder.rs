//! The one thread that owns the kernel's events, the processes and what is not written yet.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use portolan_bus::{Error, Hook, LiveTick};
use portolan_core::MonotonicNs;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::{broadcast, oneshot};

use super::{
    handle::{Command, Handle, Snapshot},
    ledger::{Ledger, SETTLED_AFTER},
    live::{Recent, Tick},
    rows::Rows,
    self_test::Running,
    tally::{Tally, losses_to_wire},
    tick::Pace,
    waker::Waker,
    writer::{Job, Writer},
};
use crate::{
    clock::Now,
    config::Config,
    dbus::Event,
    findings::Judge,
    identity::{Hashed, Hasher, Processes},
    monitor::{Losses, Monitor, MonitorError},
};

/// Questions that may wait.
const COMMANDS: usize = 64;
/// Events that a subscriber may be behind.
const EVENTS: usize = 256;
/// How long the end of the daemon waits for hashes.
const LAST_HASHES: Duration = Duration::from_secs(5);

/// Why recording ended.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The kernel could not be read.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    /// The machine refused a thread or a descriptor.
    #[error("the daemon cannot run: {0}")]
    System(#[from] io::Error),
}

/// All state of recording.
pub struct Recorder {
    pub(super) monitor: Monitor,
    pub(super) processes: Processes,
    pub(super) hasher: Hasher,
    hashed: mpsc::Receiver<Hashed>,
    pub(super) ledger: Ledger,
    pub(super) rows: Rows,
    pub(super) tally: Tally,
    pub(super) judge: Judge,
    pub(super) self_test: Running,
    pub(super) writer: Writer,
    pub(super) recent: Recent,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) losses: Losses,
    pub(super) config: Config,
    pub(super) pace: Pace,
    /// Who waits until all that was counted is written.
    pub(super) flushing: Vec<Flushing>,
    /// What moved since the last tick was shown.
    pub(super) shown: Tick,
    /// What the history has had no room for yet.
    pub(super) outbox: VecDeque<Job>,
    /// Whether memory of a burst may be lying idle.
    pub(super) had_burst: bool,
    commands: mpsc::Receiver<Command>,
    waker: Waker,
    stopping: bool,
}

/// Somebody who waits for a flush, and until when for hashes.
pub(super) struct Flushing {
    pub(super) done: oneshot::Sender<Result<(), Error>>,
    pub(super) deadline: MonotonicNs,
}

impl Recorder {
    /// Starts the thread that records. It runs until told to stop, and then `ended` gets the result.
    ///
    /// # Errors
    /// When the kernel cannot be watched.
    pub fn spawn(
        config: Config,
        events: broadcast::Sender<Event>,
        writer: Writer,
        ended: oneshot::Sender<Result<(), RecorderError>>,
    ) -> Result<(Handle, JoinHandle<()>), RecorderError> {
        let (started, start) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let recorder = match Self::start(config, events, writer) {
                Ok((recorder, handle)) => {
                    drop(started.send(Ok(handle)));
                    recorder
                }
                Err(error) => return drop(started.send(Err(error))),
            };
            // The daemon has stopped listening only when it is ending anyway.
            drop(ended.send(recorder.run()));
        })?;
        match start.recv() {
            Ok(handle) => Ok((handle?, thread)),
            Err(_) => Err(io::Error::other("the recording thread ended while it started").into()),
        }
    }

    fn start(
        config: Config,
        events: broadcast::Sender<Event>,
        mut writer: Writer,
    ) -> Result<(Self, Handle), RecorderError> {
        let waker = Waker::new()?;
        let (send_hashed, hashed) = mpsc::channel();
        let hasher = Hasher::start({
            let waker = waker.clone();
            move |hash| {
                // Nobody listens any more at the end of the daemon.
                drop(send_hashed.send(hash));
                waker.wake();
            }
        })?;
        let mut monitor = Monitor::start()?;
        let mut processes = Processes::default();
        take_snapshot(&monitor, &mut processes)?;
        take_events(&mut monitor, &mut processes)?;
        let now = Now::read();
        let (send_commands, commands) = mpsc::sync_channel(COMMANDS);
        let recent = Recent::default();
        let handle = Handle {
            commands: send_commands,
            waker: waker.clone(),
            recent: recent.clone(),
            events: events.clone(),
        };
        let losses = monitor.losses()?;
        let recorder = Self {
            judge: Judge::new(writer.take_known()),
            monitor,
            processes,
            hasher,
            hashed,
            ledger: Ledger::default(),
            rows: Rows::default(),
            tally: Tally::default(),
            self_test: Running::start(now.monotonic),
            writer,
            recent,
            events,
            losses,
            pace: Pace::new(now, &config),
            config,
            flushing: Vec::new(),
            shown: Tick::default(),
            outbox: VecDeque::new(),
            had_burst: false,
            commands,
            waker,
            stopping: false,
        };
        Ok((recorder, handle))
    }

    /// The channel over which the bus hears of ticks and findings; it loses its oldest when it is full.
    #[must_use]
    pub fn event_channel() -> broadcast::Sender<Event> {
        broadcast::Sender::new(EVENTS)
    }

    /// Records until told to stop or the kernel cannot be read any more, and then writes everything.
    fn run(mut self) -> Result<(), RecorderError> {
        let mut result = Ok(());
        while !self.stopping {
            result = self.step();
            if result.is_err() {
                break;
            }
        }
        let finished = self.finish();
        result.and(finished)
    }

    fn step(&mut self) -> Result<(), RecorderError> {
        let mounts_changed = self.wait()?;
        self.waker.reset();
        if mounts_changed {
            self.monitor.mark_new_filesystems();
        }
        // Hashes first: a process whose end is not among the events that follow was there when its file had been read.
        let hashes_came = self.take_hashes();
        take_events(&mut self.monitor, &mut self.processes)?;
        let mut tick_now = false;
        while let Ok(command) = self.commands.try_recv() {
            tick_now |= self.obey(command)?;
        }
        let now = Now::read();
        if tick_now || self.pace.is_due(now) {
            self.tick(now)?;
            // Who asks for everything gets it.
            if tick_now {
                self.settle_overflows()?;
            }
        } else if hashes_came {
            self.settle(now);
        }
        self.answer_flushes(now);
        self.send_outbox();
        Ok(())
    }

    /// Ticks until what is known by owner only is reported, as far as it had come by now.
    fn settle_overflows(&mut self) -> Result<(), RecorderError> {
        for _ in 0..=SETTLED_AFTER {
            if self.ledger.is_settling() {
                self.tick(Now::read())?;
            }
        }
        Ok(())
    }

    /// Waits for something to do. `true` when filesystems were mounted or unmounted.
    fn wait(&self) -> io::Result<bool> {
        let timeout_ns = self.pace.until_due(Now::read());
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout_ns / 1_000_000_000).unwrap_or(1),
            tv_nsec: i64::try_from(timeout_ns % 1_000_000_000).unwrap_or(0),
        };
        let readable: Vec<BorrowedFd<'_>> =
            [Some(self.waker.as_fd()), Some(self.monitor.events_fd()), self.monitor.exec_files_fd()]
                .into_iter()
                .flatten()
                .collect();
        let mut polled: Vec<PollFd<'_>> =
            readable.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        if let Some(mounts) = self.monitor.mounts_fd() {
            polled.push(PollFd::from_borrowed_fd(mounts, PollFlags::PRI));
        }
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(polled.get(readable.len()).is_some_and(|mounts| mounts.revents().contains(PollFlags::PRI)))
    }

    /// `true` when there were any.
    fn take_hashes(&mut self) -> bool {
        let mut any = false;
        while let Ok(hashed) = self.hashed.try_recv() {
            self.processes.hashed(hashed);
            any = true;
        }
        any
    }

    /// `true` when the counters are to be read now.
    fn obey(&mut self, command: Command) -> Result<bool, RecorderError> {
        match command {
            Command::Snapshot(answer) => drop(answer.send(self.snapshot()?)),
            Command::Flush(done) => {
                let deadline = MonotonicNs(Now::read().monotonic.0.saturating_add(FLUSH_PATIENCE_NS));
                self.flushing.push(Flushing { done, deadline });
                return Ok(true);
            }
            Command::Review { by, application, state, done } => {
                self.outbox.push_back(Job::Review { by, application, state, done });
            }
            Command::Reviewed(application, state, done) => {
                if !self.judge.reviewed(&application, state) {
                    tracing::debug!("an application was reviewed that has not talked since the start");
                }
                if done.send(()).is_err() {
                    tracing::debug!("who reviewed did not wait for the answer");
                }
            }
            Command::Stop => self.stopping = true,
        }
        Ok(false)
    }

    fn snapshot(&self) -> Result<Snapshot, RecorderError> {
        let losses = self.monitor.losses()?;
        let hooks: Vec<Hook> = self
            .monitor
            .hooks()
            .iter()
            .map(|hook| Hook {
                name: hook.name.to_owned(),
                active: hook.problem.is_none(),
                reason: match &hook.problem {
                    None => hook.purpose.to_owned(),
                    Some(problem) => format!("{problem} (this hook {})", hook.purpose),
                },
            })
            .collect();
        let health = self.writer.health();
        Ok(Snapshot {
            self_test: self.self_test.to_wire(),
            notes: health.set_aside,
            hooks,
            attribution: self.tally.to_wire(self.rows.pending()),
            losses: losses_to_wire(&losses, health.merged_rows),
            sockets: u64::try_from(self.ledger.sizes().1).unwrap_or(u64::MAX),
            processes: u64::try_from(self.processes.running()).unwrap_or(u64::MAX),
            unreviewed: u32::try_from(self.judge.unreviewed()).unwrap_or(u32::MAX),
            history_problem: health.problem,
        })
    }

    /// The last readings: everything that is known is written.
    fn finish(&mut self) -> Result<(), RecorderError> {
        let read = take_events(&mut self.monitor, &mut self.processes);
        let now = Now::read();
        let ticked = read
            .map_err(RecorderError::from)
            .and_then(|()| self.tick(now))
            .and_then(|()| self.settle_overflows());
        while self.rows.unidentified().next().is_some() {
            let Ok(hashed) = self.hashed.recv_timeout(LAST_HASHES) else { break };
            self.processes.hashed(hashed);
            self.identify_owners();
        }
        let ticked = ticked.and(take_events(&mut self.monitor, &mut self.processes).map_err(Into::into));
        self.rows.give_up();
        self.settle(Now::read());
        let records = self.rows.take_settled(self.config.bucket_ms);
        let done = self.flushing.drain(..).map(|waiting| waiting.done).collect();
        self.outbox.push_back(Job::Write { records, done });
        self.outbox.drain(..).for_each(|job| self.writer.send(job));
        ticked
    }

    pub(super) fn publish(&self, tick: LiveTick) {
        // Nobody listens while no client is there.
        drop(self.events.send(Event::Tick(Arc::new(tick))));
    }
}

/// How long a flush waits for hashes before it answers without them.
const FLUSH_PATIENCE_NS: u64 = 3_000_000_000;

/// Every process that exists, parents first.
pub(super) fn take_snapshot(monitor: &Monitor, processes: &mut Processes) -> Result<(), MonitorError> {
    let mut found = monitor.processes()?;
    found.sort_by_key(|event| event.process.map(|process| process.started));
    for event in found {
        processes.event(event);
    }
    Ok(())
}

/// The same when events were lost: who is not among them has ended.
pub(super) fn take_lost_events(
    monitor: &Monitor,
    processes: &mut Processes,
    now: MonotonicNs,
) -> Result<(), MonitorError> {
    let mut found = monitor.processes()?;
    found.sort_by_key(|event| event.process.map(|process| process.started));
    processes.end_all_but(&found.iter().filter_map(|event| event.process).collect(), now);
    found.into_iter().for_each(|event| processes.event(event));
    Ok(())
}

/// What happened to processes.
///
/// The files of an exec are in fanotify's queue before its event is in the ring. They are taken out only as far as each
/// event needs them: after a stall there may be more than there are descriptors for.
pub(super) fn take_events(monitor: &mut Monitor, processes: &mut Processes) -> Result<(), MonitorError> {
    for event in monitor.events()? {
        while processes.lacks_file_of(&event) && take_files(monitor, processes) {}
        processes.event(event);
    }
    while take_files(monitor, processes) {}
    processes.looked_at(Now::read());
    Ok(())
}

/// `false` when there were none.
fn take_files(monitor: &mut Monitor, processes: &mut Processes) -> bool {
    let files = monitor.exec_files();
    let any = !files.is_empty();
    files.into_iter().for_each(|file| processes.file_opened(file));
    any
}
