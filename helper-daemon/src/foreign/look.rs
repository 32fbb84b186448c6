//! A look at a process: what it has mapped as code.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use portolan_core::{MonotonicNs, Pid};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{
    contents::Contents,
    environment::Named,
    mapped::{Mapped, Views, is_same},
    maps::Maps,
};
use crate::{identity::FileKey, monitor::stat_as_known};

/// Files that are held open at a time, to be read.
const OPEN_MAX: usize = 64;
/// Looks at a process whose mappings change meanwhile.
const ATTEMPTS: usize = 3;
/// What /proc counts time in: USER_HZ is 100 on all that Portolan is built for.
const CLOCK_TICK_NS: u64 = 10_000_000;

/// Which process, and what its linker was told.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) pid: Pid,
    pub(super) started: MonotonicNs,
    pub(super) names: Vec<Named>,
}

/// What a process has mapped as code.
#[derive(Debug)]
pub(super) struct Look {
    /// What it runs.
    pub(super) executable: Mapped,
    /// All others, and those that its linker was told to load and that are not mapped.
    pub(super) files: Vec<Mapped>,
    /// Executable memory that no file is behind.
    pub(super) has_anonymous: bool,
    /// More is mapped than was looked at.
    pub(super) is_cut_off: bool,
}

/// Why a process was not looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missed {
    #[error("it has ended")]
    Gone,
    #[error("it runs another program by now")]
    Another,
    #[error("its memory does not answer")]
    Stuck,
    #[error("it cannot be looked at: {0}")]
    Refused(#[source] io::Error),
}

impl From<io::Error> for Missed {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => Self::Gone,
            _ => Self::Refused(error),
        }
    }
}

impl From<Errno> for Missed {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl Look {
    /// Looks at a process; waits as long as that may keep others from its memory.
    pub(super) fn at(target: &Target, contents: &Contents) -> Result<Self, Missed> {
        // The folder stays that of this process when its number is given to another.
        let folder = rustix::fs::open(
            format!("/proc/{}", target.pid.0),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        if started(&folder)? != target.started.0 / CLOCK_TICK_NS {
            return Err(Missed::Gone);
        }
        let mut views = Views::of(Some(&folder))?;
        for attempt in 1.. {
            let (look, is_complete) = Self::once(&folder, &mut views, target, contents)?;
            if is_complete || attempt == ATTEMPTS {
                return Ok(Self { is_cut_off: look.is_cut_off || !is_complete, ..look });
            }
        }
        Err(Missed::Stuck)
    }

    /// What is known of a process that has ended, by the path of what it ran: what its linker was told to load.
    pub(super) fn afterwards(
        target: &Target,
        executable: &Path,
        contents: &Contents,
    ) -> Result<Self, Missed> {
        let mut views = Views::of(None)?;
        let mut room = OPEN_MAX;
        let executed = views.named(executable).ok_or(Missed::Gone)?;
        let executable = views.file(executed, contents, &mut room)?.ok_or(Missed::Gone)?;
        let files = not_mapped(&[], &mut views, &target.names, contents, &mut room);
        Ok(Self { executable, files, has_anonymous: false, is_cut_off: true })
    }

    /// Also returns whether all that was mapped was still there when it was opened.
    fn once(
        folder: &OwnedFd,
        views: &mut Views,
        target: &Target,
        contents: &Contents,
    ) -> Result<(Self, bool), Missed> {
        let mut room = OPEN_MAX;
        let executed = place(folder, "exe")?;
        let before = FileKey::from_stat(&stat_as_known(&executed)?);
        let executable = views.file(executed, contents, &mut room)?.ok_or(Missed::Another)?;
        let maps = Maps::read(&mut open(folder, "maps")?)?;
        let (mut has_anonymous, mut is_complete) = (maps.has_anonymous, true);
        let mut files = Vec::new();
        for range in maps.files.values() {
            let file = match place(folder, &format!("map_files/{range}")) {
                Ok(file) => file,
                // Without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE there is nothing to be seen.
                Err(error @ Errno::PERM) => return Err(error.into()),
                Err(_) => {
                    is_complete = false;
                    continue;
                }
            };
            if is_same(&file, &before) {
                continue;
            }
            match views.file(file, contents, &mut room) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => has_anonymous = true,
                Err(_) => is_complete = false,
            }
        }
        if !is_same(&place(folder, "exe")?, &before) {
            return Err(Missed::Another);
        }
        // A program without a linker is told nothing.
        let has_linker = !files.is_empty();
        mark_named(&mut files, views, &target.names);
        if has_linker {
            let missing = not_mapped(&files, views, &target.names, contents, &mut room);
            files.extend(missing);
        }
        Ok((Self { executable, files, has_anonymous, is_cut_off: maps.is_cut_off }, is_complete))
    }
}

/// Says of each file how the linker was told to load it.
fn mark_named(files: &mut [Mapped], views: &mut Views, names: &[Named]) {
    let names: Vec<_> = names.iter().map(|named| (named, views.named(&named.path))).collect();
    // The folder of a library path may be a link: what it leads to is where its libraries are mapped from.
    let folders: Vec<Option<PathBuf>> =
        names.iter().map(|(_, found)| found.as_ref().and_then(|found| path_of(found).ok())).collect();
    for file in files {
        let named = names.iter().zip(&folders).find(|((named, found), folder)| {
            named.fits(&file.path)
                || found.as_ref().is_some_and(|found| is_same(found, &file.key))
                || (named.kind == portolan_core::ForeignCodeKind::LibraryPath
                    && folder.as_ref().is_some_and(|folder| file.path.starts_with(folder)))
        });
        file.named = named.map(|((named, _), _)| (named.kind, named.is_for_all));
    }
}

/// What the environment named and what is there, but is not mapped.
fn not_mapped(
    mapped: &[Mapped],
    views: &mut Views,
    names: &[Named],
    contents: &Contents,
    room: &mut usize,
) -> Vec<Mapped> {
    let mut seen: HashSet<_> = mapped.iter().map(|file| (file.key.device, file.key.inode)).collect();
    let mut missing = Vec::new();
    for named in names {
        let is_library = named.kind != portolan_core::ForeignCodeKind::LibraryPath;
        if !is_library || named.is_for_all || !named.is_place() {
            continue;
        }
        let Some(found) = views.named(&named.path) else { continue };
        let Ok(Some(file)) = views.file(found, contents, room) else { continue };
        if seen.insert((file.key.device, file.key.inode)) {
            missing.push(Mapped { named: Some((named.kind, false)), is_mapped: false, ..file });
        }
    }
    missing
}

fn path_of(file: &impl AsFd) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))
}

fn place(folder: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(folder, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

fn open(folder: &OwnedFd, name: &str) -> rustix::io::Result<File> {
    rustix::fs::openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map(File::from)
}

/// When a process was forked, in ticks since the boot: field 22 of its stat, of which the second, its name, is in brackets and
/// may hold anything.
fn started(folder: &OwnedFd) -> io::Result<u64> {
    let mut text = Vec::new();
    open(folder, "stat")?.take(4096).read_to_end(&mut text)?;
    let end = text.iter().rposition(|byte| *byte == b')').unwrap_or_default();
    let fields = text.get(end + 2..).unwrap_or_default();
    let field = fields.split(|byte| *byte == b' ').nth(19).unwrap_or_default();
    let ticks = std::str::from_utf8(field).ok().and_then(|field| field.parse().ok());
    ticks.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
