//! Storing what was found, and finding again what was found before.

use portolan_core::{ChangeKind, Evidence, FindingKind, NameSource, Severity};
use rusqlite::{Connection, OptionalExtension};

use super::{FindingRow, FindingState, NewFinding, read};
use crate::{
    ids::{AddressId, ApplicationId, ExecutableId},
    intern::Interner,
    tables::{
        domain::Named,
        finding_member, parse_column,
        sighting::{Sighting, Sightings},
    },
};

/// Stores a finding. Its program becomes known, so that it can be reviewed before its first bytes are written.
///
/// What was found about the same before is the same row. It is told anew, and open again, only when its evidence is news.
pub(crate) fn raise(
    connection: &Connection,
    interner: &mut Interner,
    finding: &NewFinding,
) -> rusqlite::Result<FindingRow> {
    let numbers = Numbers::of(connection, interner, finding)?;
    let id = match known(connection, finding.kind, numbers.subject.as_deref())? {
        Some(known) => {
            again(connection, interner, finding, &numbers, &known)?;
            known.id
        }
        None => {
            let id = insert(connection, finding, &numbers)?;
            finding_member::add(connection, interner, id, finding)?;
            id
        }
    };
    read::one(connection, id)
}

/// What a finding's row points to.
struct Numbers {
    /// What it is about, within its kind; `None` when it is never the same.
    subject: Option<String>,
    application: Option<ApplicationId>,
    executable: Option<ExecutableId>,
    parent: Option<ExecutableId>,
    address: Option<AddressId>,
    name: Option<Named>,
}

impl Numbers {
    fn of(connection: &Connection, interner: &mut Interner, finding: &NewFinding) -> rusqlite::Result<Self> {
        let Some(subject) = &finding.subject else {
            let (application, executable, parent, address, name) = (None, None, None, None, None);
            return Ok(Self {
                subject: finding.group.clone(),
                application,
                executable,
                parent,
                address,
                name,
            });
        };
        let application = interner.applications.id(connection, &subject.application)?;
        let executable = interner.executables.id(connection, &mut interner.texts, &subject.executable)?;
        let parent = match &subject.parent {
            Some(parent) => Some(interner.executables.id(connection, &mut interner.texts, parent)?),
            None => None,
        };
        let what = if is_about_content(finding.kind) {
            executable.to_string()
        } else {
            let path = interner.texts.id(connection, subject.executable.path.as_raw())?;
            format!("path {path}")
        };
        // A file that was changed has not talked with what it holds now.
        if finding.kind != FindingKind::ChangedFile {
            let script = finding.evidence.script.as_ref();
            let is_script = script.is_some_and(|script| {
                (&script.path, script.sha256) == (&subject.executable.path, Some(subject.executable.sha256))
            });
            let mut sightings = Sightings::default();
            let sighting = Sighting { application, executable, uid: subject.uid, is_script };
            sightings.note(sighting, finding.at, finding.at);
            sightings.write(connection)?;
        }
        Ok(Self {
            subject: Some(format!("{application} {what} {}", subject.uid.0)),
            application: Some(application),
            executable: Some(executable),
            parent,
            address: interner.addresses.id_of(connection, subject.remote)?,
            name: interner.domains.id_of(connection, subject.remote_name.as_ref())?,
        })
    }
}

/// Whether another content is another finding; otherwise the file is the same one with other evidence.
fn is_about_content(kind: FindingKind) -> bool {
    matches!(kind, FindingKind::NewApplication | FindingKind::ChangedExecutable)
}

/// A finding about the same that there was before.
struct Known {
    id: i64,
    state: FindingState,
    severity: Severity,
    evidence: Evidence,
}

fn known(
    connection: &Connection,
    kind: FindingKind,
    subject: Option<&str>,
) -> rusqlite::Result<Option<Known>> {
    let Some(subject) = subject else { return Ok(None) };
    connection
        .prepare_cached(
            "SELECT id, state, severity, evidence FROM finding WHERE subject = ?1 AND kind = ?2
                ORDER BY id DESC LIMIT 1",
        )?
        .query_row((subject, kind.as_str()), |row| {
            let evidence: Option<String> = row.get(3)?;
            Ok(Known {
                id: row.get(0)?,
                state: parse_column(row, 1)?,
                severity: parse_column(row, 2)?,
                evidence: evidence.as_deref().map(Evidence::from_json).unwrap_or_default(),
            })
        })
        .optional()
}

