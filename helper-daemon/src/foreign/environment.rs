//! What the dynamic linker was told to load.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use portolan_core::{ForeignCodeKind, Untrusted};

/// Names that are looked at in one process; the others are libraries like any.
const NAMES_MAX: usize = 64;

/// The environment variables that say what is loaded, as they were at exec; `None` for one that was not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markers {
    /// LD_PRELOAD.
    pub preload: Option<Untrusted>,
    /// LD_AUDIT.
    pub audit: Option<Untrusted>,
    /// LD_LIBRARY_PATH.
    pub library_path: Option<Untrusted>,
}

/// A library, or a folder of libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) kind: ForeignCodeKind,
    /// Not absolute where the linker is to search for it, or where it is relative to the working directory.
    pub(super) path: PathBuf,
    /// Whether /etc/ld.so.preload names it, for all programs.
    pub(super) is_for_all: bool,
}

impl Markers {
    /// What they name, and what /etc/ld.so.preload names: the first that fits a library says how it was loaded.
    pub(super) fn names(&self, for_all: &[PathBuf]) -> Vec<Named> {
        let all = for_all.iter().map(|path| Named {
            kind: ForeignCodeKind::Preload,
            path: path.clone(),
            is_for_all: true,
        });
        // ld.so(8): what separates the names of each.
        all.chain(named(ForeignCodeKind::Preload, self.preload.as_ref(), b": "))
            .chain(named(ForeignCodeKind::Audit, self.audit.as_ref(), b":"))
            .chain(named(ForeignCodeKind::LibraryPath, self.library_path.as_ref(), b":;"))
            .take(NAMES_MAX)
            .collect()
    }
}

fn named(
    kind: ForeignCodeKind,
    text: Option<&Untrusted>,
    separators: &'static [u8],
) -> impl Iterator<Item = Named> {
    let text = text.map(bytes).unwrap_or_default();
    let names: Vec<_> = text
        .split(|byte| separators.contains(byte))
        .filter(|name| !name.is_empty())
        .take(NAMES_MAX)
        .map(|name| Named { kind, path: path(name), is_for_all: false })
        .collect();
    names.into_iter()
}

/// What /etc/ld.so.preload names: separated by white space or colons, up to a `#`.
pub(super) fn names_for_all(text: &[u8]) -> Vec<PathBuf> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b'#').next())
        .flat_map(|line| line.split(|byte| byte.is_ascii_whitespace() || *byte == b':'))
        .filter(|name| !name.is_empty())
        .take(NAMES_MAX)
        .map(path)
        .collect()
}

impl Named {
    /// Whether the linker was given a place, and not a name to search for.
    pub(super) fn is_place(&self) -> bool {
        self.kind == ForeignCodeKind::LibraryPath || self.path.as_os_str().as_bytes().contains(&b'/')
    }

    /// Whether a mapped file is meant, by its path alone.
    pub(super) fn fits(&self, mapped: &Path) -> bool {
        match self.kind {
            ForeignCodeKind::LibraryPath => self.path.is_absolute() && mapped.starts_with(&self.path),
            // The linker replaces $LIB and $ORIGIN; a relative place is one of the working directory at that time.
            _ if self.path.is_absolute() && !self.path.as_os_str().as_bytes().contains(&b'$') => {
                mapped == self.path
            }
            _ => mapped.file_name() == self.path.file_name(),
        }
    }
}

fn path(name: &[u8]) -> PathBuf {
    OsString::from_vec(name.to_vec()).into()
}

/// The bytes that [`Untrusted::from_bytes`] was given. A name that really has `\xNN` in it is taken for another, which is not
/// there.
fn bytes(text: &Untrusted) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.as_raw().len());
    let mut rest = text.as_raw().as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let byte = rest
            .strip_prefix(b"\\x")
            .and_then(|digits| std::str::from_utf8(digits.get(..2)?).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { rest.get(4..).unwrap_or_default() } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_split_as_the_linker_does() {
        let markers = Markers {
            preload: Some(Untrusted::from_bytes(b"/a.so libb.so:/c\xff.so")),
            audit: Some("/a b.so".into()),
            library_path: Some("/lib one;/two:".into()),
        };
        let names = markers.names(&names_for_all(b"/all.so # /not.so\n  /two.so:/three.so"));
        let names: Vec<_> =
            names.iter().map(|named| (named.kind, named.path.as_os_str().as_bytes())).collect();
        use ForeignCodeKind::{Audit, LibraryPath, Preload};
        let expected: [(_, &[u8]); 9] = [
            (Preload, b"/all.so"),
            (Preload, b"/two.so"),
            (Preload, b"/three.so"),
            (Preload, b"/a.so"),
            (Preload, b"libb.so"),
            (Preload, b"/c\xff.so"),
            (Audit, b"/a b.so"),
            (LibraryPath, b"/lib one"),
            (LibraryPath, b"/two"),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_name_fits_what_the_linker_would_find() {
        let fits = |kind, name: &str, mapped: &str| {
            Named { kind, path: name.into(), is_for_all: false }.fits(Path::new(mapped))
        };
        assert!(fits(ForeignCodeKind::Preload, "libx.so", "/usr/lib/libx.so"));
        assert!(fits(ForeignCodeKind::Preload, "/usr/$LIB/libx.so", "/usr/lib64/libx.so"));
        assert!(!fits(ForeignCodeKind::Preload, "/tmp/libx.so", "/usr/lib/libx.so"));
        assert!(fits(ForeignCodeKind::LibraryPath, "/opt/lib", "/opt/lib/glibc-hwcaps/x86-64-v3/libx.so"));
        assert!(!fits(ForeignCodeKind::LibraryPath, "/opt/lib", "/opt/lib64/libx.so"));
    }
}
