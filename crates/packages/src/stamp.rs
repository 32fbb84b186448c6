use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Manager, PackagesError, dpkg, pacman, root::Folder, rpm};

/// A state of the databases, to be compared with a later one.
///
/// It has the time of the last write, the size and the number of each file and folder that every
/// installation, upgrade and removal touches. Two writes within one tick of the kernel's clock (4 ms, before
/// Linux 6.13) look like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<Option<State>>);

/// Without the time of the last change of owner or mode: reading the log of SQLite changes that, see
/// `rpm/sqlite.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    device: u64,
    inode: u64,
    bytes: i64,
    modified: (i64, u64),
}

impl Stamp {
    /// When any of it was written to last; `None` where there is no database.
    pub fn changed_at(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.0.iter().flatten().map(|state| state.modified).max()?;
        let nanoseconds = u32::try_from(nanoseconds).ok()?;
        UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanoseconds))
    }

    pub(crate) fn of(root: &Folder) -> Result<Self, PackagesError> {
        let mut states = Vec::new();
        for manager in [Manager::Dpkg, Manager::Rpm, Manager::Pacman] {
            states.extend(of(root, manager)?);
        }
        Ok(Self(states))
    }
}

/// Of the database of one manager.
pub(crate) fn of(root: &Folder, manager: Manager) -> Result<Vec<Option<State>>, PackagesError> {
    let touched: &[&str] = match manager {
        Manager::Dpkg => &dpkg::TOUCHED,
        Manager::Rpm => &rpm::TOUCHED,
        Manager::Pacman => &pacman::TOUCHED,
    };
    let state = |path: &&str| {
        Ok(root.stat(path)?.map(|stat| State {
            device: stat.st_dev,
            inode: stat.st_ino,
            bytes: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
        }))
    };
    touched.iter().map(state).collect()
}
