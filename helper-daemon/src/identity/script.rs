use std::{
    cell::{Cell, OnceCell},
    collections::HashSet,
    io,
    os::fd::OwnedFd,
    rc::Rc,
};

use portolan_core::{FileContent, MonotonicNs, Untrusted};
use rustix::{
    fs::{FileType, OFlags},
    io::Errno,
};

use super::{
    file::FileKey,
    image::{Content, Image},
    images::Images,
    root_folder::{find_below, only_root_decides, reopen},
};
use crate::{clock::Moment, monitor::stat_as_known};

/// A file that an interpreter runs.
///
/// Its content is what was found there when it was looked for, at the exec or at the first byte: the interpreter opens it by its
/// name and says nothing about it.
#[derive(Debug)]
pub(super) struct Script {
    /// Its path in the mount namespace of the process.
    pub(super) path: Untrusted,
    /// Whether its interpreter was told that path, and not one that depends on its working directory.
    is_absolute: bool,
    /// The file; `None` in it when there is none to be found.
    found: OnceCell<Option<Found>>,
    /// When it was not in the kernel's memory for the first time that somebody waited for it.
    missed_since: Cell<Option<MonotonicNs>>,
}

#[derive(Debug)]
struct Found {
    image: Rc<Image>,
    only_root_decides: bool,
}

/// How long it is tried again where the kernel would have to ask a disk, or a server.
const PATIENCE_NS: u64 = 3_000_000_000;

/// It cannot be said now.
struct NotNow;

impl Script {
    pub(super) fn new(path: Untrusted, is_absolute: bool) -> Self {
        Self { path, is_absolute, found: OnceCell::new(), missed_since: Cell::new(None) }
    }

    /// Looks for the file below the folder where its path begins, where that was not decided yet; nowhere when nobody knows that
    /// folder any more. `now` is given by who waits for the answer.
    pub(super) fn look(
        &self,
        root: Option<io::Result<OwnedFd>>,
        images: &mut Images,
        local: &HashSet<(u32, u32)>,
        now: Option<MonotonicNs>,
    ) {
        if self.is_decided() {
            return;
        }
        let found = match root.map_or(Ok(None), |root| self.open(root, local)) {
            Ok(opened) => opened.and_then(|(file, only_root_decides)| {
                Some(Found { image: images.of_script(file).ok()?, only_root_decides })
            }),
            Err(NotNow) if !self.is_out_of_patience(now) => return,
            Err(NotNow) => None,
        };
        self.found.get_or_init(|| found);
    }

    /// Whether it is known which file that is, or that none is to be found.
    pub(super) fn is_decided(&self) -> bool {
        self.found.get().is_some()
    }

    fn is_out_of_patience(&self, now: Option<MonotonicNs>) -> bool {
        let Some(now) = now else { return false };
        let since = self.missed_since.get().unwrap_or(now);
        self.missed_since.set(Some(since));
        since.0.saturating_add(PATIENCE_NS) <= now.0
    }

    /// Its content's image; `None` when there is none, or it was not looked for yet.
    pub(super) fn image(&self) -> Option<&Rc<Image>> {
        self.found.get()?.as_ref().map(|found| &found.image)
    }

    /// Whether the interpreter can have opened no other file than the one that was found, unless root wanted that: who may rename
    /// a folder on the way, change the working directory of both, or stop the interpreter before it opens its script, else
    /// shows another file to it than to whoever looks.
    pub(super) fn is_certain(&self) -> bool {
        self.is_absolute
            && self.found.get().is_some_and(|it| it.as_ref().is_some_and(|it| it.only_root_decides))
    }

    /// What it holds, as started at that time; `None` while that is being found out. What was changed since, or in the tick of the
    /// start, may be another content than the interpreter has read: whatever was there when it was found, nobody knows what was
    /// there before.
    pub(super) fn content(&self, started: Moment) -> Option<FileContent> {
        let sha256 = match self.found.get()?.as_ref().map(|found| found.image.content()) {
            Some(Content::Pending) => return None,
            Some(Content::Hashed(reading)) => {
                reading.ended.was_before(reading.after.changed, started).then_some(reading.digest)
            }
            Some(Content::Failed(_)) | None => None,
        };
        Some(FileContent { path: self.path.clone(), sha256 })
    }

    /// Opens the file by its path below a root folder, without asking anybody but the kernel's memory: the interpreter has just been there.
    /// On a filesystem that is not known to be this machine's own, only its place is held (see [`super::served`]). `None` when there
    /// is no file to be opened by that path. Beside it, whether only root decides which file that is.
    fn open(
        &self,
        root: io::Result<OwnedFd>,
        local: &HashSet<(u32, u32)>,
    ) -> Result<Option<(OwnedFd, bool)>, NotNow> {
        // Nobody's root when it is about to end, which will be told.
        let root = root.map_err(|_| NotNow)?;
        let path = self.path.to_bytes();
        let found = match find_below(&root, &path, OFlags::empty()) {
            Err(Errno::AGAIN) => return Err(NotNow),
            Err(_) => return Ok(None),
            Ok(found) => found,
        };
        let Ok(stat) = stat_as_known(&found) else { return Ok(None) };
        if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
            return Ok(None);
        }
        let only_root_decides = match only_root_decides(&root, &path, local) {
            Err(Errno::AGAIN) => return Err(NotNow),
            decided => decided.unwrap_or(false),
        };
        if !local.contains(&FileKey::from_stat(&stat).device) {
            return Ok(Some((found, only_root_decides)));
        }
        Ok(reopen(found).ok().map(|file| (file, only_root_decides)))
    }
}
