//! Answers as a file, for another machine. docs/export.md says what stands in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{Read, Write},
    path::Path,
};

use portolan_bus::Application;
use portolan_core::{ApplicationKey, ReviewState, Sha256Digest, Untrusted};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::json;

use super::review;
use crate::{
    bus,
    commands::destination::Destination,
    failure::{Failure, Kind},
    output,
};

const FORMAT: &str = "portolan-reviews";
const VERSION: u32 = 1;
/// The longest file that is read.
const FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    #[serde(deserialize_with = "format")]
    format: String,
    #[serde(deserialize_with = "version")]
    version: u32,
    applications: Vec<Answer>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(deserialize_with = "key")]
    application: String,
    #[serde(deserialize_with = "state")]
    review: String,
    /// What was known then: the content of the executable, and of the script, that appeared last.
    contents: BTreeMap<String, Sha256Digest>,
}

fn format<'de, D: Deserializer<'de>>(file: D) -> Result<String, D::Error> {
    let format = String::deserialize(file)?;
    if format == FORMAT { Ok(format) } else { Err(D::Error::custom(format!("the format is not {FORMAT}"))) }
}

fn version<'de, D: Deserializer<'de>>(file: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(file)?;
    if version == VERSION {
        return Ok(version);
    }
    Err(D::Error::custom(format!("the version is {version}; this program reads {VERSION}")))
}

fn key<'de, D: Deserializer<'de>>(file: D) -> Result<String, D::Error> {
    let key = String::deserialize(file)?;
    if key.len() > ApplicationKey::MAX_BYTES {
        return Err(D::Error::custom("the key of the application is longer than any"));
    }
    // A bare path is what a person writes, and no key.
    if key.starts_with('/') {
        return Err(D::Error::custom("a path is no key of an application"));
    }
    key.parse::<ApplicationKey>().map_err(D::Error::custom)?;
    Ok(key)
}

fn state<'de, D: Deserializer<'de>>(file: D) -> Result<String, D::Error> {
    let state = String::deserialize(file)?;
    match state.parse() {
        Ok(ReviewState::Approved | ReviewState::Ignored) => Ok(state),
        Ok(ReviewState::Unreviewed) | Err(_) => Err(D::Error::custom("a review is approved or ignored")),
    }
}

/// Writes all answers.
pub(super) async fn export(file: Option<&Path>) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let known = bus::daemon(&connection).await?.applications().await.map_err(bus::failed_call)?;
    let applications = known.iter().filter_map(answer).collect();
    let answers = Answers { format: FORMAT.to_owned(), version: VERSION, applications };
    let Some(path) = file else { return output::json(&answers) };
    let text = serde_json::to_string_pretty(&answers).map_err(|error| {
        Failure::new(Kind::Failed, format!("the answers cannot be written as JSON: {error}"))
    })?;
    let (mut file, destination) = Destination::new(Some(path))?;
    file.write_all((text + "\n").as_bytes()).map_err(|error| destination.failed(error))?;
    destination.finish()
}

/// An answer that a person gave; `None` where nobody did, and where the application is another recorder's.
fn answer(known: &Application) -> Option<Answer> {
    let is_answered = matches!(known.review.parse(), Ok(ReviewState::Approved | ReviewState::Ignored));
    let is_imported = ApplicationKey::from_stored(known.application.as_str().into()).is_imported();
    (is_answered && !is_imported).then(|| Answer {
        application: known.application.clone(),
        review: known.review.clone(),
        contents: contents(known),
    })
}

fn contents(known: &Application) -> BTreeMap<String, Sha256Digest> {
    let script = known.script.iter().map(|script| (&script.path, &script.sha256));
    let files = [(&known.path, &known.sha256)].into_iter().chain(script);
    files.filter_map(|(path, sha256)| Some((path.clone(), sha256.parse().ok()?))).collect()
}

/// Takes over what a file says, as far as it is news.
pub(super) async fn import(path: &Path, dry_run: bool, ask: bool, json: bool) -> Result<(), Failure> {
    let answers = read(path)?;
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    let known = daemon.applications().await.map_err(bus::failed_call)?;
    let changes: Vec<Change> = answers.into_iter().map(|answer| Change::of(answer, &known)).collect();
    if !dry_run {
        for change in changes.iter().filter(|change| change.effect == Effect::Changes) {
            let state = change.answer.review.parse()?;
            review(&daemon, &change.answer.application, state, ask).await?;
        }
    }
    if json {
        let changes: Vec<_> = changes.iter().map(Change::as_json).collect();
        return output::json(&json!({ "dry_run": dry_run, "applications": changes }));
    }
    output::text(&page(&changes, dry_run))
}

