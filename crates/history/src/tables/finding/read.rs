//! Findings as they stand.

use portolan_core::{
    ApplicationKey, Endpoint, Evidence, Executable, FindingKind, Sha256Digest, Uid, UnixMillis,
};
use rusqlite::{Connection, Row};

use super::{Answered, FindingRow, NewFinding, Subject};
use crate::tables::{address, domain, executable, finding_member, parse_column};

/// The kinds of open findings that are about no single application.
pub(crate) fn open_kinds(connection: &Connection) -> rusqlite::Result<Vec<FindingKind>> {
    connection
        .prepare("SELECT DISTINCT kind FROM finding WHERE application_id IS NULL AND state = 'open'")?
        .query_map([], |row| parse_column(row, 0))?
        .collect()
}

/// What loud findings say that files of applications hold, and the users who were told.
pub(crate) fn told(connection: &Connection) -> rusqlite::Result<Vec<(ApplicationKey, (Executable, Uid))>> {
    let sql = select(
        "WHERE f.kind IN ('changed-file', 'changed-executable') AND f.severity = 'loud' ORDER BY f.id",
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], from_row)?;
    let mut told = Vec::new();
    for row in rows {
        let NewFinding { kind, subject, evidence, .. } = row?.finding;
        let Some(Subject { application, executable: Executable { path, sha256 }, uid, .. }) = subject else {
            continue;
        };
        let sha256 = if kind == FindingKind::ChangedFile { evidence.new_content() } else { Some(sha256) };
        told.extend(sha256.map(|sha256| (application, (Executable { path, sha256 }, uid))));
    }
    Ok(told)
}

/// Findings that `viewer` may see (all when `None`), newest first; of those about several, the members that are theirs.
pub(crate) fn list(
    connection: &Connection,
    include_answered: bool,
    viewer: Option<Uid>,
) -> rusqlite::Result<Vec<FindingRow>> {
    let of_viewer =
        "(f.uid = ?1 OR EXISTS (SELECT 1 FROM finding_member m WHERE m.finding_id = f.id AND m.uid = ?1))";
    let whose = if viewer.is_some() { of_viewer } else { "1" };
    let which = if include_answered { "1" } else { "f.state = 'open'" };
    let sql = select(&format!("WHERE {whose} AND {which} ORDER BY f.at_ms DESC, f.id DESC"));
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(viewer.map(|uid| uid.0)), from_row)?;
    rows.map(|row| with_members(connection, row?, viewer)).collect()
}

/// The finding of this number, which there must be.
pub(crate) fn one(connection: &Connection, id: i64) -> rusqlite::Result<FindingRow> {
    let row = connection.prepare_cached(&select("WHERE f.id = ?1"))?.query_row([id], from_row)?;
    with_members(connection, row, None)
}

fn with_members(
    connection: &Connection,
    mut row: FindingRow,
    viewer: Option<Uid>,
) -> rusqlite::Result<FindingRow> {
    if row.finding.group.is_some() {
        row.finding.evidence.members = finding_member::of(connection, row.id, viewer)?;
    }
    Ok(row)
}

fn select(rest: &str) -> String {
    format!(
        "SELECT f.id, f.kind, f.state, f.at_ms, f.uid, a.key, t.value, e.sha256, f.previous_sha256,
            pt.value, pe.sha256, d.value, f.remote_port, f.detail, f.answered_by, f.answered_ms,
            f.severity, f.evidence, iif(f.application_id IS NULL, f.subject, NULL), f.times, f.updated_ms,
            f.snoozed_until_ms, n.name, n.registrable, f.remote_name_source, f.remote_name_inferred
            FROM finding f LEFT JOIN application a ON a.id = f.application_id
            LEFT JOIN executable e ON e.id = f.executable_id LEFT JOIN text t ON t.id = e.path_id
            LEFT JOIN executable pe ON pe.id = f.parent_executable_id LEFT JOIN text pt ON pt.id = pe.path_id
            LEFT JOIN address d ON d.id = f.remote_address_id
            LEFT JOIN domain n ON n.id = f.remote_domain_id {rest}"
    )
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    let uid: Option<u32> = row.get(4)?;
    let application: Option<String> = row.get(5)?;
    let user = if application.is_none() { uid.map(Uid) } else { None };
    let subject = match (uid, application, executable::from_columns(row, 6)?) {
        (Some(uid), Some(application), Some(executable)) => Some(Subject {
            application: ApplicationKey::from_stored(application.into()),
            executable,
            previous_sha256: row.get::<_, Option<[u8; 32]>>(8)?.map(Sha256Digest),
            parent: executable::from_columns(row, 9)?,
            uid: Uid(uid),
            remote: remote(row)?,
            remote_name: domain::from_columns(row, 22)?,
        }),
        _ => None,
    };
    let (by, at): (Option<u32>, Option<i64>) = (row.get(14)?, row.get(15)?);
    let evidence: Option<String> = row.get(17)?;
    Ok(FindingRow {
        id: row.get(0)?,
        state: parse_column(row, 2)?,
        finding: NewFinding {
            at: UnixMillis(row.get(3)?),
            kind: parse_column(row, 1)?,
            severity: parse_column(row, 16)?,
            subject,
            user,
            group: row.get(18)?,
            detail: row.get(13)?,
            evidence: evidence.as_deref().map(Evidence::from_json).unwrap_or_default(),
        },
        times: row.get(19)?,
        updated: UnixMillis(row.get(20)?),
        snoozed_until: row.get::<_, Option<i64>>(21)?.map(UnixMillis),
        answered: by.zip(at).map(|(by, at)| Answered { by: Uid(by), at: UnixMillis(at) }),
    })
}

fn remote(row: &Row<'_>) -> rusqlite::Result<Option<Endpoint>> {
    let (address, port) = (address::from_column(row, 11)?, row.get::<_, Option<u16>>(12)?);
    Ok(address.zip(port).map(|(address, port)| Endpoint { address, port }))
}