fn insert(connection: &Connection, finding: &NewFinding, numbers: &Numbers) -> rusqlite::Result<i64> {
    let subject = finding.subject.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO finding (kind, severity, at_ms, updated_ms, uid, subject, application_id, executable_id,
                previous_sha256, parent_executable_id, remote_address_id, remote_port, detail, evidence,
                remote_domain_id, remote_name_source, remote_name_inferred)
                VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute((
            finding.kind.as_str(),
            finding.severity.as_str(),
            finding.at.0,
            subject.map(|subject| subject.uid).or(finding.user).map(|uid| uid.0),
            &numbers.subject,
            numbers.application,
            numbers.executable,
            subject.and_then(|subject| subject.previous_sha256).map(|sha256| sha256.0),
            numbers.parent,
            numbers.address,
            subject.and_then(|subject| subject.remote).map(|remote| remote.port),
            &finding.detail,
            json(&finding.evidence),
            numbers.name.map(|name| name.domain),
            numbers.name.map(|name| name.source).map(NameSource::as_str),
            numbers.name.is_some_and(|name| name.is_inferred),
        ))?;
    Ok(connection.last_insert_rowid())
}

fn again(
    connection: &Connection,
    interner: &mut Interner,
    finding: &NewFinding,
    numbers: &Numbers,
    known: &Known,
) -> rusqlite::Result<()> {
    let members = finding_member::add(connection, interner, known.id, finding)?;
    // A program gives itself as many names as it likes: while nobody has answered, it is told that there are such.
    let is_told = finding.kind == FindingKind::Unidentified && known.state == FindingState::Open;
    // Who changed a file stays in what nobody has answered, whoever does something to it later that is less loud: removes it.
    let is_removal =
        finding.evidence.change.as_ref().is_some_and(|change| change.kind == ChangeKind::Removed);
    let is_less = finding.kind == FindingKind::ChangedFile
        && is_removal
        && known.state == FindingState::Open
        && finding.severity < known.severity;
    let is_news = members > 0
        || finding.severity > known.severity
        || !is_told && !is_less && finding.evidence.is_news_after(&known.evidence);
    let (mut evidence, before) = (finding.evidence.clone(), known.evidence.clone());
    if is_less {
        evidence = before;
        evidence.absorb(finding.evidence.clone());
    } else {
        evidence.absorb(before);
    }
    connection
        .prepare_cached(
            "UPDATE finding SET times = times + 1, updated_ms = max(updated_ms, ?2), evidence = ?3 WHERE id = ?1",
        )?
        .execute((known.id, finding.at.0, json(&evidence)))?;
    if !is_news {
        return Ok(());
    }
    let severity = match known.state {
        FindingState::Open => finding.severity.max(known.severity),
        FindingState::Approved | FindingState::Ignored => finding.severity,
    };
    let subject = finding.subject.as_ref();
    connection
        .prepare_cached(
            "UPDATE finding SET state = 'open', answered_by = NULL, answered_ms = NULL, snoozed_until_ms = NULL,
                severity = ?2, at_ms = ?3, executable_id = ?4, previous_sha256 = ?5, parent_executable_id = ?6,
                remote_address_id = ?7, remote_port = ?8, detail = ?9, remote_domain_id = ?10, remote_name_source = ?11,
                remote_name_inferred = ?12 WHERE id = ?1",
        )?
        .execute((
            known.id,
            severity.as_str(),
            finding.at.0,
            numbers.executable,
            subject.and_then(|subject| subject.previous_sha256).map(|sha256| sha256.0),
            numbers.parent,
            numbers.address,
            subject.and_then(|subject| subject.remote).map(|remote| remote.port),
            &finding.detail,
            numbers.name.map(|name| name.domain),
            numbers.name.map(|name| name.source).map(NameSource::as_str),
            numbers.name.is_some_and(|name| name.is_inferred),
        ))?;
    Ok(())
}

/// Evidence as its column holds it; the members have a table of their own.
fn json(evidence: &Evidence) -> Option<String> {
    let evidence = Evidence { members: Vec::new(), ..evidence.clone() };
    (!evidence.is_empty()).then(|| evidence.to_json())
}
