//! All that the page can ask of the app.

use serde_json::value::RawValue;
use tauri::{State, ipc::Channel};

use super::Tray;
use crate::{
    protocol::FromWindow,
    question::{Answer, Question},
};

/// The page listens on `channel`; it is told everything from the beginning.
#[tauri::command]
pub(super) async fn attach(tray: State<'_, Tray>, channel: Channel<Box<RawValue>>) -> Result<(), String> {
    tray.attach(channel);
    tray.say(&FromWindow::Ready)
}

/// Asks the daemon or the app.
#[tauri::command]
pub(super) async fn ask(tray: State<'_, Tray>, question: Question) -> Answer {
    tray.ask(question).await
}

/// Tries to reach the daemon now.
#[tauri::command]
pub(super) async fn retry(tray: State<'_, Tray>) -> Result<(), String> {
    tray.say(&FromWindow::Retry)
}
