//! What can be read of a damaged history becomes the next one.
//!
//! The file is read page by page, without SQLite, which would stop where it finds the first contradiction. Whose a page is follows from
//! the pages above it or, where these are damaged, from what the file notes of each page. Rows keep their numbers, so they fit together as
//! they did. First everything but the traffic, at once: with that a daemon can go on. Then the traffic, in steps, before any new one is written.
//!
//! A file beside the history, made before anything is moved, says which one is being read: who is killed goes on there.

mod blocks;
mod cells;
mod log;
mod pages;
mod repair;
mod schema;
mod tables;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use portolan_core::UnixMillis;
use rusqlite::Connection;

use crate::{
    Checkpoint, SetAsideError, WriteError,
    block::Level,
    migrations, rollup,
    set_aside::{free_name, move_to, with_suffix},
    tables::{checkpoint, recorded},
};
use pages::Pages;
use tables::Table;

/// Why nothing can be saved.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// The damaged file stays where it is.
    #[error(transparent)]
    SetAside(#[from] SetAsideError),
    /// The next file cannot be written.
    #[error("what can be read of the damaged history {from} cannot be written beside it")]
    Write {
        /// The damaged file.
        from: PathBuf,
        /// What SQLite answered.
        source: rusqlite::Error,
    },
    /// The damaged file cannot be opened, or the next one not put into its place.
    #[error("what can be read of the damaged history {from} cannot be put into its place")]
    Place {
        /// The damaged file.
        from: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

/// What was saved and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saved {
    /// Where the damaged file is now.
    pub aside: PathBuf,
    /// Rows that could be read, by table.
    pub kept: BTreeMap<String, u64>,
    /// Rows that are known to have been there and cannot be read, by table.
    pub lost: BTreeMap<String, u64>,
    /// Pages whose rows, however many, cannot be read, by table.
    pub lost_pages: BTreeMap<String, u64>,
    /// Rows that stand for others that were lost.
    pub stand_ins: u64,
    /// Sums of an interval that were lost and made anew of what they are the sums of.
    pub restored: u64,
    /// The same of what is left of it, because a part was deleted as old before.
    pub restored_in_part: u64,
}

/// A damaged history whose traffic is being read.
#[derive(Debug)]
pub struct Salvage {
    path: PathBuf,
    pages: Pages,
    tables: HashMap<u32, Table>,
    next: u32,
    /// When all pages are read: at which level, and from where on, lost sums are looked for.
    sums: Option<(Level, i64)>,
    known: blocks::Known,
    saved: Saved,
}

/// How far a salvage is.
pub(crate) struct Reached {
    next: u32,
    sums: Option<(Level, i64)>,
    saved: Saved,
}

impl Salvage {
    /// Sets the damaged history at `path` aside and puts what can be read of it into its place, all but the traffic.
    ///
    /// No [`crate::History`] may be open on it.
    pub fn begin(path: &Path, now: UnixMillis) -> Result<Self, SalvageError> {
        let aside = free_name(path, now);
        let placed = |source| SalvageError::Place { from: aside.clone(), source };
        note(path, &aside).map_err(placed)?;
        move_to(path, &aside)?;
        Self::build(path, aside)
    }

    /// Goes on where somebody was killed; `None` when nothing is being saved.
    pub fn resume(path: &Path) -> Result<Option<Self>, SalvageError> {
        let Some(aside) = aside(path)? else { return Ok(None) };
        if !path.exists() {
            return Self::build(path, aside).map(Some);
        }
        let saved = Saved { aside, ..Saved::default() };
        Self::read(path, saved, migrations::newest()).map(Some)
    }

    /// Whether what is at `path` is, or is to become, what can be read of a damaged history. One that was half moved aside is moved
    /// first: without its log nobody may open it.
    pub fn is_under_way(path: &Path) -> Result<bool, SalvageError> {
        Ok(aside(path)?.is_some())
    }

    /// How far a damaged history at `path`, or the one that is being saved, has a journal; `None` where it does not say. Reads the log, the
    /// pages that say where tables begin, and one of the checkpoint's.
    #[must_use]
    pub fn checkpoint(path: &Path) -> Option<Checkpoint> {
        let aside = aside(path).ok()?.filter(|_| !path.exists());
        let path = aside.as_deref().unwrap_or(path);
        let mut pages = Pages::open(path).ok()?;
        let mut blank = Connection::open_in_memory().ok()?;
        blank.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").ok()?;
        migrations::migrate_to(&mut blank, schema::version(path).ok()?).ok()?;
        let (root, table) =
            Table::all(&blank).ok()?.into_iter().find(|(_, table)| table.name == "checkpoint")?;
        let root = schema::roots(&mut pages).get("checkpoint").copied().unwrap_or(root);
        table.add(&blank, cells::rows(&pages, root)?).ok()?;
        checkpoint::read(&blank).ok()?
    }

    /// Everything but the traffic, in a file that takes its place when it is whole.
    fn build(path: &Path, aside: PathBuf) -> Result<Self, SalvageError> {
        let next = with_suffix(path, ".next");
        let placed = |source| SalvageError::Place { from: aside.clone(), source };
        let failed = |source| SalvageError::Write { from: aside.clone(), source };
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(placed(error)),
            Ok(()) | Err(_) => {}
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next).map_err(placed)?;
        let newest = migrations::newest();
        let version = schema::version(&aside).map_err(failed)?;
        let saved = Saved { aside: aside.clone(), ..Saved::default() };
        let mut salvage = Self::read(path, saved, version)?;
        let is_old = version < newest;
        let mut connection = Connection::open(&next).map_err(failed)?;
        // What is half done when the power fails is done again.
        connection
            .execute_batch(
                "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF",
            )
            .map_err(failed)?;
        migrations::migrate_to(&mut connection, version).map_err(failed)?;
        let transaction = connection.transaction().map_err(failed)?;
        salvage.take(&transaction, u32::MAX, |table| is_old || !table.is_bulk()).map_err(failed)?;
        salvage.saved.stand_ins = repair::repair(&transaction).map_err(failed)?;
        salvage.keep_numbers(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        while !migrations::migrate(&mut connection).map_err(failed)? {}
        drop(connection);
        File::open(&next).and_then(|file| file.sync_all()).map_err(placed)?;
        fs::rename(&next, path).map_err(placed)?;
        sync_folder(path).map_err(placed)?;
        salvage.next = if is_old { salvage.pages.count() } else { 0 };
        Ok(salvage)
    }

    fn read(path: &Path, saved: Saved, version: i64) -> Result<Self, SalvageError> {
        let from = saved.aside.clone();
        let failed = |source| SalvageError::Write { from: from.clone(), source };
        let mut pages =
            Pages::open(&from).map_err(|source| SalvageError::Place { from: from.clone(), source })?;
        let mut blank = Connection::open_in_memory().map_err(failed)?;
        blank.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(failed)?;
        migrations::migrate_to(&mut blank, version).map_err(failed)?;
        // Where the file does not say where a table begins, it begins where it does in every file of this version.
        let said = schema::roots(&mut pages);
        let (mut tables, known): (HashMap<_, _>, Vec<_>) =
            (HashMap::new(), Table::all(&blank).map_err(failed)?);
        for is_said in [false, true] {
            for (root, table) in &known {
                let root = if is_said { said.get(&table.name) } else { Some(root) };
                if let Some(root) = root.filter(|_| is_said || !said.contains_key(&table.name)) {
                    tables.insert(*root, table.clone());
                }
            }
        }
        tables.keys().for_each(|root| pages.walk(*root));
        Ok(Self {
            path: path.into(),
            pages,
            tables,
            next: 0,
            sums: None,
            known: blocks::Known::default(),
            saved,
        })
    }

    /// Reads at most so many more pages of traffic, or makes some of the sums that were lost, in the transaction of `connection`; whether that
    /// was all.
    pub(crate) fn step(&mut self, connection: &Connection, pages: u32) -> Result<bool, WriteError> {
        if self.next < self.pages.count() {
            self.take(connection, pages, Table::is_bulk)?;
            return Ok(false);
        }
        let (level, from) = match self.sums {
            Some(place) => place,
            None => {
                blocks::close(connection)?;
                if self.lost("recorded") {
                    recorded::restore(connection)?;
                }
                (Level::Minute, i64::MIN)
            }
        };
        let (made, next) = rollup::restore(connection, level, from)?;
        self.saved.restored += made.whole;
        self.saved.restored_in_part += made.in_part;
        self.sums = match next {
            Some(next) => Some((level, next)),
            None => level.above().map(|above| (above, i64::MIN)),
        };
        Ok(self.sums.is_none())
    }

    /// How far it is, before a transaction.
    pub(crate) fn reached(&self) -> Reached {
        Reached { next: self.next, sums: self.sums, saved: self.saved.clone() }
    }

    /// After a transaction that was rolled back. What it made known is not; the file says what is.
    pub(crate) fn go_back(&mut self, Reached { next, sums, saved }: Reached) {
        (self.next, self.sums, self.saved, self.known) = (next, sums, saved, blocks::Known::default());
    }

    /// When all has been read and written: nothing has to be read again. Where the note stays, it is, which changes nothing.
    pub(crate) fn end(self) -> Saved {
        drop(fs::remove_file(with_suffix(&self.path, NOTE)).and_then(|()| sync_folder(&self.path)));
        self.saved
    }

    /// What was saved until now.
    #[must_use]
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Whether anything of a table was lost.
    fn lost(&self, table: &str) -> bool {
        self.saved.lost.contains_key(table) || self.saved.lost_pages.contains_key(table)
    }

    fn take(
        &mut self,
        connection: &Connection,
        pages: u32,
        wanted: impl Fn(&Table) -> bool,
    ) -> rusqlite::Result<()> {
        let last = self.next.saturating_add(pages).min(self.pages.count());
        for number in self.next + 1..=last {
            self.next = number;
            let Some(table) = self.pages.root_of(number).and_then(|root| self.tables.get(&root)) else {
                continue;
            };
            if !wanted(table) {
                continue;
            }
            let name = || table.name.clone();
            let Some(mut rows) = cells::rows(&self.pages, number) else {
                *self.saved.lost_pages.entry(name()).or_default() += 1;
                continue;
            };
            if table.name == "block" {
                self.saved.stand_ins += self.known.check(connection, &mut rows)?;
            }
            let (kept, lost) = table.add(connection, rows)?;
            *self.saved.kept.entry(name()).or_default() += kept;
            if lost > 0 {
                *self.saved.lost.entry(name()).or_default() += lost;
            }
        }
        Ok(())
    }

    /// A number that was lost must not become another row's: what names it would be somebody else's.
    fn keep_numbers(&self, connection: &Connection) -> rusqlite::Result<()> {
        for table in ["actor", "peer"] {
            let of = |lost: &BTreeMap<String, u64>| lost.get(table).copied().unwrap_or_default();
            // A row is longer than ten bytes.
            let lost = of(&self.saved.lost).saturating_add(of(&self.saved.lost_pages).saturating_mul(400));
            if lost > 0 {
                let text = format!("SELECT ifnull(max(id), 0) FROM {table}");
                let newest: i64 = connection.query_row(&text, [], |row| row.get(0))?;
                repair::stand_in(
                    connection,
                    table,
                    newest.saturating_add(i64::try_from(lost).unwrap_or(i64::MAX)),
                )?;
            }
        }
        Ok(())
    }
}

/// Beside a history whose traffic is being saved, with the name of the damaged one.
const NOTE: &str = ".salvaging";

/// Where the damaged history of `path` is, when one is being saved. Who was killed between moving its log and moving itself did not finish.
fn aside(path: &Path) -> Result<Option<PathBuf>, SalvageError> {
    let note = with_suffix(path, NOTE);
    let Ok(name) = fs::read(&note) else { return Ok(None) };
    let aside = PathBuf::from(OsStr::from_bytes(&name));
    if !aside.exists() {
        if !(with_suffix(&aside, "-wal").exists() && path.exists()) {
            let placed = |source| SalvageError::Place { from: aside.clone(), source };
            fs::remove_file(&note).map_err(placed)?;
            return Ok(None);
        }
        move_to(path, &aside)?;
    }
    Ok(Some(aside))
}

fn note(path: &Path, aside: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(with_suffix(path, NOTE))?;
    file.write_all(aside.as_os_str().as_bytes())?;
    file.sync_all()?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| *folder != Path::new("")) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Whether pages of the log beside `path` are damaged that were whole once. SQLite would take them for the end of the log, and
/// drop all that was written after them.
pub(crate) fn is_log_damaged(path: &Path) -> bool {
    let log = with_suffix(path, "-wal");
    let written = || fs::metadata(&log).and_then(|file| Ok((file.len(), file.modified()?))).ok();
    let before = written();
    // While another program writes, it may seem so.
    log::Log::look(&log).is_ok_and(|log| log.damaged > 0) && written() == before
}
