//! What the history's file holds, for who may know it.

use std::sync::Arc;

use portolan_bus::{Error, HistoryContents};
use portolan_config::{Config, key};
use portolan_history::{Reader, level_names};

use super::archive::Archive;
use crate::dbus::Viewer;

impl Archive {
    /// What a viewer may know of the file, and how long what it holds is kept.
    ///
    /// # Errors
    /// The history cannot be read.
    pub async fn contents(&self, viewer: Viewer, config: &Config) -> Result<HistoryContents, Error> {
        let path = self.path().to_string_lossy().into_owned();
        let max_bytes = config.retention.max_bytes;
        let config = config.clone();
        let kept = move |level: &str| {
            let shown = key(&format!("retention.{level}")).map(|key| key.show(&config)).unwrap_or_default();
            shown.trim_matches('"').to_owned()
        };
        let read = move |reader: &Reader, _: &_| {
            let mut forgotten = reader.forgotten()?;
            let Some(uid) = viewer.only() else {
                return Ok(HistoryContents::found(path, &reader.info()?, &reader.levels()?, &forgotten));
            };
            forgotten.retain(|part| part.by == uid);
            Ok(HistoryContents::of_one_user(&level_names(), &forgotten))
        };
        let mut contents = self.ask(viewer.uid, Arc::default(), read).await?;
        contents.max_bytes = Some(max_bytes);
        contents.levels.iter_mut().for_each(|level| level.kept = kept(&level.level));
        Ok(contents)
    }
}
