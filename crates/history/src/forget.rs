//! Deletes what a person does not want to be known any more, a little in each transaction: from the blocks of every level, the finest
//! first, then every number that nothing uses afterwards, with all that is kept of applications that have nothing left. What a query means is
//! also what has no traffic any more (`meant`).
//!
//! Rows are written meanwhile, also to buckets that were gone through already. Invariant: each interval that loses something gets again
//! what the level below still has of it, in the same transaction; so every level stays the sum of what is below.

use std::{collections::BTreeSet, fmt, ops::Range};

use portolan_core::{ApplicationKey, Dimension, UnixMillis};
use rusqlite::{Connection, OptionalExtension};

use crate::{
    ReadError, ServiceName, WriteError,
    block::{Level, Moved},
    language::{Condition, Field, Filter, Query},
    query::Sight,
    reader,
    rollup::Gathered,
    scan::Row,
    tables::{
        block::{self as table, Head},
        finding_names, forgotten,
    },
    unused::Sweep,
};

mod meant;

/// So many rows are looked at in one step.
const STEP_ROWS: usize = 20_000;

/// Whether what an actor (a number of `actor`) exchanged with a peer is to be forgotten.
pub(crate) type Fits = Box<dyn Fn(u32, u32) -> bool + Send>;

/// What is to be forgotten, in the numbers of a moment.
pub(crate) struct Meant {
    /// In which buckets.
    pub(crate) times: Range<i64>,
    pub(crate) fits: Fits,
    /// Applications that are meant as a whole, whatever they move meanwhile.
    pub(crate) applications: BTreeSet<i64>,
    /// Names that go where no traffic is left that has them.
    pub(crate) domains: BTreeSet<i64>,
}

/// What is being forgotten, between two steps of [`crate::History::forget`].
///
/// Ports do not count: they are not known from minutes on. A minute, an hour or a day of which only a part is meant loses that part, and
/// all that fits where it is not known more exactly.
pub struct Forgetting {
    meant: Meant,
    /// Its row in `forgotten`.
    note: i64,
    phase: Phase,
    /// Whose rows were deleted, and with whom, as far as it is noted.
    actors: BTreeSet<u32>,
    peers: BTreeSet<u32>,
    /// Of which nothing is left.
    gone: Vec<ApplicationKey>,
    pub(crate) is_held: bool,
}

#[derive(Debug)]
enum Phase {
    /// Blocks of that level from there on.
    Blocks(Level, i64),
    /// What nothing uses any more.
    Numbers,
    /// Only what was deleted is still in the log, and the file has its old size.
    Traces,
}

/// Why it is not begun to forget.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The query is about local addresses, or local or remote ports.
    #[error(
        "nothing can be forgotten by its local address, or its local or remote port, which older traffic does not have any more; name the service's port, the \
         application or the other side"
    )]
    ByEnd,
    /// The query is about sums.
    #[error(
        "nothing can be forgotten by how much it moved; name the application, the other side or the time"
    )]
    ByTotal,
    /// It could not be found out what is meant.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be noted.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was kept of it is no query; it is not kept any more.
    #[error("what was being forgotten cannot be read any more; ask again for what is to go")]
    Unreadable,
}

/// Whether what a query means is something that can be forgotten.
///
/// # Errors
/// [`ForgetError::ByTotal`] and [`ForgetError::ByEnd`].
pub fn can_be_forgotten(query: &Query) -> Result<(), ForgetError> {
    match query {
        Query { totals, .. } if !totals.is_empty() => Err(ForgetError::ByTotal),
        Query { filter, .. } if asks_ends(filter) => Err(ForgetError::ByEnd),
        _ => Ok(()),
    }
}

fn asks_ends(filter: &Filter) -> bool {
    match filter {
        Filter::Every(filters) | Filter::Any(filters) => filters.iter().any(asks_ends),
        Filter::Not(filter) => asks_ends(filter),
        Filter::Has(Condition { field, .. }) => {
            matches!(
                field,
                Field::Local | Field::AnyPort | Field::Of(Dimension::LocalPort | Dimension::RemotePort)
            )
        }
    }
}

