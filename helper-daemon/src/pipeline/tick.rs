//! One tick: read, subtract, attribute, show, judge, record.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use portolan_bus::Error;
use portolan_config::Recording;
use portolan_core::{Bytes, Flow, MonotonicNs, Owner, Pid, ProcessKey, Unattributed, UnixMillis};
use portolan_history::NewFinding;
use tokio::sync::oneshot;

use super::{
    bucket_width::{BucketWidth, nanoseconds},
    intake::{take_all_files, take_events, take_lost_events, take_snapshot},
    learning::Learning,
    ledger::Growth,
    live::{Tick, Who},
    presence::Presence,
    recorder::{Recorder, RecorderError},
    rows::Source,
    watching::{add_process, tell_unidentified, watch},
    writer::Job,
};
use crate::{
    clock::Now,
    findings::Talk,
    identity::{Identity, Processes},
    journal::Entry,
    monitor::Losses,
};

/// Rows that are written before their bucket ends; the rest of it adds to them.
const ROWS_IN_MEMORY: usize = 10_000;
/// Flows in one tick that are worth tidying up after.
const BURST: usize = 1_000;

/// When to tick and when to write.
#[derive(Debug)]
pub(super) struct Pace {
    last: Now,
    next_ns: u64,
    bucket: UnixMillis,
    tick_ns: u64,
    width: BucketWidth,
    pub(super) presence: Presence,
}

impl Pace {
    pub(super) fn new(now: Now, config: &Recording) -> Self {
        let tick_ns = nanoseconds(config.tick);
        let width = BucketWidth::new(config.bucket);
        Self {
            last: now,
            next_ns: now.monotonic.0.saturating_add(tick_ns),
            bucket: now.wall.bucket_start(width.ms()),
            tick_ns,
            width,
            presence: Presence::new(now),
        }
    }

    /// Goes on at another pace.
    pub(super) fn change(&mut self, now: Now, config: &Recording) {
        self.tick_ns = nanoseconds(config.tick);
        self.next_ns = self.next_ns.min(self.last.monotonic.0.saturating_add(self.tick_ns));
        self.width.change(config.bucket, now.wall);
    }

    /// How long a bucket is now.
    pub(super) fn bucket_ms(&self) -> u32 {
        self.width.ms()
    }

    pub(super) fn is_due(&self, now: Now) -> bool {
        now.monotonic.0 >= self.next_ns
    }

    /// Nanoseconds until the next tick.
    pub(super) fn until_due(&self, now: Now) -> u64 {
        self.next_ns.saturating_sub(now.monotonic.0)
    }

    /// Notes a tick; how long ago the last one was, in milliseconds, and when.
    fn ticked(&mut self, now: Now) -> (u32, MonotonicNs) {
        self.presence.ticked(now);
        let last = std::mem::replace(&mut self.last, now);
        let interval_ms = now.monotonic.0.saturating_sub(last.monotonic.0) / 1_000_000;
        if self.is_due(now) {
            // A tick that came late does not make the next ones come early.
            self.next_ns = now.monotonic.0.saturating_add(self.tick_ns);
        }
        (u32::try_from(interval_ms).unwrap_or(u32::MAX), last.monotonic)
    }

    /// Whether a new bucket has begun since the last call.
    fn bucket_is_new(&mut self, now: Now) -> bool {
        let bucket = now.wall.bucket_start(self.width.ms());
        std::mem::replace(&mut self.bucket, bucket) != bucket
    }
}

impl Recorder {
    pub(super) fn tick(&mut self, now: Now) -> Result<(), RecorderError> {
        let (interval_ms, since) = self.pace.ticked(now);
        self.pace.width.at(now.wall);
        let before = self.monitor.truth()?;
        let closed = self.take_closed()?;
        self.ledger.begin(&closed.cells, &closed.overflow);
        let Self { monitor, ledger, .. } = self;
        monitor.sockets(|socket| ledger.see(socket))?;
        // After the counters: whoever has a byte in them has its beginning in these events.
        take_events(&mut self.monitor, &mut self.processes, &mut self.journal)?;
        take_all_files(&mut self.monitor, &mut self.processes);
        self.hear()?;
        let mut growths = self.ledger.finish();
        growths.extend(self.take_losses(now)?);
        let after = self.monitor.truth()?;
        self.add(&growths, since, now)?;
        self.identify_owners(now.monotonic)?;
        self.settle(now);
        self.check_conservation(now, before, after);
        let mut shown = std::mem::take(&mut self.shown);
        self.show_open(&mut shown);
        let tick = shown.finish(
            now.wall.0,
            interval_ms,
            |application| self.judge.review_of(application),
            &self.recent,
        );
        self.publish(tick);
        if let Some(detail) = self.self_test.check(now.monotonic, now.wall)
            && let Some(finding) = self.judge.self_test_failed(&detail, now.wall)
        {
            self.raise(finding);
        }
        self.note_self_test();
        self.note_written();
        if self.pace.bucket_is_new(now) || self.rows.len() > ROWS_IN_MEMORY {
            // Before: what is given to the history now is not written for a while.
            self.shorten_journal();
            self.write(Vec::new());
        }
        // While rows wait, the history knows nothing of their time yet.
        if self.rows.len() == 0 && self.pace.presence.is_due() {
            self.outbox.write(Vec::new(), None, self.pace.presence.take(), Vec::new());
        }
        self.bound_rows();
        self.naming.sweep(now.monotonic, &self.processes, &self.ledger, &self.rows);
        self.processes.sweep(now.monotonic);
        self.give_memory_back(growths.len());
        Ok(())
    }

