//! What the machine itself says of a container, a Flatpak application or a snap: a cgroup's name alone proves nothing below a user's
//! systemd.
//!
//! No container daemon is asked: the files of its storage are read, which only root may write.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use portolan_core::{Container, ContainerKind, Package, PackageManager, Uid, Untrusted};
use serde::Deserialize;

use super::at_path::{as_path, is_same, key_at};
use crate::identity::file::FileKey;

/// Containers that are remembered.
const REMEMBERED: usize = 1024;
/// A file of a container engine that is longer is not its own.
const LONGEST: u64 = 64 << 20;
/// Where system-wide Flatpak applications are.
const FLATPAK: &str = "/var/lib/flatpak";
/// Where snaps are mounted.
const SNAPS: [&str; 2] = ["/snap", "/var/lib/snapd/snap"];

/// Which images containers are made of, as far as that was looked up.
#[derive(Debug, Default)]
pub(super) struct ContainerImages {
    known: HashMap<Untrusted, Option<Untrusted>>,
}

impl ContainerImages {
    /// The name of the image that a container of the machine's own engine is made of; `None` where its kind has none, or it is not
    /// found.
    pub(super) fn of(&mut self, container: &Container) -> Option<Untrusted> {
        if let Some(image) = self.known.get(&container.name) {
            return image.clone();
        }
        let id = container.name.as_raw();
        let image = match container.kind {
            ContainerKind::Docker => docker(id),
            ContainerKind::Podman => containers_storage(id),
            // Which runtime made it is not said.
            ContainerKind::Kubernetes => containers_storage(id).or_else(|| docker(id)),
            _ => None,
        };
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(container.name.clone(), image.clone());
        image
    }
}

/// Docker's own notes on a container.
fn docker(id: &str) -> Option<Untrusted> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Notes {
        config: Config,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        image: Untrusted,
    }
    let path = Path::new("/var/lib/docker/containers").join(id).join("config.v2.json");
    serde_json::from_slice::<Notes>(&read_as_root(&path)?).ok().map(|notes| notes.config.image)
}

/// The storage that podman and CRI-O share.
fn containers_storage(id: &str) -> Option<Untrusted> {
    #[derive(Deserialize)]
    struct Listed {
        id: String,
        metadata: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Metadata {
        image_name: Untrusted,
    }
    let path = Path::new("/var/lib/containers/storage/overlay-containers/containers.json");
    let all: Vec<Listed> = serde_json::from_slice(&read_as_root(path)?).ok()?;
    let listed = all.into_iter().find(|listed| listed.id == id)?;
    serde_json::from_str::<Metadata>(&listed.metadata).ok().map(|metadata| metadata.image_name)
}

/// The content of a file that belongs to root; `None` when there is none, or it is somebody else's.
fn read_as_root(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.uid() != 0 || metadata.len() > LONGEST {
        return None;
    }
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).ok()?;
    Some(content)
}

/// A file that an installation of Flatpak or of snaps has in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::identity) struct Genuine {
    /// What it belongs to; `None` where its user has installed it, who may write to it.
    pub(super) package: Option<Package>,
}

/// Whether an executed file is the one that an installation has of the Flatpak application or the snap that a cgroup names.
pub(super) fn genuine(
    container: &Container,
    path: &Untrusted,
    executed: Option<FileKey>,
    uid: Uid,
) -> Option<Genuine> {
    let bytes = path.to_bytes();
    let path = as_path(&bytes);
    let name = container.name.as_raw();
    let is_it = |place: PathBuf| {
        let there = key_at(place.as_os_str().as_bytes());
        matches!((there, executed), (Some(there), Some(executed)) if is_same(there, executed))
    };
    let package = |manager, version: Option<String>| Package {
        manager,
        name: name.to_owned(),
        version: version.unwrap_or_default(),
    };
    match container.kind {
        ContainerKind::Flatpak => {
            let all = Path::new(FLATPAK);
            if of_application(all, name, path).is_some_and(is_it) || of_runtime(name, path).is_some_and(is_it)
            {
                let commit = fs::read_link(all.join("app").join(name).join("current/active")).ok();
                let commit = commit.and_then(|commit| Some(commit.file_name()?.to_str()?.to_owned()));
                return Some(Genuine { package: Some(package(PackageManager::Flatpak, commit)) });
            }
            let home = home_of(uid)?;
            let users = of_application(&home.join(".local/share/flatpak"), name, path)?;
            is_it(users).then_some(Genuine { package: None })
        }
        ContainerKind::Snap => {
            // An instance of a snap has its key behind its name, as has its folder.
            let rest = SNAPS.iter().find_map(|all| path.strip_prefix(Path::new(all).join(name)).ok())?;
            let revision = rest.iter().next()?.to_str().map(str::to_owned);
            is_it(path.into()).then(|| Genuine { package: Some(package(PackageManager::Snap, revision)) })
        }
        _ => None,
    }
}

/// The home of a user whom the machine itself knows. Who else knows users is not asked: that may be over the network.
fn home_of(uid: Uid) -> Option<PathBuf> {
    let users = read_as_root(Path::new("/etc/passwd"))?;
    users.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':').skip(2);
        let number: u32 = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let home = as_path(fields.nth(2)?);
        (number == uid.0 && home.is_absolute()).then(|| home.to_owned())
    })
}

/// Where an installation of Flatpak has what an application sees below /app: its own files.
fn of_application(installation: &Path, id: &str, path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix("/app").ok()?;
    Some(installation.join("app").join(id).join("current/active/files").join(rest))
}

/// Where the machine's installation has what an application sees below /usr: the files of its runtime. What a user has installed says
/// which that is in a file of the user's, which is not read: it may be behind a server.
fn of_runtime(id: &str, path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix("/usr").ok()?;
    let metadata = Path::new(FLATPAK).join("app").join(id).join("current/active/metadata");
    let metadata = String::from_utf8(read_as_root(&metadata)?).ok()?;
    let runtime = metadata.lines().find_map(|line| line.strip_prefix("runtime="))?;
    // A name, an architecture and a branch.
    let is_plain = runtime.split('/').count() == 3 && runtime.split('/').all(|part| !part.starts_with('.'));
    is_plain.then(|| Path::new(FLATPAK).join("runtime").join(runtime).join("active/files").join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_what_the_machine_s_own_list_says() {
        assert_eq!(home_of(Uid(0)), Some("/root".into()));
        assert_eq!(home_of(Uid(4_000_000_000)), None);
    }
}
