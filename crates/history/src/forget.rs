//! Deletes what a person does not want to be known any more, a little in each transaction: from the blocks of every level, the finest
//! first, then every number that nothing uses afterwards, with all that is kept of applications that have nothing left.

use std::{collections::BTreeSet, fmt, ops::Range};

use rusqlite::Connection;

use crate::{
    ReadError, WriteError,
    block::{Level, Moved},
    language::Query,
    query::{Ports, Sight},
    rollup::Gathered,
    scan::Row,
    tables::{
        block::{self as table, Head},
        forgotten,
    },
    unused::Sweep,
};

/// So many rows are looked at in one step.
const STEP_ROWS: usize = 20_000;

/// Whether what an actor (a number of `actor`) exchanged with a peer is to be forgotten.
pub(crate) type Fits = Box<dyn Fn(u32, u32) -> bool + Send>;

/// What is being forgotten, between two steps of [`crate::History::forget`].
///
/// Ports do not count: they are not known from minutes on. A minute, an hour or a day of which only a part is meant loses that part, and
/// all that fits where it is not known more exactly.
pub struct Forgetting {
    /// In which buckets.
    times: Range<i64>,
    fits: Fits,
    /// Its row in `forgotten`.
    note: i64,
    phase: Phase,
    /// Whose rows were deleted.
    actors: BTreeSet<u32>,
    /// Their applications.
    applications: Vec<i64>,
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
    /// The query is about local or remote ports.
    #[error(
        "nothing can be forgotten by its local or remote port, which older traffic does not have any more; name the service's port, the \
         application or the other side"
    )]
    ByPort,
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
}

/// What a query means, in the numbers of this moment.
pub(crate) fn compile(connection: &Connection, query: &Query) -> Result<(Range<i64>, Fits), ForgetError> {
    if !query.totals.is_empty() {
        return Err(ForgetError::ByTotal);
    }
    let sight = Sight::new(connection, &query.filter, None)?;
    if sight.asks_ports() {
        return Err(ForgetError::ByPort);
    }
    let times = query.since.map_or(i64::MIN, |since| since.0)..query.until.map_or(i64::MAX, |until| until.0);
    // Numbers that are given out from now on are not meant.
    let (actors, peers) = (sight.actors_end(), sight.peers_end());
    let fits = move |actor, peer| {
        let ports = Ports::default();
        actor < actors
            && peer < peers
            && sight.sees(&Row { actor, peer, ports, tx: 0, rx: 0, flows: 0, first_ms: 0, last_ms: 0 })
    };
    Ok((times, Box::new(fits)))
}

