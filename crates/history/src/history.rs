use std::{io, path::Path, time::Duration};

use portolan_core::{ApplicationKey, FindingKind, ReviewState, Uid, UnixMillis};
use rusqlite::{Connection, TransactionBehavior};

use crate::{
    Checkpoint, FindingRow, KnownApplication, Learning, NewFinding, OpenError, ReadError, Record, Spans,
    WriteError,
    intern::Interner,
    open,
    place::Place,
    rollup::Batch,
    tables::{application, checkpoint, finding, learning, recorded, sighting::Sightings},
    unused::Sweep,
};

mod catching_up;
mod forgetting;
mod importing;
mod keeping;
mod saving;

/// So many pages are given back in one step.
const SHRUNK_PAGES: u64 = 128;

/// The one writer of a history. It belongs to one thread, because every call waits for the disk.
///
/// A second writer on the same file does no harm: each waits for the other's transaction, for 5 seconds at most.
/// Dropping it writes the log back into the file; nothing that was written depends on that.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    interner: Interner,
    place: Place,
    /// The database's count of what other connections wrote: after that, no number that is remembered means anything.
    others: Option<i64>,
    keeping: Keeping,
    is_behind: bool,
}

/// What is remembered from one step of [`History::retain`] to the next.
#[derive(Debug, Default)]
struct Keeping {
    sweep: Option<Sweep>,
    /// Whether blocks were deleted since the last sweep began.
    has_deleted: bool,
    /// When that was.
    swept: Option<UnixMillis>,
}

impl History {
    /// Opens the history at `path`, creates it (mode 0600) when there is none, and brings it to the newest version; a large one of an old
    /// version not at once, see [`Self::is_behind`].
    ///
    /// A file that is damaged, no history, or of a newer version is left exactly as it is.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (connection, is_newest) = open::writer(path)?;
        Ok(Self { is_behind: !is_newest, ..Self::of(connection, path) })
    }

    /// The history at `path` for questions only, where [`Self::open`] finds no room; `None` when nothing was ever written.
    ///
    /// Nobody else can open the file before this is dropped.
    pub fn open_without_room(path: &Path) -> Result<Option<Self>, OpenError> {
        Ok(open::without_room(path)?.map(|connection| Self::of(connection, path)))
    }

    fn of(connection: Connection, path: &Path) -> Self {
        let (interner, place) = (Interner::default(), Place::of(path));
        Self { connection, interner, place, others: None, keeping: Keeping::default(), is_behind: false }
    }

    /// Whether its files can still be found under their names; otherwise what is written now is gone when they are closed.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.place.is_kept()
    }

    /// How long its log is; 0 where that cannot be found out.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.place.log_bytes()
    }

    /// Writes the log back into the file and cuts it, as far as nobody reads what stands there, which is not waited for.
    pub fn shorten_log(&mut self) -> Result<(), WriteError> {
        open::is_log_held(&self.connection)?;
        Ok(())
    }

    /// Closes a history that is not in its place any more, so that another can be opened there.
    pub fn leave(self) -> io::Result<()> {
        let Self { connection, place, .. } = self;
        // A file that was only renamed must not lack what stands in its log; where that fails, the log is of no use to anybody.
        drop(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        drop(connection);
        place.remove_log()
    }

    /// Writes all records in one transaction, on the disk when it returns.
    ///
    /// After an error nothing was written, and the same records can be given again.
    pub fn write(&mut self, records: &[Record]) -> Result<(), WriteError> {
        self.write_up_to(records, None)
    }

    /// The same, and in the same transaction that this was all up to the checkpoint.
    pub fn write_up_to<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), WriteError> {
        self.write_recorded(records, checkpoint, &Spans::default())
    }

    /// The same, and that somebody recorded at these times: what is not among these records did not move then.
    ///
    /// A record shows by itself that somebody recorded in its bucket.
    pub fn write_recorded<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
        checkpoint: Option<Checkpoint>,
        recorded: &Spans,
    ) -> Result<(), WriteError> {
        let mut sweep = self.keeping.sweep.take();
        let result = self.transact(|connection, interner| {
            if let Some(checkpoint) = checkpoint {
                checkpoint::write(connection, checkpoint)?;
            }
            let mut recorded = recorded.clone();
            let records = records.into_iter().inspect(|record| recorded.add(record.bucket()));
            write(connection, interner, records, sweep.as_mut())?;
            Ok(recorded::add(connection, &recorded)?)
        });
        // After an error it noted what was not written, which does no harm.
        self.keeping.sweep = sweep;
        result
    }

    /// A transaction that may delete numbers, which it answers beside the rest: afterwards none that is remembered means anything.
    fn sweep<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<(T, usize)>,
    ) -> Result<T, WriteError> {
        // It deletes nothing that is named, and each check would read a whole table.
        self.connection.pragma_update(None, "foreign_keys", false)?;
        let result = self.transact(|connection, interner| {
            let (value, deleted) = work(connection)?;
            if deleted > 0 {
                interner.clear();
            }
            Ok(value)
        });
        self.connection.pragma_update(None, "foreign_keys", true)?;
        result
    }

    /// Stores a finding. Its application and executable become known with it.
    ///
    /// What was found about the same before is the same row: counted when its evidence is no news, open again when it is.
    pub fn raise(&mut self, finding: &NewFinding) -> Result<FindingRow, WriteError> {
        self.transact(|connection, interner| Ok(finding::raise(connection, interner, finding)?))
    }

    /// Stores what a person decided, and answers the application's open findings; the findings that changed, oldest first.
    ///
    /// What the files of an approved one were told to hold is known from now on. A reset to [`ReviewState::Unreviewed`] changes no
    /// finding. `NotFound` when the application is not known.
    pub fn review(
        &mut self,
        application: &ApplicationKey,
        state: ReviewState,
        by: Uid,
        now: UnixMillis,
    ) -> Result<Vec<FindingRow>, WriteError> {
        self.transact(|connection, interner| {
            let id = application::review(connection, application, state, by, now)?;
            let not_found =
                || WriteError::NotFound { application: application.as_untrusted().for_terminal() };
            let id = id.ok_or_else(not_found)?;
            if state == ReviewState::Approved {
                finding::approve_contents(connection, interner, id)?;
            }
            Ok(finding::answer(connection, id, state, by, now)?)
        })
    }

    /// How much of a daemon's journal was written last; `None` when no daemon has said.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, ReadError> {
        Ok(checkpoint::read(&self.connection)?)
    }

    /// When the daemon learned what talks on this machine; `None` before it began.
    pub fn learning(&self) -> Result<Option<Learning>, ReadError> {
        Ok(learning::read(&self.connection)?)
    }

    /// Learning begins, unless it did before; when that was.
    pub fn begin_learning(&mut self, now: UnixMillis) -> Result<Learning, WriteError> {
        self.transact(|connection, _| {
            learning::begin(connection, now)?;
            Ok(learning::read(connection)?.unwrap_or(Learning {
                began: now,
                ended: None,
                learned: Duration::ZERO,
            }))
        })
    }

    /// Learning has lasted so long by now, unless it has ended.
    pub fn note_learned(&mut self, learned: Duration) -> Result<(), WriteError> {
        self.transact(|connection, _| Ok(learning::note(connection, learned)?))
    }

    /// Learning ends, unless it did before. The baseline, where there is one, is to be told from now on.
    pub fn end_learning(&mut self, now: UnixMillis) -> Result<Vec<FindingRow>, WriteError> {
        self.transact(|connection, _| {
            learning::end(connection, now)?;
            Ok(finding::end_baseline(connection, now)?)
        })
    }

    /// Keeps an open finding from being shown before `until` (`None`: no longer); `None` when there is none of this number.
    pub fn snooze(&mut self, id: i64, until: Option<UnixMillis>) -> Result<Option<FindingRow>, WriteError> {
        self.transact(|connection, _| Ok(finding::snooze(connection, id, until)?))
    }

    /// Answers an open finding about several applications, or about the daemon itself; `None` when there is none of this number.
    pub fn dismiss(&mut self, id: i64, by: Uid, now: UnixMillis) -> Result<Option<FindingRow>, WriteError> {
        self.transact(|connection, _| Ok(finding::dismiss(connection, id, by, now)?))
    }

    /// The kinds of open findings that are about no single application, each once.
    pub fn open_kinds(&self) -> Result<Vec<FindingKind>, ReadError> {
        Ok(finding::open_kinds(&self.connection)?)
    }

    /// Every application with its review and its executables, in the order of the keys.
    pub fn known_applications(&self) -> Result<Vec<KnownApplication>, ReadError> {
        Ok(application::known(&self.connection)?)
    }

    /// Runs `work` in one transaction; after an error nothing of it remains, neither in the file nor in memory.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Interner) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        if self.is_behind {
            return Err(WriteError::Behind);
        }
        let Self { connection, interner, others, .. } = self;
        let result = commit_after(connection, |connection| {
            let now = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
            if others.replace(now) != Some(now) {
                interner.clear();
            }
            work(connection, interner)
        });
        if result.is_err() {
            interner.clear();
        }
        result
    }
}

