//! The one thread that owns the kernel's events, the processes and what is not written yet.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use portolan_bus::{Error, LiveTick};
use portolan_config::Config;
use portolan_core::MonotonicNs;
use tokio::sync::{broadcast, oneshot};

use super::{
    conservation::Conservation,
    gap::Gap,
    handle::{Command, End, Handle},
    intake::{note_changes, take_events},
    learned::{self, Learned},
    learning::Learning,
    ledger::{Ledger, SETTLED_AFTER},
    live::{Recent, Tick},
    naming::Naming,
    network::Network,
    outbox::Outbox,
    privacy::Privacy,
    restart::Inheritance,
    rows::Rows,
    self_test::SelfTests,
    tally::Tally,
    tick::{Pace, source_of},
    waker::Waker,
    watching::{SeenAt, watch_known},
    writer::{Job, Writer},
};
use crate::{
    changes::Changes,
    clock::Now,
    dbus::Event,
    findings::Judge,
    foreign::Inspector,
    identity::{Hasher, Known, Origins, Processes},
    journal::{Head, Journal},
    monitor::{Losses, Monitor, MonitorError, NetworkLayer, Truth},
};

/// Questions that may wait.
const COMMANDS: usize = 64;
/// Events that a subscriber may be behind.
const EVENTS: usize = 256;

/// How long a flush waits for hashes before it answers without them.
const FLUSH_PATIENCE_NS: u64 = 3_000_000_000;

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

/// Where a daemon leaves what outlives it.
#[derive(Debug, Clone)]
pub struct Places {
    /// For the kernel programs, in a BPF filesystem.
    pub pin_dir: PathBuf,
    /// For what is not in the history yet.
    pub journal: PathBuf,
}

