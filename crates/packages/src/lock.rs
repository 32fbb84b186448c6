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

/// Whether somebody has a write lock on the file. Asked for a read lock, so that readers (rpm -q) do not
/// count.
fn is_locked(root: &Folder, path: &str) -> Result<bool, PackagesError> {
    let Some(file) = root.file(path)? else { return Ok(false) };
    let lock = fcntl_getlk(&file, &Flock::from(FlockType::ReadLock))
        .map_err(|errno| PackagesError::read(root.at(path), errno))?;
    Ok(lock.is_some())
}
