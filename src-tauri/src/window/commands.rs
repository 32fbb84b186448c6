//! All that the page can ask of the app.

use portolan_core::{ParseError, ReviewState};
use serde_json::value::RawValue;
use tauri::{State, ipc::Channel};

use super::Tray;
use crate::protocol::FromWindow;

/// The page listens on `channel`; it is told everything from the beginning.
#[tauri::command]
pub(super) async fn attach(tray: State<'_, Tray>, channel: Channel<Box<RawValue>>) -> Result<(), String> {
    tray.attach(channel);
    tray.say(&FromWindow::Ready)
}

/// Reviews an application; the error is a sentence for a person.
#[tauri::command]
pub(super) async fn review(tray: State<'_, Tray>, application: String, state: String) -> Result<(), String> {
    let state: ReviewState = state.parse().map_err(|error: ParseError| error.to_string())?;
    tray.review(application, state).await
}

/// Tries to reach the daemon now.
#[tauri::command]
pub(super) async fn retry(tray: State<'_, Tray>) -> Result<(), String> {
    tray.say(&FromWindow::Retry)
}
