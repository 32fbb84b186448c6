//! What outlives the daemon: taking over from the one before, noting for the next one, and the end.

use std::{fs, time::Duration};

use portolan_config::Config;
use portolan_history::{Checkpoint, Spans};

use super::{
    gap::Gap,
    handle::End,
    intake::{note_changes, take_events, take_lost_events, take_snapshot},
    ledger::Ledger,
    recorder::{Places, Recorder, RecorderError},
    rows::Rows,
    self_test::SelfTestChild,
    tick::source_of,
    waker::Waker,
    writer::{Job, Writer},
};
use crate::{
    clock::Now,
    identity::Processes,
    journal::{Entry, Head, Journal, Recovered},
    monitor::{Closed, Losses, Monitor, MonitorError},
};

/// How long the end of the daemon waits for hashes.
const LAST_HASHES: Duration = Duration::from_secs(5);

/// Everything that a daemon may take over from the one before.
pub(super) struct Inheritance {
    pub(super) monitor: Monitor,
    pub(super) processes: Processes,
    pub(super) ledger: Ledger,
    pub(super) rows: Rows,
    pub(super) losses: Losses,
    pub(super) journal: Journal,
    pub(super) head: Head,
    /// What could not be taken over.
    pub(super) gaps: Vec<Gap>,
    pub(super) self_tests: Vec<SelfTestChild>,
}

impl Inheritance {
    /// Starts to watch the kernel; goes on where the daemon before this one was killed, when it was.
    pub(super) fn take(
        config: &Config,
        Places { pin_dir, journal }: &Places,
        writer: &Writer,
        waker: &Waker,
    ) -> Result<Self, MonitorError> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let (mut journal, entries) = Journal::open(journal.clone());
        let is_empty = entries.is_empty();
        let recovered = Recovered::replay(entries, &boot_id, |journal| {
            writer.checkpoint().filter(|written| written.journal == journal).map(|written| written.epoch)
        });
        let now = Now::read();
        let known = recovered.as_ref().map(|recovered| recovered.head.instance);
        let mut monitor = Monitor::start(pin_dir, known, now.monotonic, waker)?;
        let noted = recovered.as_ref().map(|recovered| &recovered.head);
        let gaps =
            monitor.left_behind().iter().map(|left| Gap::of(left, noted, writer.checkpoint())).collect();
        let mut processes = Processes::new(config.recording.command_lines, monitor.layers());
        let (mut ledger, mut rows) = (Ledger::default(), Rows::default());
        let mut losses = None;
        let (mut head, mut epoch) = (None, 0);
        let mut self_tests = Vec::new();
        match recovered {
            None => {
                if !is_empty {
                    tracing::warn!(
                        "the notes of an earlier daemon are of another version or not whole: they are dropped"
                    );
                }
                take_snapshot(&mut monitor, &mut processes)?;
                take_events(&mut monitor, &mut processes, &mut journal)?;
            }
            Some(recovered) => {
                processes.recall(recovered.processes, now);
                self_tests = recovered.self_tests;
                take_events(&mut monitor, &mut processes, &mut journal)?;
                take_lost_events(&mut monitor, &mut processes, now)?;
                if monitor.is_resumed() {
                    ledger = recovered.ledger;
                    losses = recovered.losses;
                    if let Some(generation) = recovered.closed_generation {
                        monitor.forget_closed(generation)?;
                    }
                }
                for row in recovered.rows.into_values() {
                    let source = source_of(&processes, &row.flow.owner);
                    rows.recall(row, source);
                }
                tracing::info!("going on where another daemon ended: {} rows of its history", rows.len());
                (head, epoch) = (Some(recovered.head), recovered.epoch);
            }
        }
        let losses = losses.map_or_else(|| monitor.losses(), Ok)?;
        let left = monitor.left_closed()?;
        ledger.recall_closed(&left);
        if monitor.is_resumed() {
            journal.note(&Entry::Closed(left));
            journal.flush();
        }
        let head = Head::new(head.as_ref(), boot_id, monitor.instance(), epoch, now.monotonic);
        Ok(Self { monitor, processes, ledger, rows, losses, journal, head, gaps, self_tests })
    }
}

impl Recorder {
    /// Begins the first self-test, tells what could not be taken over, and lets the history know which tables it is about from now on.
    pub(super) fn begin(&mut self, now: Now) {
        for gap in self.gaps.iter().filter(|gap| gap.is_loss()) {
            tracing::error!("{}", gap.sentence);
            if let Some(finding) = self.judge.not_taken_over(&gap.sentence, now.wall) {
                self.outbox.raise(finding);
            }
        }
        self.self_test.begin(now.monotonic);
        self.note_self_test();
        let checkpoint = self.hand_over();
        self.outbox.write(Vec::new(), Some(checkpoint), Spans::default(), Vec::new());
    }

