use std::sync::Arc;

use portolan_core::{ApplicationKey, Executable, Member, Sha256Digest, Uid};
use rusqlite::{Connection, Row};

use super::{executable, finding::NewFinding};
use crate::{ids::ApplicationId, intern::Interner};

/// Members that one finding is shown with. More than any machine has applications that talk.
const SHOWN: u32 = 2000;

/// Adds the members of a finding's evidence; how many were none before. One without a content is not kept.
pub(crate) fn add(
    connection: &Connection,
    interner: &mut Interner,
    id: i64,
    finding: &NewFinding,
) -> rusqlite::Result<usize> {
    let mut added = 0;
    for member in &finding.evidence.members {
        let Some(sha256) = member.after else { continue };
        let application = interner.applications.id(connection, &member.application)?;
        let executable = Executable { path: member.path.clone(), sha256 };
        let executable = interner.executables.id(connection, &mut interner.texts, &executable)?;
        if let Some(provenance) = &member.provenance {
            let provenance = Arc::new(provenance.clone());
            interner.executables.note_provenance(connection, executable, &provenance, finding.at)?;
        }
        added += connection
            .prepare_cached(
                "INSERT OR IGNORE INTO finding_member (finding_id, uid, application_id, executable_id, previous_sha256)
                    VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((id, member.uid.0, application, executable, member.before.map(|sha256| sha256.0)))?;
    }
    Ok(added)
}

/// Adds a content of the application that a finding is about, with which it may not have talked.
pub(crate) fn add_content(
    connection: &Connection,
    interner: &mut Interner,
    id: i64,
    application: ApplicationId,
    uid: Uid,
    content: &Executable,
) -> rusqlite::Result<()> {
    let executable = interner.executables.id(connection, &mut interner.texts, content)?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO finding_member (finding_id, uid, application_id, executable_id)
                VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((id, uid.0, application, executable))?;
    Ok(())
}

/// The members that `viewer` may see (all when `None`), by their paths.
pub(crate) fn of(connection: &Connection, id: i64, viewer: Option<Uid>) -> rusqlite::Result<Vec<Member>> {
    connection
        .prepare_cached(&format!(
            "SELECT a.key, m.uid, t.value, e.sha256, m.previous_sha256, {} FROM finding_member m
                JOIN application a ON a.id = m.application_id
                JOIN executable e ON e.id = m.executable_id JOIN text t ON t.id = e.path_id
                WHERE m.finding_id = ?1 AND m.uid = ifnull(?2, m.uid)
                ORDER BY t.value, a.key, m.uid, e.id LIMIT {SHOWN}",
            executable::provenance_of("e")
        ))?
        .query_map((id, viewer.map(|viewer| viewer.0)), from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        application: ApplicationKey::from_stored(row.get::<_, String>(0)?.into()),
        uid: Uid(row.get(1)?),
        path: row.get::<_, String>(2)?.into(),
        after: Some(Sha256Digest(row.get(3)?)),
        before: row.get::<_, Option<[u8; 32]>>(4)?.map(Sha256Digest),
        provenance: executable::provenance_from(row, 5)?,
    })
}
