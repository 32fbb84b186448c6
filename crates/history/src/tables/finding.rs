use std::str::FromStr;

use portolan_core::{
    ApplicationKey, Endpoint, Executable, FindingKind, ParseError, ReviewState, Sha256Digest, Uid, UnixMillis,
};
use rusqlite::{Connection, Row};

use super::{address, executable, parse_column, sighting::Sightings};
use crate::{ids::ApplicationId, intern::Interner};

/// Something a person should know, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFinding {
    /// When it happened.
    pub at: UnixMillis,
    /// What it is.
    pub kind: FindingKind,
    /// The program that it is about; `None` when it is about the daemon itself.
    pub subject: Option<Subject>,
    /// A sentence, for findings about the daemon itself.
    pub detail: Option<String>,
}

/// The program that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What a review would answer.
    pub application: ApplicationKey,
    /// What ran.
    pub executable: Executable,
    /// The hash that its path had before; `None` when nothing was known there.
    pub previous_sha256: Option<Sha256Digest>,
    /// What started it; `None` when that is not known.
    pub parent: Option<Executable>,
    /// As which user. Only this user, and who sees everybody's traffic, sees the finding.
    pub uid: Uid,
    /// Where it talked to first; `None` when that is not known.
    pub remote: Option<Endpoint>,
}

/// A finding as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// Its number, which never changes and is never given again.
    pub id: i64,
    /// How it stands.
    pub state: FindingState,
    /// What was found.
    pub finding: NewFinding,
    /// Who answered it and when; `None` while it is open.
    pub answered: Option<Answered>,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingState {
    /// Nobody has answered.
    Open,
    /// The application was approved.
    Approved,
    /// The application was ignored; a finding about the daemon itself was dismissed.
    Ignored,
}

/// Who answered a finding, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Who.
    pub by: Uid,
    /// When.
    pub at: UnixMillis,
}

impl FindingState {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Ignored => "ignored",
        }
    }

    /// What a review makes of open findings; `None` when it leaves them as they are.
    fn after(review: ReviewState) -> Option<Self> {
        match review {
            ReviewState::Unreviewed => None,
            ReviewState::Approved => Some(Self::Approved),
            ReviewState::Ignored => Some(Self::Ignored),
        }
    }
}

impl FromStr for FindingState {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        [Self::Open, Self::Approved, Self::Ignored]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| ParseError::new("state of a finding", text, "open, approved or ignored"))
    }
}

/// Stores an open finding. Its program becomes known, so that it can be reviewed before its first bytes are written.
pub(crate) fn raise(
    connection: &Connection,
    interner: &mut Interner,
    finding: &NewFinding,
) -> rusqlite::Result<FindingRow> {
    let (mut application, mut executable, mut parent, mut address) = (None, None, None, None);
    let subject = finding.subject.as_ref();
    if let Some(subject) = subject {
        let application_id = interner.applications.id(connection, &subject.application)?;
        let executable_id = interner.executables.id(connection, &mut interner.texts, &subject.executable)?;
        if let Some(started_by) = &subject.parent {
            parent = Some(interner.executables.id(connection, &mut interner.texts, started_by)?);
        }
        address = interner.addresses.id_of(connection, subject.remote)?;
        let mut sightings = Sightings::default();
        sightings.note((application_id, executable_id, subject.uid), finding.at, finding.at);
        sightings.write(connection)?;
        (application, executable) = (Some(application_id), Some(executable_id));
    }
    connection
        .prepare_cached(
            "INSERT INTO finding (kind, at_ms, uid, application_id, executable_id, previous_sha256,
                parent_executable_id, remote_address_id, remote_port, detail)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute((
            finding.kind.as_str(),
            finding.at.0,
            subject.map(|subject| subject.uid.0),
            application,
            executable,
            subject.and_then(|subject| subject.previous_sha256).map(|sha256| sha256.0),
            parent,
            address,
            subject.and_then(|subject| subject.remote).map(|remote| remote.port),
            &finding.detail,
        ))?;
    let id = connection.last_insert_rowid();
    Ok(FindingRow { id, state: FindingState::Open, finding: finding.clone(), answered: None })
}