    /// After a burst, once it is over and the flows that it left behind are forgotten.
    fn give_memory_back(&mut self, flows: usize) {
        let (remembered, in_use) = self.ledger.sizes();
        if flows > BURST {
            self.had_burst = true;
        } else if self.had_burst && self.rows.len() < BURST && remembered < in_use + BURST {
            self.had_burst = false;
            crate::resources::give_memory_back();
        }
    }

    /// Puts growth into rows. Owners whose beginning was missed are looked up once.
    fn add(&mut self, growths: &[Growth], since: MonotonicNs, now: Now) -> Result<(), RecorderError> {
        // Once for each owner: there may be a hundred thousand flows, of a few.
        let mut sources: HashMap<ProcessKey, Source, RandomState> = HashMap::default();
        for Growth { flow: Flow { owner, .. }, .. } in growths {
            sources.entry(*owner).or_insert_with(|| source_of(&self.processes, owner));
        }
        let is_missed = |source: &Source| matches!(source, Source::Nobody(Unattributed::ProcessGone));
        if sources.values().any(is_missed) {
            take_snapshot(&mut self.monitor, &mut self.processes)?;
            sources.iter_mut().for_each(|(owner, source)| *source = source_of(&self.processes, owner));
        }
        for growth in growths {
            let (flow, bytes) = (growth.flow, growth.bytes);
            self.network.moved(&flow, bytes);
            self.naming.moved(&flow);
            self.head.accounted += bytes;
            if self.self_test.takes(&flow, bytes) {
                self.conservation.self_test_moved(bytes);
                self.journal.note(&Entry::Grown { flow, bytes, row: None });
                continue;
            }
            let source = sources.get(&flow.owner).unwrap_or(&Source::Nobody(Unattributed::ProcessGone));
            let row = self.rows.add(growth, source, self.pace.width.ms(), since, now);
            self.journal.note(&Entry::Grown { flow, bytes, row: Some(row) });
        }
        Ok(())
    }

    /// Takes in what programs said of names.
    pub(super) fn hear(&mut self) -> Result<(), RecorderError> {
        let Self { monitor, naming, .. } = self;
        Ok(monitor.said(|said| naming.hear(&said))?)
    }

    pub(super) fn identify_owners(&mut self, now: MonotonicNs) -> Result<(), RecorderError> {
        let Self { rows, processes, hasher, origins, monitor, .. } = self;
        rows.unidentified().for_each(|process| processes.identify(process, hasher, origins, now));
        if rows.unidentified().any(|process| process.is_doubted()) {
            take_snapshot(monitor, processes)?;
            rows.unidentified().for_each(|process| processes.identify(process, hasher, origins, now));
        }
        Ok(())
    }

    /// Tells what is known by now to the tally, the judge and the next tick of the live view.
    pub(super) fn settle(&mut self, now: Now) {
        let has_learned = self.has_learned(now);
        let Self { rows, tally, judge, shown, processes, changes, inspector, naming, privacy, .. } = self;
        let mut found = Vec::new();
        rows.settle(|told| {
            let flow = &told.row.flow;
            if let Source::Process(process) = &told.row.source {
                processes.note_identified(process);
            }
            if told.is_first {
                naming.identified(flow, told.owner);
            }
            tally.add(told.owner, told.bytes);
            let name = naming.name_of(told.row, processes);
            let name = name.as_deref();
            let who = Who { owner: told.owner, placement: told.row.source.placement(), uid: flow.uid };
            shown.moved(who, flow.remote, name, told.moved_now);
            watch(changes, inspector, &told.row.source, told.owner, now);
            let (true, Source::Process(process)) = (told.is_first, &told.row.source) else { return };
            match told.owner {
                Owner::Program { lineage, application, provenance, code } => {
                    let (uid, code) = (flow.uid, code.as_deref());
                    let (remote, name) = privacy.peer_of(told.row, told.owner, name);
                    let talk = Talk { lineage, application, provenance, code, uid, remote, name };
                    for mut finding in judge.observe(&talk, now.wall) {
                        add_process(&mut finding, processes, process, now);
                        found.push(finding);
                    }
                }
                Owner::Unattributed(reason) => {
                    found.extend(tell_unidentified(judge, processes, (process, *reason, flow.uid), now));
                }
                Owner::Kernel => {}
            }
        });
        self.learned.is_awaited_if(rows.unidentified().next().is_some());
        found.into_iter().for_each(|finding| self.raise(finding));
        if has_learned {
            self.outbox.push(Job::EndLearning { at: now.wall, done: None });
        }
    }