/// All state of recording.
pub struct Recorder {
    pub(super) monitor: Monitor,
    pub(super) processes: Processes,
    pub(super) hasher: Hasher,
    pub(super) origins: Origins,
    /// The files of all that has talked, on disk.
    pub(super) changes: Changes<SeenAt>,
    pub(super) inspector: Inspector,
    pub(super) learned: learned::Queue,
    pub(super) ledger: Ledger,
    pub(super) rows: Rows,
    pub(super) journal: Journal,
    /// What could not be taken over from daemons before this one.
    pub(super) gaps: Vec<Gap>,
    pub(super) head: Head,
    /// The number of the journal before this daemon gave anything to the history.
    pub(super) first_epoch: u64,
    /// The last that the journal says the history has.
    pub(super) noted_epoch: u64,
    pub(super) tally: Tally,
    pub(super) judge: Judge,
    pub(super) learning: Option<Learning>,
    pub(super) learning_period: Duration,
    pub(super) conservation: Conservation,
    pub(super) network: Network,
    pub(super) naming: Naming,
    pub(super) self_test: SelfTests,
    pub(super) writer: Writer,
    pub(super) recent: Recent,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) losses: Losses,
    /// What of all that is written down.
    pub(super) privacy: Privacy,
    pub(super) pace: Pace,
    /// Whether the journal is to be written anew, for it has what is not to be kept any more.
    pub(super) rewrites_journal: bool,
    /// Who waits until all that was counted is written.
    pub(super) flushing: Vec<Flushing>,
    /// What moved since the last tick was shown.
    pub(super) shown: Tick,
    /// What the history has had no room for yet.
    pub(super) outbox: Outbox,
    /// Rows that became fewer because their owners could not be identified for long.
    pub(super) merged_rows: u64,
    /// Whether memory of a burst may be lying idle.
    pub(super) had_burst: bool,
    commands: mpsc::Receiver<Command>,
    waker: Waker,
    stopping: Option<End>,
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
        config: &Config,
        places: Places,
        events: broadcast::Sender<Event>,
        writer: Writer,
        ended: oneshot::Sender<Result<(), RecorderError>>,
    ) -> Result<(Handle, JoinHandle<()>), RecorderError> {
        let (started, start) = mpsc::sync_channel(1);
        let config = config.clone();
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            crate::resources::go_first();
            let recorder = match Self::start(&config, &places, events, writer) {
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
        config: &Config,
        places: &Places,
        events: broadcast::Sender<Event>,
        mut writer: Writer,
    ) -> Result<(Self, Handle), RecorderError> {
        let waker = Waker::new()?;
        let (learn, learned) = learned::queue(waker.clone());
        let hasher = Hasher::start({
            let learn = learn.clone();
            move |hashed| learn(Learned::Hash(hashed))
        })?;
        let origins = Origins::start({
            let learn = learn.clone();
            move |answer| {
                learn(match answer {
                    Known::Exec(answer) => Learned::Origin(answer),
                    Known::Change(answer) => Learned::Change(answer),
                });
            }
        })?;
        let naming = Naming::start(
            {
                let learn = learn.clone();
                move |hosts| learn(Learned::Hosts(hosts))
            },
            Now::read().monotonic,
        )?;
        let inspector =
            Inspector::start(origins.provenances(), move |inspected| learn(Learned::Foreign(inspected)))?;
        let mut changes = Changes::start({
            let waker = waker.clone();
            move || waker.wake()
        })?;
        let inherited = Inheritance::take(config, places, &writer, &waker)?;
        let Inheritance { monitor, processes, ledger, mut rows, losses, journal, head, gaps, self_tests } =
            inherited;
        let now = Now::read();
        let (send_commands, commands) = mpsc::sync_channel(COMMANDS);
        let recent = Recent::default();
        let handle = Handle {
            commands: send_commands,
            waker: waker.clone(),
            recent: recent.clone(),
            events: events.clone(),
            writing: writer.writing(),
        };
        let truth = monitor.truth()?;
        let pace = Pace::new(now, &config.recording);
        for row in gaps.iter().filter_map(|gap| gap.row(pace.bucket_ms(), now)) {
            let source = source_of(&processes, &row.flow.owner);
            rows.recall(row, source);
        }
        // A first daemon begins with the programs: the tables were empty, and so was the truth.
        let base = if monitor.is_resumed() { truth } else { Truth::default() };
        let known = writer.take_known();
        watch_known(&mut changes, &known, now);
        let mut judge = Judge::new(known);
        writer.take_open_kinds().into_iter().for_each(|kind| judge.is_open(kind));
        let learning = writer.learned().map(|past| Learning::new(past, now.monotonic));
        judge.learn(learning.is_some());
        writer.keep(config.retention);
        writer.wake_after_writing(waker.clone());
        let mut recorder = Self {
            judge,
            learning,
            learning_period: config.learning.period,
            monitor,
            processes,
            hasher,
            origins,
            changes,
            inspector,
            learned,
            ledger,
            journal,
            first_epoch: head.epoch,
            noted_epoch: 0,
            tally: Tally::default(),
            conservation: Conservation::new(base, head.accounted, rows.bytes()),
            gaps,
            rows,
            head,
            naming,
            network: Network::new(NetworkLayer::read(), truth),
            self_test: SelfTests::new(self_tests),
            writer,
            recent,
            events,
            losses,
            pace,
            privacy: Privacy::of(config),
            rewrites_journal: false,
            flushing: Vec::new(),
            shown: Tick::default(),
            outbox: Outbox::default(),
            merged_rows: 0,
            // The start is one: loading the programs takes many times what recording does.
            had_burst: true,
            commands,
            waker,
            stopping: None,
        };
        recorder.write_journal(recorder.monitor.is_resumed());
        recorder.monitor.forget_closed(recorder.monitor.closed_generation())?;
        recorder.begin(now);
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
        while self.stopping.is_none() {
            result = self.step();
            if result.is_err() {
                break;
            }
        }
        // Who cannot go on leaves the kernel programs to the next one.
        let end = if result.is_ok() { self.stopping.unwrap_or(End::HandOver) } else { End::HandOver };
        let finished = self.finish(end);
        result.and(finished)
    }

    fn step(&mut self) -> Result<(), RecorderError> {
        // What came before anybody was to be told of it.
        let came = self.learned.is_awaited() && self.take_learned();
        let now = Now::read();
        let due = self.pace.until_due(now).min(self.changes.until_due(now.monotonic).unwrap_or(u64::MAX));
        self.monitor.wait(Duration::from_nanos(if came { 0 } else { due }))?;
        self.waker.reset();
        // Hashes first: a process whose end is not among the events that follow was there when its file had been read.
        let has_learned = self.take_learned() || came;
        take_events(&mut self.monitor, &mut self.processes, &mut self.journal)?;
        self.hear()?;
        self.processes.identify_executed(&self.hasher);
        // After the events: who changed a file has its beginning in them.
        self.look_at_changes(Now::read());
        self.take_known_late();
        self.writer.take_forgotten().iter().for_each(|application| self.judge.forget(application));
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
        } else if has_learned {
            self.settle(now);
        }
        self.answer_flushes(now);
        // Before the history can have it.
        note_changes(&mut self.processes, &mut self.journal);
        self.outbox.send(&self.writer);
        Ok(())
    }

    /// Ticks until what is known by owner only is reported, as far as it had come by now.
    pub(super) fn settle_overflows(&mut self) -> Result<(), RecorderError> {
        for _ in 0..=SETTLED_AFTER {
            if self.ledger.is_settling() {
                self.tick(Now::read())?;
            }
        }
        Ok(())
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
                self.outbox.push(Job::Review { by, application, state, done });
            }
            Command::Dismiss { by, finding, done } => self.outbox.push(Job::Dismiss { by, finding, done }),
            Command::Snooze { finding, until, done } => {
                self.outbox.push(Job::Snooze { finding, until, done });
            }
            Command::Keep(job) => self.outbox.push(job),
            Command::EndLearning(done) => {
                self.learning = None;
                self.judge.learn(false);
                self.outbox.push(Job::EndLearning { at: Now::read().wall, done: Some(done) });
            }
            Command::Dismissed(kind, done) => {
                self.judge.answered(kind);
                if done.send(()).is_err() {
                    tracing::debug!("who dismissed did not wait for the answer");
                }
            }
            Command::Configure(config) => self.configure(&config, Now::read()),
            Command::SelfTest(answer) => {
                self.self_test.ask(Now::read().monotonic, answer);
                self.note_self_test();
            }
            Command::Reviewed(application, state, done) => {
                if !self.judge.reviewed(&application, state) {
                    tracing::debug!("an application was reviewed that has not talked since the start");
                }
                if done.send(()).is_err() {
                    tracing::debug!("who reviewed did not wait for the answer");
                }
            }
            Command::Stop(end) => self.stopping = Some(end),
        }
        Ok(false)
    }

    pub(super) fn publish(&self, tick: LiveTick) {
        // Nobody listens while no client is there.
        drop(self.events.send(Event::Tick(Arc::new(tick))));
    }
}
