//! What was approved and ignored, as a file for another machine. The command line writes and reads the same (docs/export.md).

use std::{fs::File, io::Read as _, path::Path};

use directories::UserDirs;
use jiff::Zoned;
use portolan_bus::Application;
use portolan_core::{Answer, Change};
use tauri::AppHandle;
use tokio::task::spawn_blocking;

use super::{
    Tray,
    dialog::{self, Wanted},
};
use crate::{
    preferences::Preferences,
    question::{Failure, Imported, Question, Saved},
    words::Language,
};

const ENDING: &str = "json";

/// Asks where to, and writes all answers there; `None` where the person says nowhere.
pub(super) async fn export(app: &AppHandle, tray: &Tray) -> Result<Option<Saved>, Failure> {
    let language = language(tray).await?;
    let name = format!("portolan-reviews-{}.{ENDING}", Zoned::now().date());
    let (title, accept) = (language.export_reviews(), language.save());
    let Some(path) = dialog::ask(app, language, wanted(language, title, accept, Some(name))).await? else {
        return Ok(None);
    };
    let (path, is_other) = dialog::ended(path, &[ENDING], ENDING);
    let text = Answer::write(&known(tray).await?)
        .map_err(|error| dialog::not_saved(&path.to_string_lossy(), &error))?;
    dialog::write(path, text.into_bytes(), !is_other).await.map(Some)
}

/// Asks for a file and says what it would change; `None` where the person chooses none.
pub(super) async fn read(app: &AppHandle, tray: &Tray) -> Result<Option<Imported>, Failure> {
    let language = language(tray).await?;
    let (title, accept) = (language.import_reviews(), language.import());
    let Some(path) = dialog::ask(app, language, wanted(language, title, accept, None)).await? else {
        return Ok(None);
    };
    let shown = path.to_string_lossy().into_owned();
    let answers = spawn_blocking(move || answers(&path)).await.unwrap_or_else(|error| Err(error.to_string()));
    let answers = answers.map_err(|why| Failure::other(language.not_imported(&shown, &why)))?;
    Ok(Some(imported(shown, Change::of(answers, &known(tray).await?))))
}

fn wanted(language: Language, title: &'static str, accept: &'static str, name: Option<String>) -> Wanted {
    let folder = UserDirs::new().map(|users| users.home_dir().to_owned());
    Wanted { title, accept, kind: language.of_answers(), ending: ENDING, folder, name }
}

/// Blocks.
fn answers(path: &Path) -> Result<Vec<Answer>, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(Answer::FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Answer::read(&text).map_err(|error| error.to_string())
}

async fn known(tray: &Tray) -> Result<Vec<Answer>, Failure> {
    let known: Vec<Application> = tray.asked(Question::Applications).await?;
    Ok(known.iter().map(Application::answer).collect())
}

async fn language(tray: &Tray) -> Result<Language, Failure> {
    let preferences: Preferences = tray.asked(Question::Preferences).await?;
    Ok(preferences.language.language())
}

/// Only what changes is shown one by one: the applications that are known here bound it, whatever the file holds.
fn imported(path: String, told: Vec<Change>) -> Imported {
    let count = |is: fn(&&Change) -> bool| u32::try_from(told.iter().filter(is).count()).unwrap_or(u32::MAX);
    let (same, unseen) = (count(|one| one.before == Some(one.review)), count(|one| one.before.is_none()));
    Imported { path, changes: told.into_iter().filter(|one| one.changes).collect(), same, unseen }
}

#[cfg(test)]
mod tests {
    use portolan_core::ReviewState;

    use super::*;

    #[test]
    fn only_what_changes_is_listed_and_all_is_counted() {
        let of = |application: &str, review| Answer {
            application: application.to_owned(),
            review,
            contents: Default::default(),
        };
        let here = [of("path:/a", ReviewState::Unreviewed), of("path:/b", ReviewState::Approved)];
        let there = ["path:/a", "path:/b", "path:/c", "path:/d"];
        let there = there.map(|key| of(key, ReviewState::Approved)).to_vec();
        let told = imported("/x".to_owned(), Change::of(there, &here));
        assert_eq!(told.changes.iter().map(|one| one.application.as_str()).collect::<Vec<_>>(), ["path:/a"]);
        assert_eq!((told.same, told.unseen), (1, 2));
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "{\n]").unwrap();
        assert!(answers(&path).unwrap_err().contains("line 2"));
    }
}
