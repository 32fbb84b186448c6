use std::{
    cell::{Cell, OnceCell},
    collections::HashSet,
    os::fd::{AsRawFd, OwnedFd},
    rc::Rc,
};

use portolan_core::{FileContent, MonotonicNs, Pid, Untrusted};
use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, open, openat2},
    io::Errno,
};

use super::{
    file::FileKey,
    image::{Content, Image},
    images::Images,
    proof::next_stamp,
};
use crate::{clock, monitor::stat_as_known};

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
    /// When it was not in the kernel's memory for the first time that somebody waited for it.
    missed_since: Cell<Option<MonotonicNs>>,
}

/// How long it is tried again where the kernel would have to ask a disk, or a server.
const PATIENCE_NS: u64 = 3_000_000_000;

/// It cannot be said now.
struct NotNow;

impl Script {
    pub(super) fn new(path: Untrusted) -> Self {
        Self { path, image: OnceCell::new(), missed_since: Cell::new(None) }
    }

    /// Looks for the file in a process that runs it, where that was not decided yet; `None` when all that ran it have ended. `now`
    /// is given by who waits for the answer.
    pub(super) fn look(
        &self,
        runs_it: Option<Pid>,
        images: &mut Images,
        local: &HashSet<(u32, u32)>,
        now: Option<MonotonicNs>,
    ) {
        if self.is_decided() {
            return;
        }
        let found = runs_it.map_or(Ok(None), |pid| open_script(pid, &self.path, local));
        let image = match found {
            Ok(file) => file.and_then(|file| images.of_script(file).ok()),
            Err(_) if !self.is_out_of_patience(now) => return,
            Err(_) => None,
        };
        self.image.get_or_init(|| image);
    }

    /// Whether it is known which file that is, or that none is to be found.
    pub(super) fn is_decided(&self) -> bool {
        self.image.get().is_some()
    }

    fn is_out_of_patience(&self, now: Option<MonotonicNs>) -> bool {
        let Some(now) = now else { return false };
        let since = self.missed_since.get().unwrap_or(now);
        self.missed_since.set(Some(since));
        since.0.saturating_add(PATIENCE_NS) <= now.0
    }

    /// Its content's image; `None` when there is none, or it was not looked for yet.
    pub(super) fn image(&self) -> Option<&Rc<Image>> {
        self.image.get()?.as_ref()
    }

    /// What it holds, as started at that time; `None` while that is being found out. What was changed since may be another content
    /// than the interpreter has read.
    pub(super) fn content(&self, started: MonotonicNs) -> Option<FileContent> {
        let sha256 = match self.image.get()?.as_ref().map(|image| image.content()) {
            Some(Content::Pending) => return None,
            Some(Content::Hashed(reading)) => {
                let begun_to_show = next_stamp(reading.after.changed, reading.ended);
                let is_later = begun_to_show.0 > started.0.saturating_add(DOUBT_TICKS * clock::tick_ns());
                (!is_later).then_some(reading.digest)
            }
            Some(Content::Failed(_)) | None => None,
        };
        Some(FileContent { path: self.path.clone(), sha256 })
    }
}

/// A file's stamp is of the last tick, and [`next_stamp`] is one later; one more is for the comparison of two clocks.
const DOUBT_TICKS: u64 = 3;

/// Opens a script by its path in a process, without asking anybody but the kernel's memory: the interpreter has just been there.
/// On a filesystem that is not known to be this machine's own, only its place is held (see [`super::served`]). `None` when there is
/// no file to be opened by that path.
fn open_script(pid: Pid, path: &Untrusted, local: &HashSet<(u32, u32)>) -> Result<Option<OwnedFd>, NotNow> {
    let place = OFlags::PATH | OFlags::CLOEXEC;
    // Nobody's root when it is about to end, which will be told.
    let root = open(format!("/proc/{}/root", pid.0), place, Mode::empty()).map_err(|_| NotNow)?;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
    let found = match openat2(&root, path.to_bytes(), place, Mode::empty(), inside) {
        Err(Errno::AGAIN) => return Err(NotNow),
        Err(_) => return Ok(None),
        Ok(found) => found,
    };
    let Ok(stat) = stat_as_known(&found) else { return Ok(None) };
    if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
        return Ok(None);
    }
    if !local.contains(&FileKey::from_stat(&stat).device) {
        return Ok(Some(found));
    }
    let link = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOATIME;
    Ok(open(link, flags, Mode::empty()).ok())
}
