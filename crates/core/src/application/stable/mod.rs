//! Paths without what another version of the same program changes in them.
//!
//! Only names of folders change, never the name of the file (but for the stores of Nix and Guix, whose files lie in them
//! directly). What this costs: whoever may put a folder beside the right one may pass for its application, with a content that it
//! never had, and that is told.

mod version;

/// A path with `*` in the place of versions.
///
/// Each rule is a row in docs/identity.md.
pub(super) fn path(path: &str) -> String {
    let Some(inside) = path.strip_prefix('/') else { return path.to_owned() };
    let components: Vec<&str> = inside.split('/').collect();
    let changed = (0..components.len()).map(|at| {
        let rule =
            RULES.iter().find_map(|rule| rule(&components[..at], components[at], at + 1 < components.len()));
        rule.unwrap_or_else(|| components[at].to_owned())
    });
    changed.fold(String::with_capacity(path.len()), |path, component| path + "/" + &component)
}

/// The path of an AppImage, whose name has the version in it as a rule: `Krita-5.2.1-x86_64.AppImage`.
pub(super) fn app_image(file: &str) -> String {
    let file = path(file);
    let (folders, name) = file.split_at(file.rfind('/').map_or(0, |at| at + 1));
    let stem = name.strip_suffix(".AppImage").or_else(|| name.strip_suffix(".appimage")).unwrap_or(name);
    match version::find(stem) {
        Some((start, end)) => format!("{folders}{}*{}{}", &stem[..start], &stem[end..], &name[stem.len()..]),
        None => file,
    }
}

/// What a component is, by those before it; `None` when the rule is not about it.
type Rule = fn(before: &[&str], component: &str, is_folder: bool) -> Option<String>;

const RULES: [Rule; 7] = [store, mount_of_app_image, snap, flatpak, cellar, java, folder];

/// `/nix/store/HASH-NAME-VERSION`, `/gnu/store/HASH-NAME-VERSION`: the version begins behind the first dash that no letter follows
/// (Nix manual, “parseDrvName”).
fn store(before: &[&str], component: &str, _: bool) -> Option<String> {
    if !matches!(before, ["nix" | "gnu", "store"]) {
        return None;
    }
    let (hash, name) = component.split_at_checked(32)?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    let name = name.strip_prefix('-').filter(|name| is_hash && !name.is_empty())?;
    let version =
        name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    Some(match version {
        Some((at, _)) => format!("*-{}-*", &name[..at]),
        None => format!("*-{name}"),
    })
}

/// Where an AppImage is mounted: `.mount_`, the beginning of its name, and six letters that differ each time.
fn mount_of_app_image(_: &[&str], component: &str, is_folder: bool) -> Option<String> {
    let name = component.strip_prefix(".mount_").filter(|_| is_folder)?;
    let (name, random) = name.split_at_checked(name.len().checked_sub(6)?)?;
    random.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| format!(".mount_{name}*"))
}

/// The revision of a snap: a number, or `x1` of one that was installed from a file.
fn snap(before: &[&str], component: &str, is_folder: bool) -> Option<String> {
    let is_snap = matches!(before, ["snap", _] | ["var", "lib", "snapd", "snap", _]);
    let number = component.strip_prefix('x').unwrap_or(component);
    (is_snap && is_folder && is_number(number)).then(|| "*".to_owned())
}

/// The commit of an application or a runtime: `flatpak/app/ID/ARCH/BRANCH/COMMIT/files/…`.
fn flatpak(before: &[&str], component: &str, is_folder: bool) -> Option<String> {
    let is_below = matches!(before, [.., "flatpak", "app" | "runtime", _, _, _]);
    let is_commit = component.len() == 64 && component.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_below && is_folder && is_commit).then(|| "*".to_owned())
}

/// Homebrew: `Cellar/NAME/VERSION/…`.
fn cellar(before: &[&str], component: &str, is_folder: bool) -> Option<String> {
    let is_version = component.starts_with(|first: char| first.is_ascii_digit());
    (matches!(before, [.., "Cellar", _]) && is_folder && is_version).then(|| "*".to_owned())
}

/// Java's folders, where a number alone is a version: `/usr/lib/jvm/java-17-openjdk-amd64`.
fn java(before: &[&str], component: &str, is_folder: bool) -> Option<String> {
    if !matches!(before, ["usr", "lib" | "lib64", "jvm"]) || !is_folder {
        return None;
    }
    let start = component.find(|c: char| c.is_ascii_digit())?;
    let (name, version) = component.split_at(start);
    let end = version.find(|c: char| !c.is_ascii_digit() && !"._+".contains(c)).unwrap_or(version.len());
    Some(format!("{name}*{}", &version[end..]))
}

/// A folder that is a version or whose name ends in one: `v20.1.0`, `idea-2023.1.2`. Not where anybody may make folders, and not
/// the home of somebody.
fn folder(before: &[&str], component: &str, is_folder: bool) -> Option<String> {
    let is_open = matches!(before, ["tmp", ..] | ["var", "tmp", ..] | ["dev", "shm", ..] | ["home"]);
    let (start, end) = version::find(component).filter(|_| is_folder && !is_open)?;
    Some(format!("{}*{}", &component[..start], &component[end..]))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
