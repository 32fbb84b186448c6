use rustix::process::{Flock, FlockType, fcntl_getlk};

use crate::{Manager, PackagesError, dpkg, pacman, root::Folder, rpm};

/// Which managers hold their lock.
///
/// dpkg and rpm take a write lock of fcntl(2), which F_GETLK tells without taking one. The lock is on the
/// inode: it is seen from other namespaces too.
pub(crate) fn held(root: &Folder) -> Result<Vec<Manager>, PackagesError> {
    let mut held = Vec::new();
    let is_held = |paths: &[&str]| {
        paths
            .iter()
            .try_fold(false, |is_held, path| Ok::<_, PackagesError>(is_held || is_locked(root, path)?))
    };
    if is_held(&dpkg::LOCKS)? {
        held.push(Manager::Dpkg);
    }
    if is_held(&rpm::LOCKS)? {
        held.push(Manager::Rpm);
    }
    if root.stat(pacman::LOCK)?.is_some() {
        held.push(Manager::Pacman);
    }
    Ok(held)
}

/// Which processes hold one; not pacman's, whose lock does not say.
pub(crate) fn holders(root: &Folder) -> Result<Vec<u32>, PackagesError> {
    let mut holders = Vec::new();
    for path in dpkg::LOCKS.into_iter().chain(rpm::LOCKS) {
        let pid = locked(root, path)?.and_then(|lock| lock.pid);
        holders.extend(pid.and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()));
    }
    holders.sort_unstable();
    holders.dedup();
    Ok(holders)
}

fn is_locked(root: &Folder, path: &str) -> Result<bool, PackagesError> {
    Ok(locked(root, path)?.is_some())
}

/// The write lock that somebody has on the file. Asked for a read lock, so that readers (rpm -q) do not count.
fn locked(root: &Folder, path: &str) -> Result<Option<Flock>, PackagesError> {
    let Some(file) = root.file(path)? else { return Ok(None) };
    fcntl_getlk(&file, &Flock::from(FlockType::ReadLock))
        .map_err(|errno| PackagesError::read(root.at(path), errno))
}
