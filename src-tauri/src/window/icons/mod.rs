//! The pictures of applications: those that desktop entries name, found in the desktop's own icon theme.
//!
//! A picture must lend no trust, so no program chooses its own: only entries that root put there count, and they speak for
//! the program that they start. Whatever a picture's file holds, the page gets bounded bytes of a known kind, for `<img>`.

mod entries;
mod file;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use gtk::{IconLookupFlags, IconTheme, prelude::*};
use tauri::{AppHandle, Manager as _};
use tokio::{
    sync::{Mutex, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use entries::Entries;

/// More than a screen shows.
const AT_ONCE: usize = 200;
/// Drawn half as large, for screens with many pixels.
const SIZE: i32 = 48;
/// Entries come and go with packages.
const FRESH: Duration = Duration::from_secs(300);
/// A file system may never answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The entries that were read last, and when.
#[derive(Default)]
pub(super) struct Cache(Mutex<Option<(Instant, Arc<Entries>)>>);

/// By key a `data:` address, for those applications that have a picture.
pub(super) async fn of(app: &AppHandle, mut applications: Vec<String>) -> BTreeMap<String, String> {
    applications.truncate(AT_ONCE);
    timeout(PATIENCE, found(app, applications)).await.ok().flatten().unwrap_or_default()
}

async fn found(app: &AppHandle, applications: Vec<String>) -> Option<BTreeMap<String, String>> {
    let entries = entries(app).await?;
    let named = spawn_blocking(move || {
        let name = |key: String| entries.icon_of(&key).map(|icon| (key, icon));
        applications.into_iter().filter_map(name).collect()
    });
    let placed = places(app, named.await.ok()?).await?;
    let read = move || placed.into_iter().filter_map(|(key, path)| Some((key, file::as_data(&path)?)));
    spawn_blocking(move || read().collect()).await.ok()
}

async fn entries(app: &AppHandle) -> Option<Arc<Entries>> {
    let mut cache = app.state::<Cache>().inner().0.lock().await;
    if let Some((_, entries)) = cache.as_ref().filter(|(read, _)| read.elapsed() < FRESH) {
        return Some(Arc::clone(entries));
    }
    let entries = Arc::new(spawn_blocking(Entries::of_system).await.ok()?);
    *cache = Some((Instant::now(), Arc::clone(&entries)));
    Some(entries)
}

/// The files of these icons, as the desktop's theme has them. GTK is asked, on its thread.
async fn places(app: &AppHandle, named: Vec<(String, String)>) -> Option<Vec<(String, PathBuf)>> {
    let (answer, answered) = oneshot::channel();
    let place = |(key, icon): (String, String)| {
        let path = match icon.starts_with('/') {
            true => Some(PathBuf::from(icon)),
            false => IconTheme::default()?.lookup_icon(&icon, SIZE, IconLookupFlags::empty())?.filename(),
        };
        Some((key, path?))
    };
    let all = move || answer.send(named.into_iter().filter_map(place).collect()).ok();
    app.run_on_main_thread(move || _ = all()).ok()?;
    answered.await.ok()
}
