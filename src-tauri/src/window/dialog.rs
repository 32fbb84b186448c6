//! Files that the person names: in GTK's dialog, or the desktop's own where `GTK_USE_PORTAL` wants that. The page names none.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use gtk::{FileChooserAction, FileChooserNative, FileFilter, ResponseType, glib, prelude::*};
use tauri::{AppHandle, Manager as _};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::LABEL;
use crate::{
    question::{Failure, Saved},
    words::Language,
};

/// What is asked.
pub(super) struct Wanted {
    pub(super) title: &'static str,
    /// What the button says.
    pub(super) accept: &'static str,
    /// The kind of file, and how its name ends.
    pub(super) kind: &'static str,
    pub(super) ending: &'static str,
    /// The folder that is shown first, where there is one.
    pub(super) folder: Option<PathBuf>,
    /// What a new file is called unless the person says otherwise; `None` for one that is there.
    pub(super) name: Option<String>,
}

/// Asks for a file; `None` where the person says nowhere. Whether a file may be replaced was asked, too.
pub(super) async fn ask(
    app: &AppHandle,
    language: Language,
    wanted: Wanted,
) -> Result<Option<PathBuf>, Failure> {
    let (answer, answered) = oneshot::channel();
    let window = app.clone();
    let shown = app.run_on_main_thread(move || {
        glib::MainContext::default().spawn_local(async move {
            let dialog = dialog(&window, language, &wanted);
            let said = dialog.run_future().await;
            answer.send(dialog.filename().filter(|_| said == ResponseType::Accept)).ok();
            dialog.destroy();
        });
    });
    let no_dialog = || Failure::other(language.no_dialog());
    shown.map_err(|_| no_dialog())?;
    answered.await.map_err(|_| no_dialog())
}

fn dialog(app: &AppHandle, language: Language, wanted: &Wanted) -> FileChooserNative {
    let parent = app.get_webview_window(LABEL).and_then(|window| window.gtk_window().ok());
    let action = if wanted.name.is_some() { FileChooserAction::Save } else { FileChooserAction::Open };
    let (accept, cancel) = (Some(wanted.accept), Some(language.cancel()));
    let dialog = FileChooserNative::new(Some(wanted.title), parent.as_ref(), action, accept, cancel);
    dialog.set_modal(true);
    dialog.set_do_overwrite_confirmation(true);
    let filter = FileFilter::new();
    filter.set_name(Some(wanted.kind));
    filter.add_pattern(&format!("*.{}", wanted.ending));
    dialog.add_filter(filter);
    if let Some(folder) = &wanted.folder {
        dialog.set_current_folder(folder);
    }
    if let Some(name) = &wanted.name {
        dialog.set_current_name(name);
    }
    dialog
}

/// The path with this ending where it has none of `endings`; whether that makes it another one than was asked for.
pub(super) fn ended(path: PathBuf, endings: &[&str], ending: &str) -> (PathBuf, bool) {
    let has = |wanted: &&str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(wanted));
    if endings.iter().any(has) {
        return (path, false);
    }
    let mut name = path.into_os_string();
    name.push(".");
    name.push(ending);
    (name.into(), true)
}

/// Writes a file, which has its name when it is whole and not before. Only what the person was asked about is replaced.
pub(super) async fn write(path: PathBuf, bytes: Vec<u8>, may_replace: bool) -> Result<Saved, Failure> {
    let shown = path.to_string_lossy().into_owned();
    let written = spawn_blocking(move || write_now(&path, &bytes, may_replace)).await;
    match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(()) => Ok(Saved { path: shown }),
        Err(error) => Err(not_saved(&shown, &error)),
    }
}

/// Which file was not written, and why.
pub(super) fn not_saved(path: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::other(format!("{path}: {why}."))
}

fn write_now(path: &Path, bytes: &[u8], may_replace: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let file = tempfile::Builder::new().prefix(".portolan-").suffix(".part").tempfile_in(folder);
    // The person named another file than the one that it speaks of.
    let mut file = file.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("no file can be made in this folder"),
        kind => io::Error::from(kind),
    })?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let named = if may_replace { file.persist(path) } else { file.persist_noclobber(path) };
    named.map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_written_or_gets_an_ending() {
        let of = |name: &str| ended(name.into(), &["png", "svg"], "png");
        assert_eq!(of("/a/x.SVG"), ("/a/x.SVG".into(), false));
        assert_eq!(of("/a/x.2026"), ("/a/x.2026.png".into(), true));
    }

    #[test]
    fn a_file_is_replaced_only_where_that_was_asked_and_nothing_is_left_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        write_now(&path, b"one", false).unwrap();
        assert_eq!(write_now(&path, b"two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write_now(&path, b"two", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
