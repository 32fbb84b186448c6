use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Untrusted;

/// Where a file comes from, as the package databases of this machine say.
///
/// Whoever may write those databases (root) can say in them what they like: “verified” means that nobody changed the file without
/// changing the database too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase", tag = "state", content = "of")]
#[ts(export, export_to = "evidence.ts")]
pub enum Provenance {
    /// The content is what the package shipped.
    Verified(Package),
    /// A package lists the file with another content.
    Modified(Package),
    /// A package lists the file, and says nothing about its content.
    Unchecked(Package),
    /// Every database was searched, and no package lists it.
    Unowned,
    /// It could not be found out; the sentence says why.
    Unknown(String),
}

/// A package that lists a file. Its texts are printable ASCII without spaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts")]
pub struct Package {
    /// Whose database says so.
    pub manager: PackageManager,
    /// Its name.
    pub name: String,
    /// Its version, with epoch and release.
    pub version: String,
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export, export_to = "evidence.ts")]
pub enum PackageManager {
    /// dpkg: Debian, Ubuntu and what is built on them.
    Deb,
    /// Fedora, RHEL, openSUSE.
    Rpm,
    /// Arch Linux and what is built on it.
    Pacman,
    /// Flatpak, for the whole machine; the version is a commit.
    Flatpak,
    /// Snap; the version is a revision.
    Snap,
}

impl PackageManager {
    /// All package managers.
    pub const ALL: [Self; 5] = [Self::Deb, Self::Rpm, Self::Pacman, Self::Flatpak, Self::Snap];

    /// The manager of a word that [`Self::as_str`] gave.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|manager| manager.as_str() == word)
    }

    /// The manager that keeps a script of an installed package in this place of this machine, for itself to run: no package lists it.
    #[must_use]
    pub fn of_script(path: &Untrusted) -> Option<Self> {
        is_in(path, "/var/lib/dpkg/info/").then_some(Self::Deb)
    }

    /// The manager that runs a script here before its package is installed: those of all packages in one place, one after the other.
    #[must_use]
    pub fn of_unpacked_script(path: &Untrusted) -> Option<Self> {
        is_in(path, "/var/lib/dpkg/tmp.ci/").then_some(Self::Deb)
    }

    /// The word before a package's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Pacman => "pacman",
            Self::Flatpak => "flatpak",
            Self::Snap => "snap",
        }
    }
}

/// Whether a path leads to a file of this very folder.
fn is_in(path: &Untrusted, folder: &str) -> bool {
    path.as_raw().strip_prefix(folder).is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

impl fmt::Display for PackageManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Provenance {
    /// Of a file that nobody has asked about so far.
    #[must_use]
    pub fn not_looked_at() -> Self {
        Self::Unknown("It was not looked at yet.".to_owned())
    }

    /// The word on the bus, in the database and in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Modified(_) => "modified",
            Self::Unchecked(_) => "unchecked",
            Self::Unowned => "unowned",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The package manager that explains a new content; `None` where none does. What Flatpak and snap install, they check when
    /// they install it, and nobody but root can change it later.
    #[must_use]
    pub fn explained_by(&self) -> Option<PackageManager> {
        match self {
            Self::Verified(package) => Some(package.manager),
            Self::Unchecked(package) => Some(package.manager)
                .filter(|manager| matches!(manager, PackageManager::Flatpak | PackageManager::Snap)),
            Self::Modified(_) | Self::Unowned | Self::Unknown(_) => None,
        }
    }

    /// The package that lists the file; `None` where none does, or that is not known.
    #[must_use]
    pub fn package(&self) -> Option<&Package> {
        match self {
            Self::Verified(package) | Self::Modified(package) | Self::Unchecked(package) => Some(package),
            Self::Unowned | Self::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_manager_reads_back() {
        for manager in PackageManager::ALL {
            assert_eq!(PackageManager::from_word(manager.as_str()), Some(manager));
        }
        assert_eq!(PackageManager::from_word("brew"), None);
    }

    #[test]
    fn a_script_of_a_package_is_in_the_folder_of_its_manager_and_nowhere_else() {
        let of = |path: &str| {
            (PackageManager::of_script(&path.into()), PackageManager::of_unpacked_script(&path.into()))
        };
        assert_eq!(of("/var/lib/dpkg/info/curl.postinst"), (Some(PackageManager::Deb), None));
        assert_eq!(of("/var/lib/dpkg/tmp.ci/preinst"), (None, Some(PackageManager::Deb)));
        for path in ["/var/lib/dpkg/info/", "/var/lib/dpkg/info/../../x", "/var/lib/dpkg/info/x/y", "/tmp/x"]
        {
            assert_eq!(of(path), (None, None), "{path}");
        }
    }
}
