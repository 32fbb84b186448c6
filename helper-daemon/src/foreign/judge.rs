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
        program: Program,
        executed_at: UnixMillis,
        databases_changed: Option<UnixMillis>,
    ) -> Self {
        let is_there = matches!(executable.place, Place::Machine | Place::Removed);
        Self { program, is_machines: is_there && !executable.is_served, executed_at, databases_changed }
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
            Provenance::Verified(_) | Provenance::Unchecked(_) => false,
            Provenance::Unknown(_) => is_named(file) && !is_where_packages_are(file) && !self.is_own(file),
            Provenance::Modified(_) => !self.is_explained_by_upgrade(file),
            Provenance::Unowned => !self.is_own(file) && !self.is_explained_by_upgrade(file),
        };
        is_told.then(|| (kind, provenance.clone()))
    }

    fn is_own(&self, file: &Mapped) -> bool {
        // Who was told to load it does not load it as a part of an application that a package installed, nor as a part of all.
        let is_pushed = is_named(file) && self.program.is_packaged;
        let is_for_all = file.named.is_some_and(|(_, is_for_all)| is_for_all);
        let file = Unlisted { path: &file.path, uid: file.uid, mode: file.mode };
        !is_pushed && !is_for_all && self.program.owns(&file)
    }

    /// A library that a package manager has removed or replaced since goes on in the processes that had it.
    fn is_explained_by_upgrade(&self, file: &Mapped) -> bool {
        file.place == Place::Removed
            && file.uid == 0
            && is_where_packages_are(file)
            && self.databases_changed.is_some_and(|changed| changed >= self.executed_at)
    }
}

fn is_named(file: &Mapped) -> bool {
    matches!(file.named, Some((ForeignCodeKind::Preload | ForeignCodeKind::Audit, _)))
}

fn is_where_packages_are(file: &Mapped) -> bool {
    PACKAGED.iter().any(|place| file.path.starts_with(Path::new(place)))
}

#[cfg(test)]
mod tests {
    use portolan_core::{Package, PackageManager, Sha256Digest};

    use super::{super::contents::Content, *};
    use crate::identity::FileKey;

    fn package() -> Package {
        Package { manager: PackageManager::Deb, name: "libssl3".into(), version: "3.0".into() }
    }

    fn file(path: &str, place: Place) -> Mapped {
        let content = Content { sha256: Sha256Digest([1; 32]), md5: [1; 16], is_code: true };
        Mapped {
            key: FileKey { device: (8, 1), inode: 7, changed: (0, 0), size: 3 },
            path: path.into(),
            place,
            is_served: false,
            named: None,
            is_mapped: true,
            uid: 0,
            mode: 0o644,
            content: State::Known(content),
        }
    }

    fn case(is_packaged: bool, is_machines: bool, databases_changed: Option<i64>) -> Case {
        let program = Program { path: "/usr/bin/curl".into(), script: None, uid: 0, is_packaged };
        let databases_changed = databases_changed.map(UnixMillis);
        Case { program, is_machines, executed_at: UnixMillis(100), databases_changed }
    }

    fn is_told(case: &Case, file: &Mapped, provenance: &Provenance) -> bool {
        case.told(file, Some(provenance)).is_some()
    }

    #[test]
    fn without_databases_what_the_linker_was_told_is_told_where_no_package_is() {
        let unknown = Provenance::Unknown("there is no database".into());
        let case = case(false, true, None);
        for (path, expected) in [("/tmp/x.so", true), (LIBRARY, false)] {
            let mut library = file(path, Place::Machine);
            assert!(!is_told(&case, &library, &unknown));
            library.named = Some((ForeignCodeKind::Preload, false));
            assert_eq!(is_told(&case, &library, &unknown), expected, "{path}");
        }
    }

    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/libssl.so.3";

    #[test]
    fn a_library_that_differs_from_its_package_is_told_in_every_program() {
        let library = file(LIBRARY, Place::Machine);
        for is_packaged in [true, false] {
            let case = case(is_packaged, true, Some(200));
            assert!(is_told(&case, &library, &Provenance::Modified(package())));
            for fine in [Provenance::Verified(package()), Provenance::Unchecked(package())] {
                assert!(!is_told(&case, &library, &fine));
            }
            assert!(!is_told(&case, &library, &Provenance::Unknown("later".into())));
        }
    }

    #[test]
    fn what_a_package_manager_replaced_since_is_no_sign_and_what_nobody_replaced_is_one() {
        let library = file(LIBRARY, Place::Removed);
        for gone in [Provenance::Modified(package()), Provenance::Unowned] {
            assert!(!is_told(&case(true, true, Some(200)), &library, &gone));
            assert!(is_told(&case(true, true, Some(50)), &library, &gone), "no package was touched since");
            assert!(is_told(&case(true, true, None), &library, &gone));
        }
        let upgraded = case(true, true, Some(200));
        assert!(is_told(&upgraded, &file("/tmp/x.so", Place::Removed), &Provenance::Unowned));
        let of_a_user = Mapped { uid: 1000, ..file(LIBRARY, Place::Removed) };
        assert!(is_told(&upgraded, &of_a_user, &Provenance::Unowned));
    }

    #[test]
    fn of_a_process_that_the_databases_do_not_cover_only_what_is_in_memory_is_told() {
        let container = case(true, false, Some(50));
        for place in [Place::Machine, Place::Removed, Place::Elsewhere] {
            assert!(!is_told(&container, &file("/tmp/x.so", place), &Provenance::Unowned), "{place:?}");
        }
        assert!(is_told(&container, &file("memfd:x", Place::Memory), &Provenance::Unowned));
    }

    #[test]
    fn what_cannot_be_read_is_told_in_a_packages_program() {
        let served = Mapped { is_served: true, content: State::Unreadable, ..file("/x.so", Place::Machine) };
        let mut huge = Mapped { content: State::Unreadable, ..file("/x.so", Place::Machine) };
        huge.key.size = FILE_MAX + 1;
        let failed = Mapped { content: State::Unreadable, ..file("/x.so", Place::Machine) };
        for (file, expected) in [(&served, true), (&huge, true), (&failed, false)] {
            assert_eq!(case(true, true, None).told(file, None).is_some(), expected);
            assert!(case(false, true, None).told(file, None).is_none());
        }
    }

    #[test]
    fn what_is_loaded_into_all_programs_belongs_to_none() {
        let mut library = file("/usr/local/lib/x.so", Place::Machine);
        let own = case(false, true, None);
        assert!(!is_told(&own, &library, &Provenance::Unowned), "an administrator's, in an administrator's");
        library.named = Some((ForeignCodeKind::Preload, true));
        assert!(is_told(&own, &library, &Provenance::Unowned));
    }
}