impl fmt::Debug for Forgetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgetting")
            .field("times", &self.times)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl Forgetting {
    pub(crate) fn new(times: Range<i64>, fits: Fits, note: i64) -> Self {
        let phase = Phase::Blocks(Level::Bucket, times.start);
        Self { times, fits, note, phase, actors: BTreeSet::new(), applications: Vec::new(), is_held: false }
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

    /// After a step that was rolled back: all of it again, of which there is not much left.
    pub(crate) fn begin_again(&mut self) {
        self.phase = Phase::Blocks(Level::Bucket, self.times.start);
    }

    /// Whether the next step is one of the search for unused numbers, which goes on from step to step.
    pub(crate) fn is_searching(&self) -> bool {
        matches!(self.phase, Phase::Numbers)
    }

    /// One step, in a transaction.
    pub(crate) fn step(&mut self, connection: &Connection, sweep: &mut Sweep) -> rusqlite::Result<()> {
        match &mut self.phase {
            Phase::Blocks(level, from) => {
                let (level, from) = (*level, *from);
                self.phase = match self.blocks(connection, level, from)? {
                    Some(from) => Phase::Blocks(level, from),
                    None => match level.above() {
                        Some(above) => Phase::Blocks(above, above.start_of(self.times.start)),
                        None => {
                            self.applications = applications_of(connection, &self.actors)?;
                            Phase::Numbers
                        }
                    },
                };
            }
            Phase::Numbers => {
                let had_actors = !sweep.has_actors_done();
                let swept = sweep.step(connection)?;
                if had_actors && sweep.has_actors_done() {
                    self.applications
                        .iter()
                        .try_for_each(|application| forget_unused(connection, *application))?;
                }
                if swept.is_done {
                    self.phase = Phase::Traces;
                }
            }
            Phase::Traces => {}
        }
        Ok(())
    }

    /// Goes through some intervals of a level; where to go on, `None` at the end.
    fn blocks(&mut self, connection: &Connection, level: Level, from: i64) -> rusqlite::Result<Option<i64>> {
        let mut seen = 0;
        let mut next = from;
        while seen < STEP_ROWS {
            let found = table::next(connection, level, next)?.filter(|start| *start < self.times.end);
            let Some(start) = found else { return Ok(None) };
            seen += self.interval(connection, level, start)?.max(1);
            next = start.saturating_add(1);
        }
        Ok(Some(next))
    }

    /// Deletes what fits in one interval; how many rows it had.
    fn interval(&mut self, connection: &Connection, level: Level, start: i64) -> rusqlite::Result<usize> {
        let (mut heads, mut bytes) = (Vec::new(), 0);
        let (mut rows, mut kept, mut is_damaged) = (0, Gathered::default(), false);
        let mut gone = BTreeSet::new();
        table::each(connection, level, start..=start, |head, block| {
            heads.push(head);
            // What it holds nobody can tell, and so neither that it has nothing of it.
            is_damaged |= block.is_err();
            let block = block.unwrap_or_default();
            rows += block.len();
            let fits = |row: &&Moved| (self.fits)(row.actor, row.peer);
            gone.extend(block.iter().filter(fits).map(|row| row.actor));
            block.iter().filter(|row| !fits(row)).for_each(|row| kept.add(&[*row], level));
            Ok(())
        })?;
        let Some((first, others)) = heads.split_first().filter(|_| is_damaged || !gone.is_empty()) else {
            return Ok(rows);
        };
        let left = kept.len();
        let end = start.saturating_add(level.width_ms().into());
        if let Some(below) = level.below().filter(|_| start < self.times.start || end > self.times.end) {
            // Only a part of it is meant: the rest stands in the level below, as far as that is still there.
            table::each(connection, below, start..=end.saturating_sub(1), |_, block| {
                let rest = block.unwrap_or_default().iter().filter(|row| (self.fits)(row.actor, row.peer));
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
        forgotten::add(connection, self.note, rows - left.min(rows), bytes)?;
        self.actors.extend(gone);
        Ok(rows)
    }
}

/// The applications of actors.
fn applications_of(connection: &Connection, actors: &BTreeSet<u32>) -> rusqlite::Result<Vec<i64>> {
    let mut application = connection.prepare("SELECT application_id FROM actor WHERE id = ?1")?;
    let mut all = BTreeSet::new();
    for actor in actors {
        let mut rows = application.query([actor])?;
        while let Some(row) = rows.next()? {
            all.extend(row.get::<_, Option<i64>>(0)?);
        }
    }
    Ok(all.into_iter().collect())
}

/// Deletes what is kept of an application that moved nothing any more.
fn forget_unused(connection: &Connection, application: i64) -> rusqlite::Result<()> {
    if connection.prepare_cached("SELECT 1 FROM actor WHERE application_id = ?1")?.exists([application])? {
        return Ok(());
    }
    for sql in [
        "DELETE FROM finding_member WHERE application_id = ?1
            OR finding_id IN (SELECT id FROM finding WHERE application_id = ?1)",
        "DELETE FROM finding WHERE application_id = ?1",
        "DELETE FROM sighting WHERE application_id = ?1",
        "UPDATE application SET review = 'unreviewed', reviewed_by = NULL, reviewed_ms = NULL WHERE id = ?1",
    ] {
        connection.execute(sql, [application])?;
    }
    Ok(())
}
