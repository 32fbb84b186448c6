//! What moved in buckets that are not written yet.

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, LazyLock},
};

use foldhash::fast::RandomState;
use portolan_core::{Bytes, Flow, MonotonicNs, Name, Owner, Placement, Unattributed, UnixMillis};
use portolan_history::Record;

use super::{ledger::Growth, naming::Known};
use crate::{
    clock::Now,
    identity::{Identity, Process},
    journal::RowNote,
};

mod bound;
#[cfg(test)]
mod clock_tests;

/// Where the kernel is, and who has no process.
static NOWHERE: LazyLock<Arc<Placement>> = LazyLock::new(Arc::default);

/// The owner of a flow, before it is identified.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Kernel,
    Process(Rc<Process>),
    /// No process is known for it, and none will be.
    Nobody(Unattributed),
}

impl Source {
    /// Where it runs; nowhere for what is no process.
    pub(super) fn placement(&self) -> Arc<Placement> {
        match self {
            Self::Process(process) => process.placement(),
            Self::Kernel | Self::Nobody(_) => Arc::clone(&NOWHERE),
        }
    }

    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::Kernel => Identity::Settled(Owner::Kernel),
            Self::Nobody(reason) => Identity::Settled(Owner::Unattributed(*reason)),
            Self::Process(process) => process.identity(),
        }
    }
}

/// What one flow moved in one bucket.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) flow: Flow,
    pub(super) source: Source,
    /// How long its bucket lasts.
    bucket_ms: u32,
    pub(super) bytes: Bytes,
    /// The part of `bytes` that is not in the tally and on no screen yet.
    fresh: Bytes,
    /// The part of `fresh` that moved under a daemon before this one: it is on no screen.
    inherited: Bytes,
    flows_opened: u64,
    /// When the flow was first used, where that was in this bucket.
    pub(super) began: Option<MonotonicNs>,
    first: UnixMillis,
    last: UnixMillis,
    /// Whose it is, once known.
    owner: Option<Owner>,
}

/// What a row has to tell after a tick.
pub(super) struct Told<'a> {
    pub(super) row: &'a Row,
    pub(super) owner: &'a Owner,
    /// Whether it tells whose it is for the first time.
    pub(super) is_first: bool,
    pub(super) bytes: Bytes,
    /// The part of them that moved since the last tick.
    pub(super) moved_now: Bytes,
}

/// All rows, by the start of their bucket.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: HashMap<(UnixMillis, Flow), Row, RandomState>,
}

impl Rows {
    /// Adds what moved since then to the bucket of now; what was added.
    pub(super) fn add(
        &mut self,
        growth: &Growth,
        source: &Source,
        bucket_ms: u32,
        since: MonotonicNs,
        now: Now,
    ) -> RowNote {
        let key = (now.wall.bucket_start(bucket_ms), growth.flow);
        // By the clock of now, whatever it showed then; what moved before the bucket, or in a suspend, counts where it was seen.
        let first = now.wall_at(growth.opened.unwrap_or(since)).max(key.0);
        let row = self.rows.entry(key).or_insert_with(|| Row {
            flow: growth.flow,
            source: source.clone(),
            bucket_ms,
            bytes: Bytes::default(),
            fresh: Bytes::default(),
            inherited: Bytes::default(),
            flows_opened: 0,
            began: None,
            first,
            last: now.wall,
            owner: None,
        });
        // One of another length that begins at the same time, of a daemon before this one.
        row.bucket_ms = row.bucket_ms.max(bucket_ms);
        row.bytes += growth.bytes;
        row.fresh += growth.bytes;
        let flows_opened = u64::from(growth.opened.is_some());
        row.flows_opened += flows_opened;
        row.began = row.began.or(growth.opened);
        // The clock may have gone back within the bucket.
        row.first = row.first.min(first);
        row.last = row.last.max(now.wall);
        let (bucket_start, flow) = key;
        let bucket_ms = row.bucket_ms;
        RowNote { flow, bucket_start, bucket_ms, bytes: growth.bytes, flows_opened, first, last: now.wall }
    }

    /// Takes over a row of a daemon before this one.
    pub(super) fn recall(&mut self, note: RowNote, source: Source) {
        let RowNote { flow, bucket_start, bucket_ms, bytes, flows_opened, first, last } = note;
        let row = Row {
            flow,
            source,
            bucket_ms,
            bytes,
            fresh: bytes,
            inherited: bytes,
            flows_opened,
            began: None,
            first,
            last,
            owner: None,
        };
        self.rows.insert((bucket_start, flow), row);
    }

