//! The fanotify groups that tell of changes: one, and another for each filesystem that cannot share it.
//!
//! The number that a subvolume of btrfs has is not that of its filesystem. The kernel marks files there (since Linux 6.8) only for
//! a group that watches nothing else, or its events could be of either.

use std::{collections::HashMap, io, os::fd::AsRawFd, path::Path, rc::Rc};

use nix::{
    errno::Errno,
    sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags},
};

use super::{
    change_events::{ChangeEvent, parse},
    sources::Sources,
    watched_files::Place,
};

/// Of the 128 that a user may have.
const GROUPS: usize = 32;
const BUFFER: usize = 64 * 1024;

pub(super) struct ChangeGroups {
    sources: Rc<Sources>,
    groups: Vec<Fanotify>,
    /// Which one has the marks of a filesystem or subvolume.
    of: HashMap<u64, usize>,
}

impl ChangeGroups {
    pub(super) fn start(sources: &Rc<Sources>) -> io::Result<Self> {
        let groups = vec![open(sources)?];
        Ok(Self { sources: Rc::clone(sources), groups, of: HashMap::new() })
    }

    /// Adds to a mark, or takes from it.
    pub(super) fn mark(&mut self, flags: MarkFlags, mask: MaskFlags, place: &Place) -> io::Result<()> {
        let filesystem = place.handle.filesystem();
        let known = self.of.get(&filesystem).copied();
        let is_adding = flags.contains(MarkFlags::FAN_MARK_ADD);
        for number in known.into_iter().chain((0..self.groups.len()).filter(|_| is_adding)) {
            match self.groups.get(number).map_or(Ok(()), |group| mark(group, flags, mask, place)) {
                Err(Errno::EXDEV | Errno::ENODEV) => {}
                result => {
                    self.of.insert(filesystem, number);
                    return result.map_err(io::Error::from);
                }
            }
        }
        if !is_adding || self.groups.len() >= GROUPS {
            return Err(io::Error::other("too many filesystems need a fanotify group of their own"));
        }
        let group = open(&self.sources)?;
        match mark(&group, flags, mask, place) {
            Ok(()) => {}
            Err(Errno::EXDEV | Errno::ENODEV | Errno::EOPNOTSUPP) => {
                return Err(io::Error::other("this kernel cannot watch files on its filesystem"));
            }
            Err(error) => return Err(error.into()),
        }
        self.of.insert(filesystem, self.groups.len());
        self.groups.push(group);
        Ok(())
    }

    /// Takes all marks back.
    pub(super) fn flush(&mut self) {
        for group in &self.groups {
            let flags = MarkFlags::FAN_MARK_FLUSH;
            if let Err(error) = group.mark(flags, MaskFlags::empty(), rustix::fs::CWD, Some(Path::new("/"))) {
                tracing::warn!("marks of files that nothing watches any more stay: {error}");
            }
        }
        self.groups.truncate(1);
        self.of.clear();
    }

    /// All that has come.
    pub(super) fn read(&self, mut see: impl FnMut(ChangeEvent)) {
        let mut buffer = vec![0; BUFFER];
        for group in &self.groups {
            loop {
                match rustix::io::read(group, &mut buffer[..]) {
                    Ok(0) | Err(rustix::io::Errno::AGAIN) => break,
                    Ok(length) => parse(&buffer[..length]).into_iter().for_each(&mut see),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => {
                        tracing::warn!("changes of files cannot be read from fanotify: {error}");
                        break;
                    }
                }
            }
        }
    }

    /// How many marks the kernel has for this.
    #[cfg(test)]
    pub(super) fn marks(&self) -> usize {
        let info = |group: &Fanotify| {
            let number = std::os::fd::AsFd::as_fd(group).as_raw_fd();
            std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap()
        };
        let marks = |info: String| info.lines().filter(|line| line.starts_with("fanotify ino:")).count();
        self.groups.iter().map(info).map(marks).sum()
    }
}

/// A queue of 16 384 events: when it overflows, everything is looked at.
fn open(sources: &Sources) -> io::Result<Fanotify> {
    let flags = InitFlags::FAN_CLASS_NOTIF
        | InitFlags::FAN_CLOEXEC
        | InitFlags::FAN_NONBLOCK
        | InitFlags::FAN_UNLIMITED_MARKS
        | InitFlags::from_bits_retain(libc::FAN_REPORT_FID);
    let group = Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC)?;
    sources.add_edge(&group)?;
    Ok(group)
}

/// fanotify_mark takes no O_PATH descriptor, but the path of one, and of a link the link itself. It asks the file's inode whether
/// it may be read, and nobody else.
fn mark(group: &Fanotify, flags: MarkFlags, mask: MaskFlags, place: &Place) -> nix::Result<()> {
    let path = format!("/proc/self/fd/{}", place.descriptor.as_raw_fd());
    group.mark(flags, mask, rustix::fs::CWD, Some(Path::new(&path)))
}