/// What a query means, in the numbers of this moment.
pub(crate) fn compile(
    connection: &Connection,
    query: &Query,
    services: ServiceName,
    now: UnixMillis,
) -> Result<Meant, ForgetError> {
    can_be_forgotten(query)?;
    reader::name_services(connection, services).map_err(ReadError::from)?;
    let sight = Sight::new(connection, &query.filter, None)?;
    // All that is there, also where the clock was ahead, and nothing that begins from now on.
    let newest =
        table::last(connection).map_err(ReadError::from)?.map_or(i64::MIN, |newest| newest.saturating_add(1));
    let end = newest.max(now.0);
    let times =
        query.since.map_or(i64::MIN, |since| since.0)..query.until.map_or(end, |until| until.0.min(end));
    // Numbers that are given out from now on are not meant.
    let (actors, peers) = (sight.actors_end(), sight.peers_end());
    let fits = move |actor, peer| {
        actor < actors && peer < peers && sight.sees(&Row { actor, peer, ..Row::default() })
    };
    let applications = meant::applications(connection, &query.filter, &times).map_err(ReadError::from)?;
    let domains = meant::domains(connection, &query.filter, &times).map_err(ReadError::from)?;
    Ok(Meant { times, fits: Box::new(fits), applications, domains })
}

impl fmt::Debug for Forgetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgetting")
            .field("times", &self.meant.times)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl Forgetting {
    pub(crate) fn new(meant: Meant, note: i64) -> Self {
        let phase = Phase::Blocks(Level::Bucket, meant.times.start);
        Self {
            meant,
            note,
            phase,
            actors: BTreeSet::new(),
            peers: BTreeSet::new(),
            gone: Vec::new(),
            is_held: false,
        }
    }

    /// The number of its row in `forgotten`.
    pub(crate) fn note(&self) -> i64 {
        self.note
    }

    /// Applications of which nothing is left, so far; said once.
    pub fn take_gone(&mut self) -> Vec<ApplicationKey> {
        std::mem::take(&mut self.gone)
    }

    /// Whether nothing is left of it but what somebody reads in the log: a next step is of use when they have ended.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether only traces are left, which no transaction can delete.
    pub(crate) fn has_only_traces(&self) -> bool {
        matches!(self.phase, Phase::Traces)
    }

    /// Whether the next step is one of the search for unused numbers, which goes on from step to step.
    pub(crate) fn is_searching(&self) -> bool {
        matches!(self.phase, Phase::Numbers)
    }

    /// One step, in a transaction; how many numbers are gone.
    pub(crate) fn step(&mut self, connection: &Connection, sweep: &mut Sweep) -> rusqlite::Result<usize> {
        match &mut self.phase {
            Phase::Blocks(level, from) => {
                let (level, from) = (*level, *from);
                self.phase = match self.blocks(connection, level, from)? {
                    Some(from) => Phase::Blocks(level, from),
                    None => level.above().map_or(Phase::Numbers, |above| {
                        Phase::Blocks(above, above.start_of(self.meant.times.start))
                    }),
                };
            }
            Phase::Numbers => {
                let had_actors = !sweep.has_actors_done();
                let swept = sweep.step(connection)?;
                if had_actors && sweep.has_actors_done() {
                    self.forget_unused(connection)?;
                }
                if swept.is_done {
                    self.phase = Phase::Traces;
                }
                return Ok(swept.deleted);
            }
            Phase::Traces => {}
        }
        Ok(0)
    }

    /// What has nothing left, when the actors and peers that nothing uses are gone.
    fn forget_unused(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let (applications, domains) = forgotten::take_touched(connection, self.note)?;
        for application in &self.meant.applications {
            self.gone.extend(forget_application(connection, *application)?);
        }
        for application in applications.difference(&self.meant.applications) {
            if !is_used(connection, *application)? {
                self.gone.extend(forget_application(connection, *application)?);
            }
        }
        finding_names::forget_unused(connection, &(&self.meant.domains | &domains))
    }

    /// Goes through some intervals of a level; where to go on, `None` at the end.
    fn blocks(&mut self, connection: &Connection, level: Level, from: i64) -> rusqlite::Result<Option<i64>> {
        let mut seen = 0;
        let mut next = from;
        while seen < STEP_ROWS {
            let found = table::next(connection, level, next)?.filter(|start| *start < self.meant.times.end);
            let Some(start) = found else { return Ok(None) };
            seen += self.interval(connection, level, start)?.max(1);
            next = start.saturating_add(1);
        }
        Ok(Some(next))
    }

    /// Deletes what fits in one interval; how many rows were looked at.
    fn interval(&mut self, connection: &Connection, level: Level, start: i64) -> rusqlite::Result<usize> {
        let (mut heads, mut bytes) = (Vec::new(), 0);
        let (mut rows, mut kept, mut is_damaged) = (0, Gathered::default(), false);
        let (mut gone, mut peers) = (BTreeSet::new(), BTreeSet::new());
        table::each(connection, level, start..=start, |head, block| {
            heads.push(head);
            // What it holds nobody can tell, and so neither that it has nothing of it.
            is_damaged |= block.is_err();
            let block = block.unwrap_or_default();
            rows += block.len();
            let fits = |row: &&Moved| (self.meant.fits)(row.actor, row.peer);
            gone.extend(block.iter().filter(fits).map(|row| row.actor));
            peers.extend(block.iter().filter(fits).map(|row| row.peer));
            block.iter().filter(|row| !fits(row)).for_each(|row| kept.add(&[*row], level));
            Ok(())
        })?;
        let Some((first, others)) = heads.split_first().filter(|_| is_damaged || !gone.is_empty()) else {
            return Ok(rows);
        };
        let deleted = rows - kept.len().min(rows);
        if let Some(below) = level.below() {
            // Not meant where only a part of the interval is, or written since: as far as the level below is still there.
            let last = start.saturating_add(level.width_ms().into()).saturating_sub(1);
            table::each(connection, below, start..=last, |_, block| {
                let block = block.unwrap_or_default();
                rows += block.len();
                let rest = block.iter().filter(|row| (self.meant.fits)(row.actor, row.peer));
                rest.for_each(|row| kept.add(&[*row], level));
                Ok(())
            })?;
        }
        bytes += table::bytes(connection, level, start)?;
        others.iter().try_for_each(|other| table::delete(connection, level, start, other.part))?;
        let width_ms = heads.iter().map(|head| head.width_ms).max().unwrap_or(first.width_ms);
        let mut kept = kept.into_rows(level);
        if kept.is_empty() {
            table::delete(connection, level, start, first.part)?;
        } else {
            table::put(connection, level, Head { width_ms, ..*first }, &mut kept)?;
        }
        let bytes = bytes.saturating_sub(table::bytes(connection, level, start)?);
        forgotten::add(connection, self.note, deleted, bytes)?;
        for actor in gone {
            if self.actors.insert(actor) {
                forgotten::touch_actor(connection, self.note, actor)?;
            }
        }
        for peer in peers {
            if self.peers.insert(peer) {
                forgotten::touch_peer(connection, self.note, peer)?;
            }
        }
        Ok(rows)
    }
}

fn is_used(connection: &Connection, application: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM actor WHERE application_id = ?1")?.exists([application])
}

/// Deletes what is kept of an application besides its traffic; its key, where it has one that a judge knows.
fn forget_application(connection: &Connection, application: i64) -> rusqlite::Result<Option<ApplicationKey>> {
    for sql in [
        // About several, of which it is the last.
        "DELETE FROM finding WHERE application_id IS NULL
            AND id IN (SELECT finding_id FROM finding_member WHERE application_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM finding_member WHERE finding_id = finding.id AND application_id != ?1)",
        "DELETE FROM finding_member WHERE application_id = ?1
            OR finding_id IN (SELECT id FROM finding WHERE application_id = ?1)",
        "DELETE FROM finding WHERE application_id = ?1",
        "DELETE FROM sighting WHERE application_id = ?1",
        "UPDATE application SET review = 'unreviewed', reviewed_by = NULL, reviewed_ms = NULL WHERE id = ?1",
    ] {
        connection.execute(sql, [application])?;
    }
    let key = connection
        .query_row("SELECT key FROM application WHERE id = ?1", [application], |row| row.get::<_, String>(0))
        .optional()?;
    Ok(key.and_then(|key| key.parse().ok()))
}