    /// Reads what was closed, and lets the kernel forget it once the journal has it.
    pub(super) fn take_closed(&mut self) -> Result<Closed, MonitorError> {
        let closed = self.monitor.closed()?;
        if !closed.cells.is_empty() || !closed.overflow.is_empty() {
            self.journal.note(&Entry::Closed(closed.clone()));
            self.journal.flush();
        }
        self.monitor.forget_closed(closed.generation)?;
        Ok(closed)
    }

    /// Notes a child of the self-test before it moves a byte: the next daemon must know whose its bytes are.
    pub(super) fn note_self_test(&mut self) {
        if let Some(child) = self.self_test.waiting_child() {
            self.journal.note(&Entry::SelfTest(child));
            self.journal.flush();
            self.self_test.release();
        }
    }

    /// Notes that all rows but those that are left are given to the history; under which number.
    pub(super) fn hand_over(&mut self) -> Checkpoint {
        // Who they belong to is known by now; a daemon that goes on here must know it too.
        note_changes(&mut self.processes, &mut self.journal);
        self.head.epoch = self.head.epoch.saturating_add(1);
        let epoch = self.head.epoch;
        self.journal.note(&Entry::Handed { epoch, kept: self.rows.keys() });
        let Head { journal, instance: tables, accounted, .. } = self.head;
        Checkpoint { journal, epoch, tables, accounted, waiting: self.rows.bytes() }
    }

    /// Notes what the history has: a daemon that cannot read it must not give it the same again.
    pub(super) fn note_written(&mut self) {
        let written = self.writer.health().written;
        if written > self.noted_epoch {
            self.noted_epoch = written;
            self.journal.note(&Entry::Written(written));
        }
    }

    /// Whether the history has everything that this daemon gave to it.
    pub(super) fn is_all_written(&self) -> bool {
        self.head.epoch == self.first_epoch || self.writer.health().written == self.head.epoch
    }

    /// Writes a long journal anew, or one that has too much, when the history has all that it was given.
    pub(super) fn shorten_journal(&mut self) {
        let is_time = self.journal.is_long() || self.rewrites_journal;
        if is_time && self.is_all_written() && !self.ledger.is_settling() {
            self.rewrites_journal = false;
            self.write_journal(true);
        }
    }

    /// Writes the journal anew. Rows that the history was given must be on the disk.
    pub(super) fn write_journal(&mut self, is_same: bool) {
        note_changes(&mut self.processes, &mut self.journal);
        let Self { journal, head, processes, ledger, rows, losses, monitor, self_test, .. } = self;
        let processes = processes.remembered().into_iter().map(Box::new).map(Entry::Process);
        let flows = ledger.remembered().map(Entry::Counted);
        // The ledger has what these tables held, and the kernel may not have forgotten it yet.
        let generation = monitor.closed_generation();
        let read = Closed { generation, cells: Vec::new(), overflow: ledger.unsettled() };
        journal.write_anew(
            [Entry::Head(head.clone()), Entry::Closed(read), Entry::Losses(*losses)]
                .into_iter()
                .chain(processes)
                .chain(flows)
                .chain(rows.remembered().map(Entry::Row))
                .chain(self_test.kin().map(Entry::SelfTest)),
            is_same,
        );
    }

    /// The last readings: everything that is known is written.
    pub(super) fn finish(mut self, end: End) -> Result<(), RecorderError> {
        let ticked = self.last_tick();
        if end == End::Detach {
            self.rows.give_up();
        }
        self.settle(Now::read());
        let done = self.flushing.drain(..).map(|waiting| waiting.done).collect();
        self.write(done);
        self.outbox.write(Vec::new(), None, self.pace.presence.take(), Vec::new());
        note_changes(&mut self.processes, &mut self.journal);
        if let Some(learning) = &mut self.learning {
            self.outbox.push(Job::Learned(learning.note()));
        }
        self.outbox.send_all(&self.writer);
        self.writer.close();
        self.note_written();
        self.journal.flush();
        let is_all_written = self.is_all_written() && self.rows.len() == 0;
        if end == End::Detach {
            // What the history refused stays in the journal for the next daemon.
            if is_all_written {
                self.journal.remove();
            }
            self.monitor.detach();
        }
        ticked
    }

    fn last_tick(&mut self) -> Result<(), RecorderError> {
        take_events(&mut self.monitor, &mut self.processes, &mut self.journal)?;
        self.tick(Now::read())?;
        self.settle_overflows()?;
        self.wait_for_identities(LAST_HASHES)?;
        take_events(&mut self.monitor, &mut self.processes, &mut self.journal)?;
        Ok(())
    }
}
