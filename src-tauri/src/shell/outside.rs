//! What other programs of the desktop open. A path is shown in its folder; nothing is executed or opened by its type.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tauri::Url;
use tokio::{process::Command, sync::oneshot, task::spawn_blocking, time::timeout};

use crate::{
    controller::Outside,
    question::{Answer, Failure},
    words::Language,
};

/// A file manager may have to start first.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens it, and answers.
pub(super) async fn open(what: Outside, language: Language, answer: oneshot::Sender<Answer>) {
    let opened = match what {
        Outside::Page(address) => xdg_open(&address).await.ok_or_else(|| language.no_opener()),
        Outside::FolderOf(path) => show(path, language).await,
    };
    let said = opened.map_err(Failure::other).and_then(|()| {
        serde_json::value::to_raw_value(&()).map_err(|error| Failure::other(error.to_string()))
    });
    answer.send(said).ok();
}

async fn show(path: PathBuf, language: Language) -> Result<(), &'static str> {
    // A file system may never answer.
    let file = path.clone();
    let is_there = timeout(PATIENCE, spawn_blocking(move || file.symlink_metadata().is_ok())).await;
    if !matches!(is_there, Ok(Ok(true))) {
        return Err(language.not_there());
    }
    let address = Url::from_file_path(&path).map_err(|()| language.not_absolute())?;
    if timeout(PATIENCE, show_item(address.as_str())).await.is_ok_and(|shown| shown.is_ok()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(&path);
    let folder = Url::from_directory_path(folder).map_err(|()| language.not_absolute())?;
    xdg_open(folder.as_str()).await.ok_or_else(|| language.no_opener())
}

/// The file manager opens the folder and marks the file.
async fn show_item(address: &str) -> zbus::Result<()> {
    let name = "org.freedesktop.FileManager1";
    let session = zbus::Connection::session().await?;
    let arguments = (&[address][..], "");
    session
        .call_method(Some(name), "/org/freedesktop/FileManager1", Some(name), "ShowItems", &arguments)
        .await
        .map(drop)
}

/// An address that begins with its scheme cannot be an option.
async fn xdg_open(address: &str) -> Option<()> {
    let mut opener = Command::new("xdg-open");
    opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = opener.spawn().ok()?;
    match timeout(PATIENCE, child.wait()).await {
        Ok(ended) => ended.ok().filter(std::process::ExitStatus::success).map(drop),
        // Some browsers stay in the foreground.
        Err(_) => {
            tokio::spawn(async move { child.wait().await });
            Some(())
        }
    }
}
