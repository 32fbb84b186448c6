use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use portolan_core::{Package, Provenance, Sha256Digest};
use portolan_packages::Checksum;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256, Sha512};

/// What a package says that it shipped in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shipped {
    /// This content.
    Content(Sha256Digest),
    /// A content of another kind of checksum, which this one has.
    Same(Sha256Digest),
    /// A content of another kind of checksum, which this one does not have.
    Other(Sha256Digest),
    /// It says nothing about the content.
    Unsaid,
    /// It says something that could not be compared: a sentence.
    Unknown(String),
}

impl Shipped {
    /// Of the file at this path. Where its checksum is no SHA-256, the file there is read, once, for both.
    pub(super) fn of(checksum: Option<&Checksum>, path: &Path) -> Self {
        match checksum {
            None => Self::Unsaid,
            Some(Checksum::Sha256(digest)) => Self::Content(Sha256Digest(*digest)),
            Some(checksum @ (Checksum::Md5(_) | Checksum::Sha512(_))) => {
                let digests = match checksum {
                    Checksum::Md5(_) => digests_of::<md5::Md5>(path),
                    _ => digests_of::<Sha512>(path),
                };
                match digests {
                    Ok((digest, other)) if other == checksum.bytes() => Self::Same(digest),
                    Ok((digest, _)) => Self::Other(digest),
                    Err(error) => Self::Unknown(format!("the file at its path could not be read: {error}")),
                }
            }
        }
    }

    /// Where a content comes from that was executed in this place.
    pub(super) fn compare(&self, package: &Package, content: &Sha256Digest) -> Provenance {
        let package = package.clone();
        match self {
            Self::Content(shipped) if shipped == content => Provenance::Verified(package),
            Self::Content(_) => Provenance::Modified(package),
            Self::Same(at_path) if at_path == content => Provenance::Verified(package),
            Self::Other(at_path) if at_path == content => Provenance::Modified(package),
            Self::Same(_) | Self::Other(_) => Provenance::Unknown(format!(
                "package {} has replaced the file since it was executed, and does not say what was there before",
                package.name
            )),
            Self::Unsaid => Provenance::Unchecked(package),
            Self::Unknown(because) => Provenance::Unknown(because.clone()),
        }
    }
}

/// SHA-256 and another digest of the file at a path, of the same bytes. What a package owns is on a disk of the machine's.
fn digests_of<D: Digest>(path: &Path) -> io::Result<(Sha256Digest, Vec<u8>)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let (mut sha256, mut other) = (Sha256::new(), D::new());
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let length = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sha256.update(&buffer[..length]);
        other.update(&buffer[..length]);
    }
    Ok((Sha256Digest(sha256.finalize().into()), other.finalize().to_vec()))
}
