//! Answers as a file, for another machine. docs/export.md says what stands in it.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use portolan_bus::{Application, Daemon1Proxy};
use portolan_core::{Answer, Change, Untrusted};
use serde_json::json;

use super::review;
use crate::{
    bus,
    commands::destination::Destination,
    failure::{Failure, Kind},
    output,
};

/// Writes all answers.
pub(super) async fn export(file: Option<&Path>) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let text = Answer::write(&known(&bus::daemon(&connection).await?).await?).map_err(|error| {
        Failure::new(Kind::Failed, format!("the answers cannot be written as JSON: {error}"))
    })?;
    let Some(path) = file else { return output::text(&text) };
    let (mut file, destination) = Destination::new(Some(path))?;
    file.write_all(text.as_bytes()).map_err(|error| destination.failed(error))?;
    destination.finish()
}

/// Takes over what a file says, as far as it is news.
pub(super) async fn import(path: &Path, dry_run: bool, ask: bool, json: bool) -> Result<(), Failure> {
    let answers = read(path)?;
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    let changes = Change::of(answers, &known(&daemon).await?);
    if !dry_run {
        for change in changes.iter().filter(|change| change.changes) {
            review(&daemon, &change.application, change.review, ask).await?;
        }
    }
    if json {
        return output::json(&json!({ "dry_run": dry_run, "applications": changes }));
    }
    output::text(&page(&changes, dry_run))
}

async fn known(daemon: &Daemon1Proxy<'_>) -> Result<Vec<Answer>, Failure> {
    let known = daemon.applications().await.map_err(bus::failed_call)?;
    Ok(known.iter().map(Application::answer).collect())
}

fn read(path: &Path) -> Result<Vec<Answer>, Failure> {
    let refused = |why: &dyn std::fmt::Display| {
        let shown = Untrusted::from_bytes(path.as_os_str().as_encoded_bytes()).for_terminal();
        Failure::new(Kind::Failed, format!("{shown} cannot be imported, and nothing was changed: {why}"))
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| refused(&error))?;
    file.take(Answer::FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| refused(&error))?;
    Answer::read(&text).map_err(|error| refused(&error))
}

fn page(changes: &[Change], dry_run: bool) -> String {
    let mut page = String::new();
    for change in changes.iter().filter(|change| change.changes) {
        let key = Untrusted::from(change.application.as_str()).for_terminal();
        let before = change.before.map_or("", |before| before.as_str());
        page += &format!("{key}: {before} → {}", change.review);
        let notes =
            [(change.other_content, "other content than there"), (change.in_a_home, "a path in a home")];
        let notes: Vec<&str> = notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect();
        page += &if notes.is_empty() { "\n".to_owned() } else { format!(" ({})\n", notes.join(", ")) };
    }
    let count = |is: fn(&&Change) -> bool| changes.iter().filter(is).count();
    let would = if dry_run { "would change" } else { "changed" };
    page + &format!(
        "{} {would}, {} had this answer already, {} have not talked here and were left out\n",
        count(|change| change.changes),
        count(|change| change.before == Some(change.review)),
        count(|change| change.before.is_none())
    )
}
