//! What is worth telling of what a process has mapped.

use std::path::Path;

use portolan_core::{ForeignCodeKind, Provenance, UnixMillis};

use super::{
    belonging::{Program, Unlisted},
    contents::FILE_MAX,
    mapped::{Mapped, Place, State},
};

/// Where packages put libraries.
const PACKAGED: [&str; 5] = ["/usr", "/lib", "/lib32", "/lib64", "/libx32"];

/// A process whose files are judged.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) program: Program,
    /// Whether the machine has what it runs in that place, so that the machine's databases say something of it.
    pub(super) is_machines: bool,
    pub(super) executed_at: UnixMillis,
    /// When a package was last installed, upgraded or removed.
    pub(super) databases_changed: Option<UnixMillis>,
}

impl Case {
    pub(super) fn new(
        executable: &Mapped,
        provenance: &Provenance,
        program: Program,
        executed_at: UnixMillis,
        databases_changed: Option<UnixMillis>,
    ) -> Self {
        let is_there = matches!(executable.place, Place::Machine | Place::Removed);
        let is_machines = is_there && !executable.is_served && !matches!(provenance, Provenance::Unknown(_));
        Self { program, is_machines, executed_at, databases_changed }
    }

    /// How a file came into the process, and where it comes from, if it is not the process' own. `None` also when that may be
    /// found out later.
    pub(super) fn told(
        &self,
        file: &Mapped,
        provenance: Option<&Provenance>,
    ) -> Option<(ForeignCodeKind, Provenance)> {
        let kind = file.named.map_or(ForeignCodeKind::Library, |(kind, _)| kind);
        let unknown = |why: &str| Some((kind, Provenance::Unknown(why.to_owned())));
        let is_packages = self.is_machines && self.program.is_packaged;
        if file.place == Place::Memory {
            return unknown("it is in memory only");
        }
        if !self.is_machines {
            return None;
        }
        if file.is_served {
            return if is_packages { unknown("it is behind a server, which may never answer") } else { None };
        }
        if file.place == Place::Elsewhere {
            return if is_packages {
                unknown("it is in a place that the machine does not see, of which its databases say nothing")
            } else {
                None
            };
        }
        if matches!(file.content, State::Unreadable) && file.key.size > FILE_MAX && is_packages {
            return unknown("it is too large to be read");
        }
        let provenance = provenance?;
        let is_told = match provenance {
            Provenance::Verified(_) | Provenance::Unchecked(_) | Provenance::Unknown(_) => false,
            Provenance::Modified(_) => file.place == Place::Machine || !self.is_explained_by_upgrade(file),
            Provenance::Unowned => {
                !self.is_own(file) && !(file.place == Place::Removed && self.is_explained_by_upgrade(file))
            }
        };
        is_told.then(|| (kind, provenance.clone()))
    }

    fn is_own(&self, file: &Mapped) -> bool {
        // Who was told to load it does not load it as a part of an application that a package installed, nor as a part of all.
        let is_pushed = matches!(file.named, Some((ForeignCodeKind::Preload | ForeignCodeKind::Audit, _)))
            && self.program.is_packaged;
        let is_for_all = file.named.is_some_and(|(_, is_for_all)| is_for_all);
        !is_pushed
            && !is_for_all
            && self.program.owns(&Unlisted { path: &file.path, uid: file.uid, mode: file.mode })
    }

    /// A library that a package manager has removed or replaced since goes on in the processes that had it.
    fn is_explained_by_upgrade(&self, file: &Mapped) -> bool {
        file.uid == 0
            && PACKAGED.iter().any(|place| file.path.starts_with(Path::new(place)))
            && self.databases_changed.is_some_and(|changed| changed >= self.executed_at)
    }
}
