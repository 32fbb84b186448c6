//! What a person does about a finding.

use portolan_core::{Executable, ReviewState, Uid, UnixMillis};
use rusqlite::{Connection, ToSql};

use super::{FindingRow, FindingState, read};
use crate::{ids::ApplicationId, intern::Interner, tables::finding_member};

/// Answers the open findings of an application, and the baseline when it was the last of it; the changed ones, oldest first.
pub(crate) fn answer(
    connection: &Connection,
    application: ApplicationId,
    review: ReviewState,
    by: Uid,
    now: UnixMillis,
) -> rusqlite::Result<Vec<FindingRow>> {
    let Some(state) = FindingState::after(review) else { return Ok(Vec::new()) };
    let changed = connection
        .prepare_cached(
            "UPDATE finding SET state = ?2, answered_by = ?3, answered_ms = ?4, snoozed_until_ms = NULL
                WHERE state = 'open' AND (application_id = ?1 OR kind = 'baseline' AND severity != 'quiet'
                    AND EXISTS (SELECT 1 FROM finding_member m WHERE m.finding_id = finding.id AND m.application_id = ?1)
                    AND NOT EXISTS (SELECT 1 FROM finding_member m JOIN application a ON a.id = m.application_id
                        WHERE m.finding_id = finding.id AND a.review = 'unreviewed')) RETURNING id",
        )?
        .query_map((application, state.as_str(), by.0, now.0), |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    in_order(connection, changed)
}

/// What the files of an approved application were told to hold is known from now on, also when they have not talked with it.
pub(crate) fn approve_contents(
    connection: &Connection,
    interner: &mut Interner,
    application: ApplicationId,
) -> rusqlite::Result<()> {
    let told = connection
        .prepare_cached("SELECT id FROM finding WHERE application_id = ?1 AND kind = 'changed-file'")?
        .query_map([application], |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for row in in_order(connection, told)? {
        let finding = row.finding;
        let (Some(subject), Some(sha256)) = (finding.subject, finding.evidence.new_content()) else {
            continue;
        };
        let content = Executable { path: subject.executable.path, sha256 };
        finding_member::add_content(connection, interner, row.id, application, subject.uid, &content)?;
    }
    Ok(())
}

/// Answers an open finding that is about no single application; `None` when there is none of this number.
pub(crate) fn dismiss(
    connection: &Connection,
    id: i64,
    by: Uid,
    now: UnixMillis,
) -> rusqlite::Result<Option<FindingRow>> {
    change_one(
        connection,
        "UPDATE finding SET state = ?2, answered_by = ?3, answered_ms = ?4, snoozed_until_ms = NULL
            WHERE id = ?1 AND application_id IS NULL AND state = 'open'",
        id,
        &[&id, &FindingState::Ignored.as_str(), &by.0, &now.0],
    )
}

/// Keeps an open finding from being shown before `until` (`None`: it is shown again); `None` when there is none of this number.
pub(crate) fn snooze(
    connection: &Connection,
    id: i64,
    until: Option<UnixMillis>,
) -> rusqlite::Result<Option<FindingRow>> {
    change_one(
        connection,
        "UPDATE finding SET snoozed_until_ms = ?2 WHERE id = ?1 AND state = 'open'",
        id,
        &[&id, &until.map(|until| until.0)],
    )
}

/// Learning has ended: what was learned is to be told now. The open baseline, where there is one.
pub(crate) fn end_baseline(connection: &Connection, now: UnixMillis) -> rusqlite::Result<Vec<FindingRow>> {
    let changed = connection
        .prepare_cached(
            "UPDATE finding SET severity = 'normal', at_ms = ?1, updated_ms = max(updated_ms, ?1), snoozed_until_ms = NULL
                WHERE kind = 'baseline' AND severity = 'quiet' AND state = 'open' RETURNING id",
        )?
        .query_map([now.0], |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    in_order(connection, changed)
}

fn change_one(
    connection: &Connection,
    sql: &'static str,
    id: i64,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Option<FindingRow>> {
    match connection.prepare_cached(sql)?.execute(values)? {
        0 => Ok(None),
        _ => read::one(connection, id).map(Some),
    }
}

fn in_order(connection: &Connection, mut changed: Vec<i64>) -> rusqlite::Result<Vec<FindingRow>> {
    changed.sort_unstable();
    changed.into_iter().map(|id| read::one(connection, id)).collect()
}