/// Answers the open findings of an application; the changed ones, oldest first.
pub(crate) fn answer(
    connection: &Connection,
    application: ApplicationId,
    review: ReviewState,
    by: Uid,
    now: UnixMillis,
) -> rusqlite::Result<Vec<FindingRow>> {
    let Some(state) = FindingState::after(review) else { return Ok(Vec::new()) };
    let mut changed = connection
        .prepare_cached(
            "UPDATE finding SET state = ?2, answered_by = ?3, answered_ms = ?4
                WHERE application_id = ?1 AND state = 'open' RETURNING id",
        )?
        .query_map((application, state.as_str(), by.0, now.0), |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    changed.sort_unstable();
    let mut read = connection.prepare_cached(&select("WHERE f.id = ?1"))?;
    changed.into_iter().map(|id| read.query_row([id], from_row)).collect()
}

/// Answers an open finding that is about no application; `None` when there is none of this number.
pub(crate) fn dismiss(
    connection: &Connection,
    id: i64,
    by: Uid,
    now: UnixMillis,
) -> rusqlite::Result<Option<FindingRow>> {
    let changed = connection
        .prepare_cached(
            "UPDATE finding SET state = ?2, answered_by = ?3, answered_ms = ?4
                WHERE id = ?1 AND application_id IS NULL AND state = 'open'",
        )?
        .execute((id, FindingState::Ignored.as_str(), by.0, now.0))?;
    if changed == 0 {
        return Ok(None);
    }
    connection.prepare_cached(&select("WHERE f.id = ?1"))?.query_row([id], from_row).map(Some)
}

/// The kinds of open findings that are about no application.
pub(crate) fn open_kinds(connection: &Connection) -> rusqlite::Result<Vec<FindingKind>> {
    connection
        .prepare("SELECT DISTINCT kind FROM finding WHERE application_id IS NULL AND state = 'open'")?
        .query_map([], |row| parse_column(row, 0))?
        .collect()
}

/// Findings that `viewer` may see (all when `None`), newest first.
pub(crate) fn list(
    connection: &Connection,
    include_answered: bool,
    viewer: Option<Uid>,
) -> rusqlite::Result<Vec<FindingRow>> {
    let rest = match (include_answered, viewer.is_some()) {
        (true, false) => "ORDER BY f.at_ms DESC, f.id DESC",
        (false, false) => "WHERE f.state = 'open' ORDER BY f.at_ms DESC, f.id DESC",
        (true, true) => "WHERE f.uid = ?1 ORDER BY f.at_ms DESC, f.id DESC",
        (false, true) => "WHERE f.uid = ?1 AND f.state = 'open' ORDER BY f.at_ms DESC, f.id DESC",
    };
    let mut statement = connection.prepare(&select(rest))?;
    statement.query_map(rusqlite::params_from_iter(viewer.map(|uid| uid.0)), from_row)?.collect()
}

fn select(rest: &'static str) -> String {
    format!(
        "SELECT f.id, f.kind, f.state, f.at_ms, f.uid, a.key, t.value, e.sha256, f.previous_sha256,
            pt.value, pe.sha256, d.value, f.remote_port, f.detail, f.answered_by, f.answered_ms
            FROM finding f LEFT JOIN application a ON a.id = f.application_id
            LEFT JOIN executable e ON e.id = f.executable_id LEFT JOIN text t ON t.id = e.path_id
            LEFT JOIN executable pe ON pe.id = f.parent_executable_id LEFT JOIN text pt ON pt.id = pe.path_id
            LEFT JOIN address d ON d.id = f.remote_address_id {rest}"
    )
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    let uid: Option<u32> = row.get(4)?;
    let application: Option<String> = row.get(5)?;
    let subject = match (uid, application, executable::from_columns(row, 6)?) {
        (Some(uid), Some(application), Some(executable)) => Some(Subject {
            application: ApplicationKey::from_stored(application.into()),
            executable,
            previous_sha256: row.get::<_, Option<[u8; 32]>>(8)?.map(Sha256Digest),
            parent: executable::from_columns(row, 9)?,
            uid: Uid(uid),
            remote: remote(row)?,
        }),
        _ => None,
    };
    let (by, at): (Option<u32>, Option<i64>) = (row.get(14)?, row.get(15)?);
    Ok(FindingRow {
        id: row.get(0)?,
        state: parse_column(row, 2)?,
        finding: NewFinding {
            at: UnixMillis(row.get(3)?),
            kind: parse_column(row, 1)?,
            subject,
            detail: row.get(13)?,
        },
        answered: by.zip(at).map(|(by, at)| Answered { by: Uid(by), at: UnixMillis(at) }),
    })
}

fn remote(row: &Row<'_>) -> rusqlite::Result<Option<Endpoint>> {
    let (address, port) = (address::from_column(row, 11)?, row.get::<_, Option<u16>>(12)?);
    Ok(address.zip(port).map(|(address, port)| Endpoint { address, port }))
}