    /// Whether learning has just come to its end.
    fn has_learned(&mut self, now: Now) -> bool {
        let period = self.learning_period;
        let is_over = self.learning.as_mut().is_some_and(|learning| learning.look(now.monotonic, period));
        if is_over {
            self.learning = None;
            self.judge.learn(false);
        } else if let Some(learned) = self.learning.as_mut().and_then(Learning::take_note) {
            self.outbox.push(Job::Learned(learned));
        }
        is_over
    }

    fn show_open(&mut self, shown: &mut Tick) {
        for ((owner, uid), (flows, flow)) in self.ledger.open() {
            let Some(process) = self.processes.get(owner) else { continue };
            if let Identity::Settled(owner) = process.identity() {
                let who = Who { owner: &owner, placement: process.placement(), uid: *uid };
                let name = self.naming.names.name_of(flow, None, &self.processes);
                shown.open(who, *flows, flow.remote, name.as_deref());
            }
        }
    }

    pub(super) fn raise(&mut self, finding: NewFinding) {
        self.outbox.raise(finding);
    }

    /// Hands what is settled to the history; while that is behind, it waits in the outbox.
    pub(super) fn write(&mut self, done: Vec<oneshot::Sender<Result<(), Error>>>) {
        let Self { rows, naming, processes, privacy, tally, .. } = self;
        let (taken, mut records) = rows.take_settled(|row, owner| {
            let known = naming.known_of(row, processes);
            if privacy.excludes(row, owner, known.name.as_deref()) {
                tally.exclude(owner, row.bytes);
                return None;
            }
            Some(known)
        });
        records.iter_mut().for_each(|record| privacy.strip(record));
        let checkpoint = (taken > 0).then(|| self.hand_over());
        if checkpoint.is_some() || !done.is_empty() {
            self.outbox.write(records, checkpoint, self.pace.presence.take(), done);
        }
    }

    /// Answers those who wait until everything is written, once nothing is being identified any more.
    pub(super) fn answer_flushes(&mut self, now: Now) {
        if self.flushing.is_empty() {
            return;
        }
        let pending = self.rows.unidentified().next().is_some();
        let (ready, waiting): (Vec<_>, Vec<_>) =
            self.flushing.drain(..).partition(|flushing| !pending || flushing.deadline <= now.monotonic);
        self.flushing = waiting;
        if !ready.is_empty() {
            self.write(ready.into_iter().map(|flushing| flushing.done).collect());
        }
    }

    /// What was refused since the last tick: a finding, and the bytes that have no owner therefore.
    fn take_losses(&mut self, now: Now) -> Result<Option<Growth>, RecorderError> {
        let losses = self.monitor.losses()?;
        let before = std::mem::replace(&mut self.losses, losses);
        if losses != before {
            self.journal.note(&Entry::Losses(losses));
        }
        let grown = |of: fn(&Losses) -> u64| of(&losses).saturating_sub(of(&before));
        if grown(|losses| losses.events) > 0 {
            take_lost_events(&mut self.monitor, &mut self.processes, now)?;
        }
        let lost = [
            (grown(|losses| losses.events), "process events"),
            (grown(|losses| losses.exec_file_overflows), "notices of executed files (at least)"),
            (grown(|losses| losses.unowned_flows), "flows' owners"),
        ];
        for (delta, what) in lost {
            if let Some(finding) = self.judge.lost_events(delta, what, now.wall) {
                self.raise(finding);
            }
        }
        let bytes = losses.unowned_bytes.growth_since(before.unowned_bytes);
        let growth = Growth { flow: Flow::of_unknown_peer(NOBODY), bytes, opened: None };
        Ok((bytes != Bytes::default()).then_some(growth))
    }
}

/// Whose bytes these are, before it is known who that is.
pub(super) fn source_of(processes: &Processes, owner: &ProcessKey) -> Source {
    match processes.get(owner) {
        _ if *owner == Flow::KERNEL => Source::Kernel,
        _ if *owner == NOBODY => Source::Nobody(Unattributed::TableFull),
        _ if owner.pid == NOBODY.pid => Source::Nobody(Unattributed::NotTakenOver),
        Some(process) => Source::Process(process),
        None => Source::Nobody(Unattributed::ProcessGone),
    }
}

/// The owner of bytes that found room nowhere: no process can have this key. In the place of the last part, the instance of the
/// tables says that nobody took over what they had counted.
pub(super) const NOBODY: ProcessKey =
    ProcessKey { pid: Pid(u32::MAX), started: MonotonicNs(u64::MAX), exec_generation: u64::MAX };
