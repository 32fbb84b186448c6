use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    rc::{Rc, Weak},
};

use portolan_core::{Sha256Digest, Unattributed};

use super::{file::FileKey, hasher::Hashed, image::Image};
use crate::clock::Now;

/// How many hashes are remembered of files that no process runs any more.
const REMEMBERED: usize = 16_384;

/// All contents that processes run, and the hashes of those that they ran.
#[derive(Default)]
pub(super) struct Images {
    running: HashMap<FileKey, Weak<Image>>,
    known: HashMap<FileKey, Sha256Digest>,
}

impl Images {
    /// The image of an open file. The descriptor is kept only for the first of its kind.
    pub(super) fn of(&mut self, descriptor: OwnedFd) -> io::Result<Rc<Image>> {
        let key = FileKey::of(&descriptor)?;
        if let Some(image) = self.running.get(&key).and_then(Weak::upgrade) {
            return Ok(image);
        }
        let image = Rc::new(Image::held(key, descriptor));
        if let Some(digest) = self.known.get(&key) {
            image.finish(Ok((*digest, key)), Now::read());
        }
        self.running.insert(key, Rc::downgrade(&image));
        Ok(image)
    }

    pub(super) fn finish(&mut self, hashed: Hashed) {
        if let Ok((digest, after)) = hashed.result
            && after == hashed.key
            && after.is_older_than_a_tick(hashed.begun)
        {
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
            self.known.insert(hashed.key, digest);
        }
        if let Some(image) = self.running.get(&hashed.key).and_then(Weak::upgrade) {
            image.finish(hashed.result, hashed.ended);
        }
    }

    /// Forgets images that no process runs.
    pub(super) fn sweep(&mut self) {
        self.running.retain(|_, image| image.strong_count() > 0);
    }
}

/// The reason that stands for an error of reading a file.
pub(super) fn unreadable(error: &io::Error) -> Unattributed {
    tracing::debug!("an executable could not be read: {error}");
    Unattributed::FileUnreadable
}
