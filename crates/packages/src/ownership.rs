use std::fmt;

use crate::PackagesError;

/// What the databases say about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// A package lists it.
    Owned(OwnedFile),
    /// Every database was searched, and no package lists it.
    Unowned,
}

/// A file as its package lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFile {
    /// Whose database says so.
    pub manager: Manager,
    /// The package's name: letters, digits and punctuation of ASCII, as all three texts here.
    pub package: String,
    /// Its version as the manager prints it, with epoch and release.
    pub version: String,
    /// The architecture that it was built for; "all", "noarch" or "any" where it has none.
    pub architecture: String,
    /// The content that the package shipped. `None` when it says nothing about it: the package has no
    /// checksums, the file is made at installation (rpm's %ghost), may change (%verify), or has a kind of
    /// checksum that [`Checksum`] lacks.
    pub checksum: Option<Checksum>,
    /// The administrator is expected to change it: another content than the package's is then no sign of
    /// anything.
    pub is_configuration: bool,
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manager {
    /// Debian, Ubuntu and what is built on them.
    Dpkg,
    /// Fedora, RHEL, openSUSE.
    Rpm,
    /// Arch Linux and what is built on it.
    Pacman,
}

impl fmt::Display for Manager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Pacman => "pacman",
        })
    }
}

/// The digest of a whole file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// All that dpkg has; old packages of rpm.
    Md5([u8; 16]),
    /// rpm and pacman.
    Sha256([u8; 32]),
    /// rpm, where a distribution chose it.
    Sha512([u8; 64]),
}

impl Checksum {
    /// The digest itself.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Md5(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }

    pub(crate) fn md5(hex: &[u8]) -> Option<Self> {
        digest(hex).map(Self::Md5)
    }

    pub(crate) fn sha256(hex: &[u8]) -> Option<Self> {
        digest(hex).map(Self::Sha256)
    }

    pub(crate) fn sha512(hex: &[u8]) -> Option<Self> {
        digest(hex).map(Self::Sha512)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Md5(_) => "Md5",
            Self::Sha256(_) => "Sha256",
            Self::Sha512(_) => "Sha512",
        };
        write!(formatter, "{name}({self})")
    }
}

fn digest<const N: usize>(hex: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// One answer out of what several packages claim. They may share a file: the builds of one package for two
/// architectures do.
pub(crate) fn agreed(mut claims: Vec<OwnedFile>) -> Result<Option<OwnedFile>, PackagesError> {
    let name = |claim: &OwnedFile| format!("{} ({}, {})", claim.package, claim.manager, claim.architecture);
    claims.sort_by(|a, b| {
        let key = |claim: &OwnedFile| {
            (claim.checksum.is_none(), claim.manager, claim.package.clone(), claim.architecture.clone())
        };
        key(a).cmp(&key(b))
    });
    let mut claims = claims.into_iter();
    let Some(first) = claims.next() else { return Ok(None) };
    match claims.find(|other| other.checksum.is_some() && other.checksum != first.checksum) {
        Some(other) => Err(PackagesError::Disagree { first: name(&first), second: name(&other) }),
        None => Ok(Some(first)),
    }
}

/// `text` as a name, version or architecture; `None` when it is none that a package manager would take.
pub(crate) fn word(text: &[u8]) -> Option<String> {
    const LONGEST: usize = 255;
    let is_word = !text.is_empty() && text.len() <= LONGEST && text.iter().all(u8::is_ascii_graphic);
    is_word.then(|| String::from_utf8_lossy(text).into_owned())
}
