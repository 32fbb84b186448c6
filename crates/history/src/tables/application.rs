use portolan_core::{ApplicationKey, Executable, Provenance, ReviewState, Uid, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{executable, finding, parse_column};
use crate::{cache::Cache, ids::ApplicationId, intern::find_or_insert};

/// An application, what a person decided about it, and how it was seen by the viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRow {
    /// What a review names.
    pub application: ApplicationKey,
    /// The executable that appeared last.
    pub executable: Content,
    /// The script that appeared last; `None` where it runs none, or none whose content is known.
    pub script: Option<Content>,
    /// What a person decided.
    pub review: ReviewState,
    /// When it talked first.
    pub first: UnixMillis,
    /// When it talked last.
    pub last: UnixMillis,
    /// How many executables it has had.
    pub executables: u32,
}

/// What an application was, and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The file.
    pub file: Executable,
    /// Where it comes from; `None` where nobody looked.
    pub provenance: Option<Provenance>,
}

/// An application as the daemon needs it to judge what is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownApplication {
    /// What a review names.
    pub application: ApplicationKey,
    /// What a person decided.
    pub review: ReviewState,
    /// Everything that it was seen to be, scripts among it, what it was upgraded to, and what its files held when somebody approved
    /// it; the oldest first.
    pub executables: Vec<Executable>,
    /// Changed contents that were told, each with the user who was told of it.
    pub told: Vec<(Executable, Uid)>,
    /// Who used it last; `None` when nobody has.
    pub last_uid: Option<Uid>,
}

/// Write side of `application`.
#[derive(Debug)]
pub(crate) struct Applications {
    known: Cache<ApplicationKey, ApplicationId>,
}

impl Default for Applications {
    fn default() -> Self {
        Self { known: Cache::new(1024) }
    }
}

