//! Whether the package manager explains a change.

use portolan_core::{Pid, ProcessEvidence, Provenance, Uid, Untrusted};

use super::Answer;

/// The programs that install packages. Only root's count, whose word is trusted: dpkg and rpm are also run by users to unpack.
const MANAGERS: [&str; 16] = [
    "/usr/bin/apt",
    "/usr/bin/apt-get",
    "/usr/bin/aptitude",
    "/usr/bin/dnf5",
    "/usr/bin/dpkg",
    "/usr/bin/microdnf",
    "/usr/bin/pacman",
    "/usr/bin/rpm",
    "/usr/bin/tdnf",
    "/usr/bin/transactional-update",
    "/usr/bin/unattended-upgrade",
    "/usr/bin/zypper",
    "/usr/lib/packagekitd",
    "/usr/libexec/dnf5daemon-server",
    "/usr/libexec/packagekitd",
    "/usr/sbin/synaptic",
];

/// How long a package manager may be at work before its change is told as it is.
const PATIENCE_NS: u64 = 300_000_000_000;
/// How long the databases may say that they are being changed when nobody is at work any more.
const SETTLING_NS: u64 = 10_000_000_000;

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Explained,
    Unexplained,
    /// To be asked again.
    Wait,
}

/// Whether this is the path of a program that installs packages.
pub fn is_manager(path: &Untrusted) -> bool {
    MANAGERS.contains(&path.as_raw())
}

/// Whether one of these processes is a package manager, or holds the lock of one.
pub(super) fn is_by_manager(chain: &[ProcessEvidence], holders: &[Pid]) -> bool {
    chain.iter().any(|process| {
        let is_named = process.uid == Uid(0) && is_manager(&process.path);
        is_named || holders.contains(&process.pid)
    })
}

/// `is_managers_script`: a package manager keeps a script of a package there. `waited_ns`: since it was asked for the first time.
pub(super) fn decide(
    is_managers_script: bool,
    answer: &Answer,
    by_manager: bool,
    waited_ns: u64,
) -> Decision {
    let is_gone = answer.sha256.is_none();
    match &answer.provenance {
        // The lists say nothing of it, neither now nor later.
        Provenance::Unowned if by_manager && is_managers_script => Decision::Explained,
        Provenance::Verified(_) if !is_gone => Decision::Explained,
        // Its lists are written last.
        _ if by_manager && answer.is_being_changed && waited_ns < PATIENCE_NS => Decision::Wait,
        Provenance::Unknown(_) if by_manager && waited_ns < SETTLING_NS => Decision::Wait,
        // Nobody says what it should be; who installs it should know.
        Provenance::Unchecked(_) if by_manager && !is_gone => Decision::Explained,
        Provenance::Unowned if by_manager && is_gone => Decision::Explained,
        _ => Decision::Unexplained,
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::{Package, PackageManager, Sha256Digest, UnixMillis};

    use super::*;

    const CONTENT: Option<Sha256Digest> = Some(Sha256Digest([1; 32]));

    fn answer(provenance: Provenance, sha256: Option<Sha256Digest>, is_being_changed: bool) -> Answer {
        Answer { number: 1, sha256, provenance, is_being_changed, holders: Vec::new() }
    }

    fn package() -> Package {
        Package { manager: PackageManager::Deb, name: "curl".to_owned(), version: "8.1".to_owned() }
    }

    #[test]
    fn what_a_package_ships_is_explained_whoever_put_it_there_and_all_else_needs_its_manager() {
        let verified = answer(Provenance::Verified(package()), CONTENT, true);
        assert_eq!(decide(false, &verified, false, 0), Decision::Explained);
        let unchecked = answer(Provenance::Unchecked(package()), CONTENT, false);
        assert_eq!(decide(false, &unchecked, true, 0), Decision::Explained);
        assert_eq!(decide(false, &unchecked, false, 0), Decision::Unexplained);
        let removed = answer(Provenance::Unowned, None, false);
        assert_eq!(decide(false, &removed, true, 0), Decision::Explained);
        assert_eq!(decide(false, &removed, false, 0), Decision::Unexplained);
        let script = answer(Provenance::Unowned, CONTENT, true);
        assert_eq!(decide(true, &script, true, 0), Decision::Explained);
        assert_eq!(decide(true, &script, false, 0), Decision::Unexplained);
        let still_listed = answer(Provenance::Verified(package()), None, false);
        assert_eq!(decide(false, &still_listed, true, 0), Decision::Unexplained);
    }

    #[test]
    fn a_manager_at_work_is_waited_for_and_not_for_ever_and_nobody_else_is() {
        let modified = answer(Provenance::Modified(package()), CONTENT, true);
        assert_eq!(decide(false, &modified, true, 0), Decision::Wait);
        assert_eq!(decide(false, &modified, true, PATIENCE_NS), Decision::Unexplained);
        assert_eq!(decide(false, &modified, false, 0), Decision::Unexplained);
        let settled = answer(Provenance::Modified(package()), CONTENT, false);
        assert_eq!(decide(false, &settled, true, 0), Decision::Unexplained);
    }

    #[test]
    fn a_manager_is_roots_own_or_who_holds_its_lock() {
        let process = |pid, uid, path: &str| ProcessEvidence {
            pid: Pid(pid),
            started: UnixMillis(0),
            uid: Uid(uid),
            path: path.into(),
            sha256: None,
            command_line: None,
            working_directory: None,
        };
        let chain = [process(7, 0, "/usr/bin/mv"), process(6, 0, "/usr/bin/dpkg")];
        assert!(is_by_manager(&chain, &[]));
        assert!(!is_by_manager(&[process(7, 1000, "/usr/bin/dpkg")], &[]), "a user unpacks something");
        assert!(!is_by_manager(&[process(7, 0, "/tmp/usr/bin/dpkg")], &[]));
        assert!(is_by_manager(&[process(7, 0, "/usr/bin/python3.11")], &[Pid(7)]));
    }
}
