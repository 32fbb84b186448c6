//! What the history's file holds, for who may know it.

use std::sync::Arc;

use portolan_bus::{Error, HistoryContents};
use portolan_config::{Config, key};

use super::archive::Archive;
use crate::dbus::Viewer;

impl Archive {
    /// What a viewer may know of the file, and how long what it holds is kept.
    ///
    /// # Errors
    /// The history cannot be read.
    pub async fn contents(&self, viewer: Viewer, config: &Config) -> Result<HistoryContents, Error> {
        let path = match viewer.only() {
            None => self.path().to_string_lossy().into_owned(),
            Some(_) => String::new(),
        };
        let max_bytes = config.retention.max_bytes;
        let config = config.clone();
        let kept = move |level: &str| {
            let shown = key(&format!("retention.{level}")).map(|key| key.show(&config)).unwrap_or_default();
            shown.trim_matches('"').to_owned()
        };
        let read = move |reader: &portolan_history::Reader, _: &_| {
            Ok((reader.info()?, reader.levels()?, reader.forgotten()?))
        };
        let (info, levels, mut forgotten) = self.ask(viewer.uid, Arc::default(), read).await?;
        forgotten.retain(|part| viewer.only().is_none_or(|uid| uid == part.by));
        let mut contents = HistoryContents::found(path, &info, &levels, &forgotten);
        contents.max_bytes = Some(max_bytes);
        contents.levels.iter_mut().for_each(|level| level.kept = kept(&level.level));
        Ok(contents)
    }
}
