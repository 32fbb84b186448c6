use super::{ApplicationKey, Code, Facts, FileOrigin, interpreted::interpreter_path, kind::Kind, stable};
use crate::{ContainerKind, Package, PackageManager};

impl ApplicationKey {
    /// The application that a program is: the first rule that fits decides. Each is a row of docs/identity.md.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        None.or_else(|| in_a_box(facts))
            .or_else(|| of_an_app_image(facts))
            .or_else(|| in_a_container(facts))
            .or_else(|| of_a_package(facts))
            .or_else(|| of_a_script(facts))
            .unwrap_or_else(|| of_a_file(facts))
    }
}

/// Flatpak and snap: both name what the machine has installed.
fn in_a_box(facts: &Facts<'_>) -> Option<ApplicationKey> {
    let container = facts.container.filter(|_| facts.is_genuine && has_content(facts))?;
    let kind = match container.kind {
        ContainerKind::Flatpak => Kind::Flatpak,
        ContainerKind::Snap => Kind::Snap,
        _ => return None,
    };
    Some(ApplicationKey::one(kind, container.name.as_raw()))
}

fn of_an_app_image(facts: &Facts<'_>) -> Option<ApplicationKey> {
    let file = facts.app_image.filter(|_| has_content(facts))?;
    let mut folders = facts.path.as_raw().split('/').rev().skip(1);
    folders
        .any(|folder| folder.starts_with(".mount_"))
        .then(|| ApplicationKey::one(Kind::AppImage, &stable::app_image(file.as_raw())))
}

/// Whether all that runs is a file, whose content is known to be the application's, or is asked about when it is another. What is
/// typed or piped into an interpreter is nobody's content, and makes no Flatpak of it.
fn has_content(facts: &Facts<'_>) -> bool {
    !matches!(
        facts.interpreted.map(|interpreted| interpreted.code()),
        Some(Code::CommandLine | Code::StandardInput | Code::Unknown)
    )
}

/// Containers that are machines. A file of this machine is none of a container, whatever its cgroup is called.
fn in_a_container(facts: &Facts<'_>) -> Option<ApplicationKey> {
    let container = facts.container.filter(|container| container.kind.is_machine())?;
    if facts.origin != FileOrigin::Elsewhere {
        return None;
    }
    let image = facts.image.map(|image| without_version(image.as_raw())).filter(|image| !image.is_empty());
    // No image's name has an “@” in it when its digest is gone.
    let name = image.map_or_else(
        || format!("{}@{}", container.kind.as_str(), container.name.as_raw()),
        ToOwned::to_owned,
    );
    let what = match facts.interpreted {
        Some(interpreted) => interpreted.to_text(),
        None => stable::path(facts.path.as_raw()),
    };
    Some(ApplicationKey::two(Kind::Container, &name, &what))
}

/// An image's name without its digest and its tag.
fn without_version(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// What a package ships. A script's package counts only where its interpreter is packaged too and loads nothing else: any program
/// can call itself python3 and have a script among its arguments.
fn of_a_package(facts: &Facts<'_>) -> Option<ApplicationKey> {
    let package = facts.package.filter(|_| facts.origin == FileOrigin::Machine)?;
    match facts.interpreted {
        None => Some(packaged(package, facts.path.as_raw())),
        Some(interpreted) if interpreted.loads_more() => None,
        Some(interpreted) => {
            let script = interpreted.script().filter(|_| facts.script_is_of_machine)?.as_raw();
            let package = facts.script_package.filter(|_| !has_dots(script))?;
            Some(packaged(package, script))
        }
    }
}

fn packaged(package: &Package, path: &str) -> ApplicationKey {
    let kind = match package.manager {
        PackageManager::Deb => Kind::Deb,
        PackageManager::Rpm => Kind::Rpm,
        PackageManager::Pacman => Kind::Pacman,
        PackageManager::Flatpak => return ApplicationKey::one(Kind::Flatpak, &package.name),
        PackageManager::Snap => return ApplicationKey::one(Kind::Snap, &package.name),
    };
    ApplicationKey::two(kind, &package.name, &stable::path(path))
}

/// Whether a path may lead elsewhere than it says.
fn has_dots(path: &str) -> bool {
    path.split('/').any(|component| component == "..")
}

fn of_a_script(facts: &Facts<'_>) -> Option<ApplicationKey> {
    let interpreted = facts.interpreted?;
    let is_elsewhere = match facts.origin {
        FileOrigin::Memory => return None,
        FileOrigin::Elsewhere => true,
        FileOrigin::Machine => interpreted.script().is_some() && !facts.script_is_of_machine,
    };
    let kind = if is_elsewhere { Kind::Elsewhere } else { Kind::Script };
    Some(ApplicationKey::two(kind, &interpreter_path(facts.path.as_raw()), &interpreted.to_text()))
}

fn of_a_file(facts: &Facts<'_>) -> ApplicationKey {
    let path = facts.path.as_raw();
    match facts.origin {
        FileOrigin::Machine => ApplicationKey::one(Kind::Path, &stable::path(path)),
        FileOrigin::Elsewhere => {
            ApplicationKey::one(Kind::Elsewhere, &super::kind::escaped(&stable::path(path)))
        }
        FileOrigin::Memory => ApplicationKey::one(Kind::Memory, path.strip_prefix("/memfd:").unwrap_or(path)),
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