/// Reads a file whole, or nothing of it.
fn read(path: &Path) -> Result<Vec<Answer>, Failure> {
    let refused = |why: String| {
        let shown = Untrusted::from_bytes(path.as_os_str().as_encoded_bytes()).for_terminal();
        Failure::new(Kind::Failed, format!("{shown} cannot be imported, and nothing was changed: {why}"))
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > FILE_MAX_BYTES) {
        return Err(refused("it is longer than 64 MB".to_owned()));
    }
    let answers: Answers = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let mut keys = BTreeSet::new();
    for (number, answer) in answers.applications.iter().enumerate() {
        if !keys.insert(&answer.application) {
            let key = Untrusted::from(answer.application.as_str()).for_terminal();
            return Err(refused(format!("applications[{number}]: {key} has an answer already")));
        }
    }
    Ok(answers.applications)
}

/// An answer of the file, and what it means here.
struct Change {
    answer: Answer,
    effect: Effect,
    /// How it is reviewed here; `None` where it has not talked.
    before: Option<String>,
    /// Whether what runs here is not what was known there.
    is_other_content: bool,
    /// Whether its path lies in somebody's home, and so need not mean the same here.
    is_in_a_home: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Changes,
    Same,
    NotSeen,
}

impl Change {
    fn of(answer: Answer, known: &[Application]) -> Self {
        let here = known.iter().find(|known| known.application == answer.application);
        let effect = match here {
            None => Effect::NotSeen,
            Some(here) if here.review == answer.review => Effect::Same,
            Some(_) => Effect::Changes,
        };
        let is_known = |sha256: &Sha256Digest| answer.contents.values().any(|known| known == sha256);
        Self {
            effect,
            before: here.map(|here| here.review.clone()),
            is_other_content: here.is_some_and(|here| !contents(here).values().all(is_known)),
            is_in_a_home: answer.application.contains(":/home/") || answer.application.contains(":/root/"),
            answer,
        }
    }

    fn as_json(&self) -> serde_json::Value {
        json!({
            "application": self.answer.application, "review": self.answer.review, "before": self.before,
            "changes": self.effect == Effect::Changes, "other_content": self.is_other_content,
            "in_a_home": self.is_in_a_home,
        })
    }
}

fn page(changes: &[Change], dry_run: bool) -> String {
    let mut page = String::new();
    for change in changes.iter().filter(|change| change.effect == Effect::Changes) {
        let key = Untrusted::from(change.answer.application.as_str()).for_terminal();
        page +=
            &format!("{key}: {} → {}", change.before.as_deref().unwrap_or_default(), change.answer.review);
        let notes = [
            (change.is_other_content, "other content than there"),
            (change.is_in_a_home, "a path in a home"),
        ];
        let notes: Vec<&str> = notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect();
        page += &if notes.is_empty() { "\n".to_owned() } else { format!(" ({})\n", notes.join(", ")) };
    }
    let count = |effect| changes.iter().filter(|change| change.effect == effect).count();
    let would = if dry_run { "would change" } else { "changed" };
    page + &format!(
        "{} {would}, {} had this answer already, {} have not talked here and were left out\n",
        count(Effect::Changes),
        count(Effect::Same),
        count(Effect::NotSeen)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers");
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap_err().message().to_owned()
    }

    fn file(applications: &str) -> String {
        format!(
            "{{\n\"format\": \"portolan-reviews\",\n\"version\": 1,\n\"applications\": [\n{applications}\n]}}\n"
        )
    }

    const CURL: &str = r#"{ "application": "deb:curl:/usr/bin/curl", "review": "approved", "contents": {} }"#;

    #[test]
    fn nonsense_is_refused_as_a_whole_with_its_line() {
        for (text, expected) in [
            ("", "line 1"),
            ("{}", "missing field `format`"),
            (&file(CURL).replace("\"version\": 1", "\"version\": 2"), "the version is 2"),
            (&file(CURL).replace("portolan-reviews", "x"), "the format is not portolan-reviews"),
            (
                &file(&format!("{CURL},\n{}", CURL.replace("approved", "yes"))),
                "approved or ignored at line 6",
            ),
            (&file(&CURL.replace("approved", "unreviewed")), "approved or ignored at line 5"),
            (&file(&CURL.replace("deb:curl:", "")), "no key"),
            (&file(&CURL.replace("deb:curl:", "x:")), "at line 5"),
            (&file(&CURL.replace("{}", r#"{ "/a": "00" }"#)), "SHA-256"),
            (&file(&CURL.replace("contents", "content")), "unknown field"),
            (
                &file(&format!("{CURL},{CURL}")),
                "applications[1]: deb:curl:/usr/bin/curl has an answer already",
            ),
        ] {
            let said = refused(text);
            assert!(said.contains(expected) && said.contains("nothing was changed"), "{said}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers");
        std::fs::write(&path, file(CURL)).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
    }
}