    /// All rows.
    pub(super) fn remembered(&self) -> impl Iterator<Item = RowNote> {
        self.rows.iter().map(|((bucket_start, flow), row)| RowNote {
            flow: *flow,
            bucket_start: *bucket_start,
            bucket_ms: row.bucket_ms,
            bytes: row.bytes,
            flows_opened: row.flows_opened,
            first: row.first,
            last: row.last,
        })
    }

    /// Which rows there are.
    pub(super) fn keys(&self) -> Vec<(UnixMillis, Flow)> {
        self.rows.keys().copied().collect()
    }

    /// Tells each row whose owner is known and that has something new; all others stay as they are.
    pub(super) fn settle(&mut self, mut tell: impl FnMut(Told<'_>)) {
        for row in self.rows.values_mut() {
            let is_new = row.owner.is_none();
            if is_new {
                let Identity::Settled(owner) = row.source.identity() else { continue };
                row.owner = Some(owner);
            }
            let bytes = std::mem::take(&mut row.fresh);
            let moved_now = bytes.growth_since(std::mem::take(&mut row.inherited));
            if let (Some(owner), true) = (&row.owner, is_new || !bytes.is_zero()) {
                tell(Told { row, owner, is_first: is_new, bytes, moved_now });
            }
        }
    }

    /// The flow of each row, and whose it is.
    pub(super) fn flows(&self) -> impl Iterator<Item = (&Flow, &Source)> {
        self.rows.values().map(|row| (&row.flow, &row.source))
    }

    /// What all of them moved.
    pub(super) fn bytes(&self) -> Bytes {
        self.rows.values().fold(Bytes::default(), |sum, row| sum + row.bytes)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The processes that are still to be identified, each once for each of its rows.
    pub(super) fn unidentified(&self) -> impl Iterator<Item = &Rc<Process>> {
        self.rows.values().filter(|row| row.owner.is_none()).filter_map(|row| match &row.source {
            Source::Process(process) => Some(process),
            Source::Kernel | Source::Nobody(_) => None,
        })
    }

    /// Bytes whose owner is still to be identified.
    pub(super) fn pending(&self) -> Bytes {
        self.rows
            .values()
            .filter(|row| row.owner.is_none())
            .fold(Bytes::default(), |sum, row| sum + row.fresh)
    }

    /// Takes the rows whose owner is known out, for the history: how many, and those that `known` does not exclude with what is
    /// known of them besides.
    pub(super) fn take_settled(
        &mut self,
        mut known: impl FnMut(&Row, &Owner) -> Option<Known>,
    ) -> (usize, Vec<Record>) {
        let (before, mut records) = (self.rows.len(), Vec::new());
        self.rows.retain(|(bucket_start, _), row| {
            let Some(owner) = row.owner.take() else { return true };
            if let Some(known) = known(row, &owner) {
                records.push(record(*bucket_start, row, owner, known));
            }
            false
        });
        let taken = before - self.rows.len();
        self.rows.shrink_to(self.rows.len().saturating_mul(2));
        (taken, records)
    }

    /// Gives up on identifying: what is pending becomes bytes without an owner. For the end of the daemon.
    pub(super) fn give_up(&mut self) {
        for row in self.rows.values_mut() {
            if row.source.identity() == Identity::Pending {
                row.source = Source::Nobody(Unattributed::FileUnavailable);
            }
        }
    }
}

fn record(bucket_start: UnixMillis, row: &Row, owner: Owner, known: Known) -> Record {
    let command_line = match &row.source {
        Source::Process(process) => process.command_line(),
        Source::Kernel | Source::Nobody(_) => None,
    };
    Record {
        bucket_start,
        bucket_ms: row.bucket_ms,
        owner,
        command_line,
        placement: row.source.placement(),
        uid: row.flow.uid,
        protocol: row.flow.protocol,
        direction: row.flow.direction,
        local: row.flow.local,
        remote: row.flow.remote,
        name: known.name.map(|name| Name::clone(&name)),
        // Found by the thread that writes.
        place: None,
        service_port: row.flow.service_port(),
        recognised: known.recognised,
        network_namespace: row.flow.network_namespace,
        bytes: row.bytes,
        flows_opened: row.flows_opened,
        first: row.first,
        last: row.last,
    }
}
