//! What the history's file holds, for who may know it.

use std::sync::Arc;

use portolan_bus::{Error, HistoryContents, HistoryInfo};
use portolan_config::{Config, key};
use portolan_history::{Info, Reader, level_names};

use super::archive::Archive;
use crate::dbus::Viewer;

impl Archive {
    /// What the status says of the file, as far as it can be read.
    pub(super) fn said(&self, viewer: Viewer, info: Option<Info>) -> HistoryInfo {
        if viewer.only().is_some() {
            return HistoryInfo::default();
        }
        HistoryInfo {
            path: self.path().to_string_lossy().into_owned(),
            size_bytes: info.map(|info| info.file_bytes + info.log_bytes),
            first_unix_ms: info.and_then(|info| info.first_bucket).map(|first| first.0),
            problem: None,
        }
    }

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

#[cfg(test)]
mod tests {
    use portolan_bus::Access;
    use portolan_core::{Uid, UnixMillis};

    use super::*;

    #[test]
    fn how_much_others_moved_is_not_said_to_who_may_see_only_their_own() {
        let archive = Archive::new("/h".into(), |_| {});
        let info = Some(Info { file_bytes: 3, log_bytes: 4, first_bucket: Some(UnixMillis(5)) });
        let viewer = |access| Viewer { uid: Uid(7), access };
        assert_eq!(archive.said(viewer(Access::Own), info), HistoryInfo::default());
        let all = archive.said(viewer(Access::All), info);
        assert_eq!((all.path.as_str(), all.size_bytes, all.first_unix_ms), ("/h", Some(7), Some(5)));
    }
}
