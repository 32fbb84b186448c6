//! All that the page can ask of the app.

use serde::Serialize;
use serde_json::value::RawValue;
use tauri::{AppHandle, State, ipc::Channel};

use super::{Tray, icons, pictures, reports, reviews};
use crate::{
    protocol::FromWindow,
    question::{Answer, Failure, Question},
};

/// The page listens on `channel`; it is told everything from the beginning.
#[tauri::command]
pub(super) async fn attach(tray: State<'_, Tray>, channel: Channel<Box<RawValue>>) -> Result<(), String> {
    tray.attach(channel);
    tray.say(&FromWindow::Ready)
}

/// Asks the daemon or the app. What needs the window, or what memory must not stay for, this process answers itself.
#[tauri::command]
pub(super) async fn ask(app: AppHandle, tray: State<'_, Tray>, question: Question) -> Answer {
    match question {
        Question::SavePicture { picture } => answer(pictures::save(&app, &tray, picture).await),
        Question::SaveReport { month } => answer(reports::save(&app, &tray, month).await),
        Question::ExportReviews => answer(reviews::export(&app, &tray).await),
        Question::ImportReviews => answer(reviews::read(&app, &tray).await),
        Question::Icons { applications } => answer(Ok(icons::of(&app, applications).await)),
        other => tray.ask(other).await,
    }
}

/// Tries to reach the daemon now.
#[tauri::command]
pub(super) async fn retry(tray: State<'_, Tray>) -> Result<(), String> {
    tray.say(&FromWindow::Retry)
}

fn answer(said: Result<impl Serialize, Failure>) -> Answer {
    serde_json::value::to_raw_value(&said?).map_err(|error| Failure::other(error.to_string()))
}
