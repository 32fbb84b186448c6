//! Whether the package manager explains a change.

use portolan_core::{Pid, ProcessEvidence, Provenance, Uid};

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

/// Whether one of these processes is a package manager, or holds the lock of one.
pub(super) fn is_by_manager(chain: &[ProcessEvidence], holders: &[Pid]) -> bool {
    chain.iter().any(|process| {
        let is_named = process.uid == Uid(0) && MANAGERS.contains(&process.path.as_raw());
        is_named || holders.contains(&process.pid)
    })
}

/// `waited_ns`: since it was asked for the first time.
pub(super) fn decide(answer: &Answer, by_manager: bool, waited_ns: u64) -> Decision {
    let is_gone = answer.sha256.is_none();
    match &answer.provenance {
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
