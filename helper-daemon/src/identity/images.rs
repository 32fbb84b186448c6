use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    rc::{Rc, Weak},
};

use portolan_bpf::{FileId, Stamps};
use portolan_core::{Sha256Digest, Unattributed};

use super::{
    executed_file::ExecutedFile,
    file::FileKey,
    hasher::Hashed,
    image::{Image, Reading},
    proof::every_change_shows,
};
use crate::clock::{Moment, Now};

/// How many hashes are remembered of files that no process runs any more.
const REMEMBERED: usize = 16_384;

/// All contents that processes run, and the hashes of those that they ran.
#[derive(Default)]
pub(super) struct Images {
    made: u64,
    /// By number.
    running: HashMap<u64, Weak<Image>>,
    /// Those of them whose key no other content can have.
    shared: HashMap<FileKey, Weak<Image>>,
    known: HashMap<FileKey, Known>,
}

/// What was read of a file.
#[derive(Clone, Copy)]
struct Known {
    digest: Sha256Digest,
    is_app_image: bool,
}

impl Images {
    /// The image of an open file, which a process executed as `executed` at `since`, and which had this key when it was looked at after
    /// `begun`. The descriptor is kept only for the first of its kind. `is_next`: it is going to be hashed at once.
    pub(super) fn of(
        &mut self,
        mut file: ExecutedFile,
        key: FileKey,
        executed: &FileId,
        since: Moment,
        begun: Now,
        is_next: bool,
    ) -> Rc<Image> {
        let seen = Now::read();
        // What others may write to may be another content each time, for a write through a mapping leaves no trace; and a server
        // says of its files what it likes. While it has the key that it was executed with, nobody has written to it since: nobody
        // could have mapped it for writing then, and the first write through a new mapping shows. So it is below an overlay, where
        // nobody had it open for writing either.
        let is_guarded =
            executed.is_guarded || executed.is_overlaid && every_change_shows(executed, since, begun);
        let is_known_by_key =
            is_guarded && key.is_unchanged_since(executed) && !executed.is_served && !file.is_served;
        if is_known_by_key && let Some(image) = self.shared.get(&key).and_then(Weak::upgrade) {
            return image;
        }
        if is_next && is_known_by_key && !self.known.contains_key(&key) {
            file.keep();
        }
        let is_shared =
            is_known_by_key && (executed.stamps != Stamps::Coarse || key.would_show_changes(begun));
        self.make(file, key, is_known_by_key, is_shared, begun, seen)
    }

    /// The image of a script, which anybody may write to while it runs.
    pub(super) fn of_script(&mut self, descriptor: OwnedFd) -> io::Result<Rc<Image>> {
        let begun = Now::read();
        let file = ExecutedFile::open(descriptor);
        let is_unwritten = file.nobody_writes();
        let key = FileKey::of(&file.descriptor)?;
        let seen = Now::read();
        let is_known_by_key = is_unwritten && key.would_show_changes(begun);
        if is_known_by_key && let Some(image) = self.shared.get(&key).and_then(Weak::upgrade) {
            return Ok(image);
        }
        Ok(self.make(file, key, is_known_by_key, is_known_by_key, begun, seen))
    }

    fn make(
        &mut self,
        file: ExecutedFile,
        key: FileKey,
        is_known_by_key: bool,
        is_shared: bool,
        begun: Now,
        seen: Now,
    ) -> Rc<Image> {
        self.made += 1;
        let image = Rc::new(Image::held(self.made, key, is_known_by_key, file));
        if let Some(Known { digest, is_app_image }) =
            self.known.get(&key).copied().filter(|_| is_known_by_key)
        {
            let (before, after, unchanged_since, ended) = (key, key, seen, seen);
            let reading = Reading { digest, is_app_image, before, begun, after, unchanged_since, ended };
            image.finish(Ok(reading));
        }
        if is_shared {
            self.shared.insert(key, Rc::downgrade(&image));
        }
        self.running.insert(self.made, Rc::downgrade(&image));
        image
    }

    pub(super) fn finish(&mut self, hashed: Hashed) {
        let Some(image) = self.running.get(&hashed.image).and_then(Weak::upgrade) else { return };
        if let Ok(Reading { digest, is_app_image, before, begun, after, .. }) = hashed.result
            && image.is_known_by_key
            && before == image.key
            && before == after
            && before.would_show_changes(begun)
        {
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
            self.known.insert(before, Known { digest, is_app_image });
        }
        image.finish(hashed.result);
    }

    /// Forgets images that no process runs.
    pub(super) fn sweep(&mut self) {
        self.running.retain(|_, image| image.strong_count() > 0);
        self.shared.retain(|_, image| image.strong_count() > 0);
    }
}

/// The reason that stands for an error of reading a file.
pub(super) fn unreadable(error: &io::Error) -> Unattributed {
    tracing::debug!("an executable could not be read: {error}");
    Unattributed::FileUnreadable
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use portolan_core::UnixMillis;

    use super::*;

    fn executed(file: &File, stamps: Stamps, is_guarded: bool, is_overlaid: bool) -> FileId {
        let FileKey { device, inode, changed, size } = FileKey::of(file).unwrap();
        let is_served = false;
        FileId { device, inode, generation: 0, changed, size, stamps, is_served, is_guarded, is_overlaid }
    }

    #[test]
    fn a_script_that_somebody_may_write_to_through_a_mapping_is_read_each_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(b"abc").unwrap();
        let age = || FileKey::of(file.as_file()).unwrap().would_show_changes(Now::read());
        while !age() {
            std::thread::yield_now();
        }
        let mut images = Images::default();
        let mut of_script = || images.of_script(File::open(file.path()).unwrap().into()).unwrap();
        let (first, second) = (of_script(), of_script());
        assert_ne!(first.number, second.number, "it is open for writing");
        assert!(!first.is_known_by_key);
        let file = file.into_temp_path();
        let mut of_script = || images.of_script(File::open(&file).unwrap().into()).unwrap();
        let (first, second) = (of_script(), of_script());
        assert_eq!(first.number, second.number, "nobody can write to it");
    }

    #[test]
    fn contents_that_may_differ_under_one_key_are_read_each() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let changed = FileKey::of(&file).unwrap().changed;
        let wall = UnixMillis(changed.0 * 1000 + i64::from(changed.1 / 1_000_000) + 1);
        let begun = Now { wall, ..Now::read() };
        let mut images = Images::default();
        let mut of = |stamps, is_guarded, is_overlaid| {
            let descriptor = OwnedFd::from(file.try_clone().unwrap());
            let key = FileKey::of(&file).unwrap();
            let executed = executed(&file, stamps, is_guarded, is_overlaid);
            images.of(ExecutedFile::open(descriptor), key, &executed, begun.moment(), begun, false)
        };
        let (first, second) = (of(Stamps::Coarse, true, false), of(Stamps::Coarse, true, false));
        assert_ne!(first.number, second.number, "a change in this tick would not show");
        let (first, second) = (of(Stamps::FineOnceQueried, true, false), of(Stamps::Fine, true, false));
        assert_eq!(first.number, second.number, "a change would show");
        let (first, second) = (of(Stamps::Fine, false, false), of(Stamps::Fine, false, false));
        assert_ne!(first.number, second.number, "a write through a mapping would not show");
        for (stamps, is_one) in
            [(Stamps::Unseen, false), (Stamps::FineOnceQueried, false), (Stamps::Fine, true)]
        {
            let (first, second) = (of(stamps, false, true), of(stamps, false, true));
            assert_eq!(first.number == second.number, is_one, "{stamps:?} below an overlay");
        }
    }
}
