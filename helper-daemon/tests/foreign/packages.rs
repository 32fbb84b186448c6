//! Provenance as the databases of this machine say it.

use std::{path::Path, time::UNIX_EPOCH};

use portolan_core::{Package, PackageManager, Provenance, UnixMillis};
use portolan_packages::{Checksum, Manager, Ownership, Packages};
use portoland::foreign::{Asked, Databases};

/// The databases below `/`.
pub(crate) struct Machine(pub(crate) Packages);

impl Databases for Machine {
    fn provenance(&mut self, files: &[Asked]) -> Vec<Provenance> {
        let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        let owners = self.0.owners_of(&paths).into_iter();
        owners.zip(files).map(|(owner, file)| provenance(owner, file)).collect()
    }

    fn changed_at(&mut self) -> Option<UnixMillis> {
        let changed = std::fs::metadata("/var/lib/dpkg/status").ok()?.modified().ok()?;
        let ms = changed.duration_since(UNIX_EPOCH).ok()?.as_millis();
        i64::try_from(ms).ok().map(UnixMillis)
    }
}

fn provenance(owner: Result<Ownership, portolan_packages::PackagesError>, file: &Asked) -> Provenance {
    let owned = match owner {
        Ok(Ownership::Owned(owned)) => owned,
        Ok(Ownership::Unowned) => return Provenance::Unowned,
        Err(error) => return Provenance::Unknown(error.to_string()),
    };
    let manager = match owned.manager {
        Manager::Dpkg => PackageManager::Deb,
        Manager::Rpm => PackageManager::Rpm,
        Manager::Pacman => PackageManager::Pacman,
    };
    let package = Package { manager, name: owned.package, version: owned.version };
    let is_same = match owned.checksum {
        Some(Checksum::Md5(md5)) => md5 == file.md5,
        Some(Checksum::Sha256(sha256)) => sha256 == file.sha256.0,
        Some(Checksum::Sha512(_)) | None => return Provenance::Unchecked(package),
    };
    if is_same { Provenance::Verified(package) } else { Provenance::Modified(package) }
}
