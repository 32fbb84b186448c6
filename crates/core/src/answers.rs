//! Answers as a file, for another machine: docs/export.md says what stands in it, and this what it means where it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use ts_rs::TS;

use crate::{ApplicationKey, ReviewState, Sha256Digest, Untrusted, harmless_json};

const FORMAT: &str = "portolan-reviews";
const VERSION: u32 = 1;

/// An application, and what a person answered about it. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its key.
    #[serde(deserialize_with = "key")]
    pub application: String,
    /// Approved or ignored in a file; of an application that is known also unreviewed.
    #[serde(deserialize_with = "state")]
    pub review: ReviewState,
    /// By path, what was known then: the content of the executable, and of the script, that appeared last.
    pub contents: BTreeMap<String, Sha256Digest>,
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(deserialize_with = "format")]
    format: String,
    #[serde(deserialize_with = "version")]
    version: u32,
    applications: Vec<Answer>,
}

/// Why a file means nothing; all of it is refused then.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// It is too long for one of ours.
    #[error("it is longer than 64 MB")]
    TooLong,
    /// It is none of ours, with the place.
    #[error(transparent)]
    Meaningless(#[from] serde_json::Error),
    /// Which of two answers counts nobody can say.
    #[error("applications[{number}]: {key} has an answer already")]
    Twice {
        /// The second one, counted from 0.
        number: usize,
        /// Whose, made safe for a terminal.
        key: String,
    },
}

impl Answer {
    /// The longest file that is read, in bytes.
    pub const FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// The file with those of `known` that a person answered about, without what another recorder saw.
    pub fn write(known: &[Self]) -> serde_json::Result<String> {
        let is_exported = |answer: &&Self| {
            let key = ApplicationKey::from_stored(answer.application.as_str().into());
            answer.review != ReviewState::Unreviewed && !key.is_imported()
        };
        let applications = known.iter().filter(is_exported).cloned().collect();
        let file = File { format: FORMAT.to_owned(), version: VERSION, applications };
        serde_json::to_string_pretty(&file).map(|text| harmless_json(&text) + "\n")
    }

    /// Reads a file whole, or nothing of it.
    pub fn read(text: &str) -> Result<Vec<Self>, AnswersError> {
        if u64::try_from(text.len()).is_ok_and(|length| length > Self::FILE_MAX_BYTES) {
            return Err(AnswersError::TooLong);
        }
        let File { applications, .. } = serde_json::from_str(text)?;
        let mut keys = BTreeSet::new();
        for (number, answer) in applications.iter().enumerate() {
            if !keys.insert(&answer.application) {
                let key = Untrusted::from(answer.application.as_str()).for_terminal();
                return Err(AnswersError::Twice { number, key });
            }
        }
        Ok(applications)
    }
}

/// An answer of a file, and what it means where it is read. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts")]
pub struct Change {
    /// The application's key.
    pub application: String,
    /// What the file says.
    #[ts(type = "\"approved\" | \"ignored\"")]
    pub review: ReviewState,
    /// How it is reviewed here; `None` where it has not talked.
    #[ts(type = "\"approved\" | \"ignored\" | \"unreviewed\" | null")]
    pub before: Option<ReviewState>,
    /// Whether it has talked here and is reviewed otherwise.
    pub changes: bool,
    /// Whether what runs here is not what was known there.
    pub other_content: bool,
    /// Whether its path lies in somebody's home, and so need not mean the same here.
    pub in_a_home: bool,
}

impl Change {
    /// What each answer of a file means where these applications are known.
    #[must_use]
    pub fn of(answers: Vec<Answer>, known: &[Answer]) -> Vec<Self> {
        let known: BTreeMap<&str, &Answer> =
            known.iter().map(|here| (here.application.as_str(), here)).collect();
        let change = |answer: Answer| {
            let here = known.get(answer.application.as_str());
            let is_known = |sha256: &Sha256Digest| answer.contents.values().any(|known| known == sha256);
            Self {
                review: answer.review,
                before: here.map(|here| here.review),
                changes: here.is_some_and(|here| here.review != answer.review),
                other_content: here.is_some_and(|here| !here.contents.values().all(is_known)),
                in_a_home: is_in_a_home(&answer.application),
                application: answer.application,
            }
        };
        answers.into_iter().map(change).collect()
    }
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

fn state<'de, D: Deserializer<'de>>(file: D) -> Result<ReviewState, D::Error> {
    match String::deserialize(file)?.parse() {
        Ok(state @ (ReviewState::Approved | ReviewState::Ignored)) => Ok(state),
        Ok(ReviewState::Unreviewed) | Err(_) => Err(D::Error::custom("a review is approved or ignored")),
    }
}

/// Whether a path in an application's key lies in the folder of a person.
fn is_in_a_home(application: &str) -> bool {
    let first_folder = |path: &str| path.split_once('/').map(|(folder, _)| folder.to_owned());
    application
        .split(":/")
        .skip(1)
        .filter_map(first_folder)
        .any(|folder| folder == "home" || folder == "root")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURL: &str = r#"{ "application": "deb:curl:/usr/bin/curl", "review": "approved", "contents": {} }"#;

    fn file(applications: &str) -> String {
        format!(
            "{{\n\"format\": \"portolan-reviews\",\n\"version\": 1,\n\"applications\": [\n{applications}\n]}}\n"
        )
    }

    fn answer(application: &str, review: ReviewState, content: u8) -> Answer {
        let contents = [("/x".to_owned(), Sha256Digest([content; 32]))].into();
        Answer { application: application.to_owned(), review, contents }
    }

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
            let said = Answer::read(text).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
        assert_eq!(Answer::read(&file(CURL)).unwrap().len(), 1);
    }

    #[test]
    fn what_is_written_reads_back_without_what_nobody_answered_and_what_is_not_of_here() {
        let approved = answer("path:/x", ReviewState::Approved, 1);
        let known = [
            approved.clone(),
            answer("path:/y", ReviewState::Unreviewed, 2),
            answer("imported:/z", ReviewState::Ignored, 3),
        ];
        assert_eq!(Answer::read(&Answer::write(&known).unwrap()).unwrap(), [approved]);
    }

    #[test]
    fn what_changes_is_told_with_what_to_mind() {
        let here = [
            answer("path:/x", ReviewState::Unreviewed, 1),
            answer("path:/home/a/y", ReviewState::Ignored, 2),
            answer("path:/same", ReviewState::Approved, 3),
        ];
        let there = ["path:/x", "path:/home/a/y", "path:/same", "path:/never"];
        let there = there.map(|key| answer(key, ReviewState::Approved, 1)).to_vec();
        let told = Change::of(there, &here);
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.before.is_some(), one.changes, one.other_content, one.in_a_home))
            .collect();
        assert_eq!(
            told,
            [
                (true, true, false, false),
                (true, true, true, true),
                (true, false, true, false),
                (false, false, false, false)
            ]
        );
    }
}