/// Writes records within a transaction.
fn write<'a>(
    connection: &Connection,
    interner: &mut Interner,
    records: impl IntoIterator<Item = &'a Record>,
    mut sweep: Option<&mut Sweep>,
) -> Result<(), WriteError> {
    let mut batch = Batch::default();
    let mut sightings = Sightings::default();
    for record in records {
        let place = interner.place(connection, record)?;
        let moved = record.moved(&place)?;
        if let Some(sweep) = &mut sweep {
            sweep.note(&moved);
        }
        batch.add(record.bucket_start.0, record.bucket_ms, moved);
        for seen in place.seen.into_iter().flatten() {
            sightings.note(seen, record.first, record.last);
        }
    }
    batch.write(connection)?;
    Ok(sightings.write(connection)?)
}

fn commit_after<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, WriteError>,
) -> Result<T, WriteError> {
    // Immediate: a transaction that starts by reading could not become a writing one while another writer is there.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

#[cfg(test)]
mod clock_tests;
#[cfg(test)]
mod forgetting_tests;
#[cfg(test)]
mod forgotten_tests;
#[cfg(test)]
mod keeping_tests;
#[cfg(test)]
mod resuming_tests;
#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{FindingRow, Reader};

    fn raise(history: &mut History) -> Result<FindingRow, WriteError> {
        let lost = NewFinding::about_the_daemon(FindingKind::LostEvents, UnixMillis(1), String::new());
        history.raise(&lost)
    }

    #[test]
    fn a_writer_that_is_kept_waiting_says_so_and_goes_on() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("history.sqlite");
        let mut history = History::open(&path).unwrap();
        history.connection.busy_timeout(Duration::from_millis(10)).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(raise(&mut history), Err(WriteError::Busy(_))));
        other.execute_batch("ROLLBACK").unwrap();
        raise(&mut history).unwrap();
    }

    #[test]
    fn every_commit_waits_for_the_disk_and_a_reader_cannot_write() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("history.sqlite");
        let history = History::open(&path).unwrap();
        let full: i64 = history.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!(full, 2);
        let reader = open::reader(&path).unwrap();
        reader.execute("INSERT INTO text (value) VALUES ('x')", []).unwrap_err();
        drop(history);
        Reader::open(&path).unwrap().findings(true, None).unwrap();
    }
}