impl Applications {
    pub(crate) fn id(
        &mut self,
        connection: &Connection,
        application: &ApplicationKey,
    ) -> rusqlite::Result<ApplicationId> {
        if let Some(id) = self.known.get(application) {
            return Ok(id);
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM application WHERE key = ?1",
            "INSERT INTO application (key) VALUES (?1)",
            &[&application.as_untrusted().as_raw()],
        )?;
        self.known.put(application.clone(), id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Stores a review; `None` when the application is not known.
pub(crate) fn review(
    connection: &Connection,
    application: &ApplicationKey,
    state: ReviewState,
    by: Uid,
    now: UnixMillis,
) -> rusqlite::Result<Option<ApplicationId>> {
    connection
        .prepare_cached(
            "UPDATE application SET review = ?2, reviewed_by = ?3, reviewed_ms = ?4 WHERE key = ?1 RETURNING id",
        )?
        .query_row((application.as_untrusted().as_raw(), state.as_str(), by.0, now.0), |row| row.get(0))
        .optional()
}

/// Ignores an application about which nobody has decided anything.
pub(crate) fn ignore_unreviewed(
    connection: &Connection,
    application: &ApplicationKey,
    by: Uid,
    now: UnixMillis,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE application SET review = ?2, reviewed_by = ?3, reviewed_ms = ?4
                WHERE key = ?1 AND reviewed_ms IS NULL",
        )?
        .execute((application.as_untrusted().as_raw(), ReviewState::Ignored.as_str(), by.0, now.0))?;
    Ok(())
}

/// All applications with all their executables, in the order of their keys.
pub(crate) fn known(connection: &Connection) -> rusqlite::Result<Vec<KnownApplication>> {
    let mut statement = connection.prepare(
        "SELECT a.key, a.review, t.value, e.sha256,
                (SELECT uid FROM sighting WHERE application_id = a.id ORDER BY last_ms DESC LIMIT 1)
            FROM application a
            LEFT JOIN (SELECT application_id, executable_id, min(first_ms) AS first_ms FROM
                (SELECT application_id, executable_id, first_ms FROM sighting UNION ALL
                    SELECT m.application_id, m.executable_id, f.at_ms FROM finding_member m
                    JOIN finding f ON f.id = m.finding_id)
                GROUP BY application_id, executable_id) s ON s.application_id = a.id
            LEFT JOIN executable e ON e.id = s.executable_id LEFT JOIN text t ON t.id = e.path_id
            ORDER BY a.key, s.first_ms, s.executable_id",
    )?;
    let mut rows = statement.query([])?;
    let mut known: Vec<KnownApplication> = Vec::new();
    while let Some(row) = rows.next()? {
        let (application, review) = key_and_review(row)?;
        let executable = executable::from_columns(row, 2)?;
        match known.last_mut().filter(|last| last.application == application) {
            Some(last) => last.executables.extend(executable),
            None => known.push(KnownApplication {
                application,
                review,
                executables: executable.into_iter().collect(),
                told: Vec::new(),
                last_uid: row.get::<_, Option<u32>>(4)?.map(Uid),
            }),
        }
    }
    for (application, told) in finding::told(connection)? {
        let at = known.binary_search_by(|known| known.application.cmp(&application));
        if let Some(known) = at.ok().and_then(|at| known.get_mut(at)) {
            known.told.push(told);
        }
    }
    Ok(known)
}

/// Applications that `viewer` used (all when `None`), as that viewer used them; the newest first.
pub(crate) fn list(connection: &Connection, viewer: Option<Uid>) -> rusqlite::Result<Vec<ApplicationRow>> {
    let whose = if viewer.is_some() { " AND uid = :viewer" } else { "" };
    let newest = |is_script: u8| {
        format!(
            "(SELECT executable_id FROM (SELECT application_id, executable_id, min(first_ms) AS appeared_ms
                FROM sighting WHERE is_script = {is_script}{whose} GROUP BY application_id, executable_id) n
                WHERE n.application_id = a.id ORDER BY appeared_ms DESC, executable_id DESC LIMIT 1)"
        )
    };
    let sql = format!(
        "SELECT a.key, a.review, s.first_ms, s.last_ms, s.executables,
            t.value, e.sha256, {}, script_path.value, script.sha256, {} FROM
            (SELECT application_id, min(first_ms) AS first_ms, max(last_ms) AS last_ms,
                count(DISTINCT executable_id) AS executables FROM sighting WHERE is_script = 0{whose}
                GROUP BY application_id) s
            JOIN application a ON a.id = s.application_id
            JOIN executable e ON e.id = {}
            JOIN text t ON t.id = e.path_id
            LEFT JOIN executable script ON script.id = {}
            LEFT JOIN text script_path ON script_path.id = script.path_id
            ORDER BY s.first_ms DESC, a.id DESC",
        executable::provenance_of("e"),
        executable::provenance_of("script"),
        newest(0),
        newest(1),
    );
    let mut statement = connection.prepare(&sql)?;
    if let Some(viewer) = viewer {
        statement.raw_bind_parameter(":viewer", viewer.0)?;
    }
    let mut rows = statement.raw_query();
    let mut applications = Vec::new();
    while let Some(row) = rows.next()? {
        let (application, review) = key_and_review(row)?;
        // The join has an executable for every application; a row without one cannot come.
        let Some(executable) = content(row, 5)? else { continue };
        applications.push(ApplicationRow {
            application,
            executable,
            script: content(row, 12)?,
            review,
            first: UnixMillis(row.get(2)?),
            last: UnixMillis(row.get(3)?),
            executables: row.get(4)?,
        });
    }
    Ok(applications)
}

/// Reads a path, a hash and a provenance from the columns that start at `column`; `None` when they are NULL.
fn content(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Content>> {
    let Some(file) = executable::from_columns(row, column)? else { return Ok(None) };
    Ok(Some(Content { file, provenance: executable::provenance_from(row, column + 2)? }))
}

fn key_and_review(row: &Row<'_>) -> rusqlite::Result<(ApplicationKey, ReviewState)> {
    Ok((ApplicationKey::from_stored(row.get::<_, String>(0)?.into()), parse_column(row, 1)?))
}
