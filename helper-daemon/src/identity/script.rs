use std::{
    cell::OnceCell,
    collections::HashSet,
    os::fd::{AsRawFd, OwnedFd},
    rc::Rc,
};

use portolan_core::{FileContent, Pid, Untrusted};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, open, openat2};

use super::{
    file::FileKey,
    image::{Content, Image},
    images::Images,
    process::Process,
};
use crate::monitor::stat_as_known;

/// A file that an interpreter runs.
///
/// Its content is what was found there when it was looked for, at the exec or at the first byte: the interpreter opens it by its
/// name and says nothing about it.
#[derive(Debug)]
pub(super) struct Script {
    /// Its path in the mount namespace of the process.
    pub(super) path: Untrusted,
    /// Its content; `None` in it when there is none to be found.
    image: OnceCell<Option<Rc<Image>>>,
}

impl Script {
    pub(super) fn new(path: Untrusted) -> Self {
        Self { path, image: OnceCell::new() }
    }

    /// Looks for the file in a process that runs it, where that was not found yet. Who has ended cannot be looked into.
    pub(super) fn look(&self, process: &Process, images: &mut Images, local: &HashSet<(u32, u32)>) {
        if self.image.get().is_some() {
            return;
        }
        let has_ended = process.ended.get().is_some();
        let open = || open_script(process.key.pid, &self.path, local);
        let image = if has_ended { None } else { open().and_then(|file| images.of_script(file).ok()) };
        if image.is_some() || has_ended {
            self.image.get_or_init(|| image);
        }
    }

    /// Its content's image; `None` when there is none, or it was not looked for yet.
    pub(super) fn image(&self) -> Option<&Rc<Image>> {
        self.image.get()?.as_ref()
    }

    /// What it holds; `None` while that is being found out.
    pub(super) fn content(&self) -> Option<FileContent> {
        let sha256 = match self.image.get()?.as_ref().map(|image| image.content()) {
            Some(Content::Pending) => return None,
            Some(Content::Hashed(reading)) => Some(reading.digest),
            Some(Content::Failed(_)) | None => None,
        };
        Some(FileContent { path: self.path.clone(), sha256 })
    }
}

/// Opens a script by its path in a process, without asking anybody but the kernel's memory: the interpreter has just been there.
/// On a filesystem that is not known to be this machine's own, only its place is held (see [`super::served`]).
fn open_script(pid: Pid, path: &Untrusted, local: &HashSet<(u32, u32)>) -> Option<OwnedFd> {
    let place = OFlags::PATH | OFlags::CLOEXEC;
    let root = open(format!("/proc/{}/root", pid.0), place, Mode::empty()).ok()?;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
    let found = openat2(&root, path.to_bytes(), place, Mode::empty(), inside).ok()?;
    let stat = stat_as_known(&found).ok()?;
    if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
        return None;
    }
    if !local.contains(&FileKey::of(&found).ok()?.device) {
        return Some(found);
    }
    let link = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOATIME;
    open(link, flags, Mode::empty()).ok()
}
