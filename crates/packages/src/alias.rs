//! Folders that are one and the same since /usr was merged: a file in /usr/bin may be listed in /bin, and the
//! other way round.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path},
};

use crate::{PackagesError, root::Folder};

/// Where distributions have put such a link: Debian at the top; Fedora has /usr/sbin, Arch /usr/lib64
/// besides. Sources: wiki.debian.org/UsrMerge, fedoraproject.org/wiki/Changes/Unify_bin_and_sbin, the package
/// "filesystem" of Arch.
const LINKS: [&str; 11] = [
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "usr/sbin",
    "usr/lib32",
    "usr/lib64",
    "usr/libx32",
    "usr/bin",
];

/// More than there are ways to write one path on any machine.
const SPELLINGS: usize = 32;

/// The links that there are, as absolute paths: ("/bin", "/usr/bin").
#[derive(Debug, Default)]
pub(crate) struct Aliases(Vec<(Vec<u8>, Vec<u8>)>);

impl Aliases {
    pub(crate) fn of(root: &Folder) -> Self {
        let links = LINKS.iter().filter_map(|link| {
            let from = format!("/{link}");
            let target = root.link(link)?;
            let folder = Path::new(&from).parent()?;
            let to = clean(&folder.join(Path::new(std::ffi::OsStr::from_bytes(&target))))?;
            (to != from.as_bytes()).then(|| (from.into_bytes(), to))
        });
        Self(links.collect())
    }

    /// The path that remains when every such link is followed.
    pub(crate) fn canonical(&self, path: &[u8]) -> Vec<u8> {
        let mut path = path.to_vec();
        // As often as there are links: a loop of links ends too.
        for _ in &self.0 {
            let Some(followed) = self.0.iter().find_map(|(from, to)| moved(&path, from, to)) else { break };
            path = followed;
        }
        path
    }

    /// Every way to write a path, itself first.
    pub(crate) fn spellings(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut spellings = vec![self.canonical(path)];
        let mut next = 0;
        while let Some(spelling) = spellings.get(next).cloned() {
            for other in self.0.iter().filter_map(|(from, to)| moved(&spelling, to, from)) {
                if spellings.len() < SPELLINGS && !spellings.contains(&other) {
                    spellings.push(other);
                }
            }
            next += 1;
        }
        spellings
    }
}

/// `path` as databases list paths; an error when it is not absolute or goes up.
pub(crate) fn asked(path: &Path) -> Result<Vec<u8>, PackagesError> {
    let goes_up = path.components().any(|component| component == Component::ParentDir);
    let cleaned = if goes_up { None } else { clean(path) };
    cleaned.ok_or_else(|| PackagesError::NotAPath { path: path.into() })
}

/// Without "." and "..", by the text alone; `None` for a relative path and for "/".
fn clean(path: &Path) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name.as_bytes()),
            Component::ParentDir => drop(parts.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if !path.is_absolute() || parts.is_empty() {
        return None;
    }
    Some(parts.iter().flat_map(|part| [b"/", *part]).flatten().copied().collect())
}

/// `path`, which is below `from`, below `to`.
fn moved(path: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(from).filter(|rest| rest.starts_with(b"/"))?;
    Some([to, rest].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(links: &[(&str, &str)]) -> Aliases {
        Aliases(links.iter().map(|(from, to)| (from.as_bytes().to_vec(), to.as_bytes().to_vec())).collect())
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap_or("?")
    }

    #[test]
    fn a_path_is_found_by_every_spelling() {
        let arch = aliases(&[("/bin", "/usr/bin"), ("/sbin", "/usr/sbin"), ("/usr/sbin", "/usr/bin")]);
        assert_eq!(text(&arch.canonical(b"/sbin/ip")), "/usr/bin/ip");
        let spellings = arch.spellings(b"/bin/ip");
        let mut spellings: Vec<&str> = spellings.iter().map(|spelling| text(spelling)).collect();
        assert_eq!(spellings[0], "/usr/bin/ip");
        spellings.sort_unstable();
        assert_eq!(spellings, ["/bin/ip", "/sbin/ip", "/usr/bin/ip", "/usr/sbin/ip"]);
        assert_eq!(arch.spellings(b"/binary"), [b"/binary"]);
    }

    #[test]
    fn links_in_a_circle_end() {
        let circle = aliases(&[("/bin", "/sbin"), ("/sbin", "/bin")]);
        assert_eq!(circle.spellings(b"/bin/ip").len(), 2);
        let growing = aliases(&[("/bin", "/bin/bin")]);
        assert!(growing.canonical(b"/bin/ip").len() < 100);
        assert!(growing.spellings(b"/bin/ip").len() <= SPELLINGS);
    }

    #[test]
    fn only_absolute_paths_are_asked_for() {
        assert_eq!(
            asked(Path::new("/usr//bin/./ip")).map(|path| text(&path).to_owned()).ok(),
            Some("/usr/bin/ip".into())
        );
        for path in ["usr/bin/ip", "", "/", "/usr/../bin/ip"] {
            assert!(asked(Path::new(path)).is_err(), "{path}");
        }
    }
}
