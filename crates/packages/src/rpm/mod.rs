//! rpm's database: a header for each package, in one of three kinds of file.
//!
//! - `rpmdb.sqlite`, see [`sqlite`]: Fedora since 33, RHEL 9, Amazon Linux 2023, Mageia.
//! - `Packages.db`, see [`ndb`]: openSUSE and SUSE Linux Enterprise.
//! - `Packages`, Berkeley DB: older ones. Not read.
//!
//! Source: rpm, lib/backend/, and the macro %_dbpath of the distributions.

mod header;
mod ndb;
mod sqlite;

use std::{io, path::Path};

use crate::{
    Answers, Checksum, MOST_OWNERS, Manager, OwnedFile, PackagesError,
    alias::Aliases,
    ownership::{agreed, word},
    root::Folder,
};
use header::{Bytes, Header, Tag};

/// Where distributions have the database; /var/lib/rpm is often a link to the first.
const FOLDERS: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];

/// What is written to when a package comes or goes.
pub(crate) const TOUCHED: [&str; 8] = [
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite-wal",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
];

/// Source: rpm, the macro %_rpmlock_path.
pub(crate) const LOCKS: [&str; 2] = ["usr/lib/sysimage/rpm/.rpm.lock", "var/lib/rpm/.rpm.lock"];

/// More files of one name than any machine has, `__init__.py` among them.
const MOST_NAMESAKES: usize = 50_000;
const NAMESAKES_TEXT: &str = "50 000 files of one name";

pub(crate) fn is_there(root: &Folder) -> Result<bool, PackagesError> {
    for path in TOUCHED {
        if root.stat(path)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn find(root: &Folder, aliases: &Aliases, wanted: &[&[u8]]) -> Result<Answers, PackagesError> {
    let spellings: Vec<Vec<Vec<u8>>> = wanted.iter().map(|path| aliases.spellings(path)).collect();
    for name in ["rpmdb.sqlite", "Packages.db", "Packages"] {
        for folder in FOLDERS {
            let path = Path::new(folder).join(name);
            let Some(file) = root.file(&path)? else { continue };
            let at = root.at(&path);
            return match name {
                "rpmdb.sqlite" => sqlite::find(&file, &at, &spellings),
                "Packages.db" => ndb::find(&file, &at, &spellings),
                _ => Err(PackagesError::Format { path: at, format: "Berkeley DB" }),
            };
        }
    }
    Err(PackagesError::broken(root.at(FOLDERS[1]), "it is gone"))
}

/// Folder, with the slash at its end, and name.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr::memrchr(b'/', path)?;
    path.split_at_checked(slash + 1)
}

/// The file with the number `index` in `header`, if it is in one of the folders of `spellings`, and on the
/// disk.
fn owner(header: &Header<'_>, index: usize, spellings: &[Vec<u8>]) -> Result<Option<OwnedFile>, io::Error> {
    let broken = |fault: &str| io::Error::new(io::ErrorKind::InvalidData, fault);
    let folder = header.number(Tag::DIRINDEXES, index)?.and_then(|folder| usize::try_from(folder).ok());
    let folder = folder.ok_or_else(|| broken("a file is in no folder"))?;
    let folder = header.text(Tag::DIRNAMES, folder)?.ok_or_else(|| broken("a file's folder has no name"))?;
    let is_wanted = |path: &Vec<u8>| split(path).is_some_and(|(wanted, _)| wanted == folder);
    if !spellings.iter().any(is_wanted) {
        return Ok(None);
    }
    // Of two packages for two architectures, one has its program on the disk (WRONGCOLOR for the other); what
    // a newer package replaced or an installation left out is not there either. Source: RPMFILE_IS_INSTALLED
    // in rpmfiles.h: 0 is "normal", 3 is "shared over the network".
    if header.byte(Tag::FILESTATES, index)?.is_some_and(|state| state != 0 && state != 3) {
        return Ok(None);
    }
    let text = |tag| header.text(tag, 0);
    let need = |tag, fault| text(tag)?.as_deref().and_then(word).ok_or_else(|| broken(fault));
    let version = need(Tag::VERSION, "a package has no version")?;
    let release = need(Tag::RELEASE, "a package has no release")?;
    let version = match header.number(Tag::EPOCH, 0)? {
        Some(epoch) => format!("{epoch}:{version}-{release}"),
        None => format!("{version}-{release}"),
    };
    let flags = header.number(Tag::FILEFLAGS, index)?.unwrap_or(0);
    Ok(Some(OwnedFile {
        manager: Manager::Rpm,
        package: need(Tag::NAME, "a package has no name")?,
        version,
        architecture: need(Tag::ARCH, "a package has no architecture")?,
        checksum: checksum(header, index, flags)?,
        is_configuration: flags & CONFIGURATION != 0,
    }))
}

/// RPMFILE_CONFIG and RPMFILE_GHOST of rpmfiles.h; RPMVERIFY_FILEDIGEST of rpmvf.h.
const CONFIGURATION: u32 = 1;
const GHOST: u32 = 1 << 6;
const VERIFY_DIGEST: u32 = 1;

fn checksum(header: &Header<'_>, index: usize, flags: u32) -> Result<Option<Checksum>, io::Error> {
    let is_verified =
        header.number(Tag::FILEVERIFYFLAGS, index)?.is_none_or(|verify| verify & VERIFY_DIGEST != 0);
    if flags & GHOST != 0 || !is_verified {
        return Ok(None);
    }
    let Some(digest) = header.text(Tag::FILEDIGESTS, index)? else { return Ok(None) };
    // The numbers are those of OpenPGP, RFC 9580, 9.5; MD5 where there is none.
    Ok(match header.number(Tag::FILEDIGESTALGO, 0)?.unwrap_or(1) {
        1 => Checksum::md5(&digest),
        8 => Checksum::sha256(&digest),
        10 => Checksum::sha512(&digest),
        _ => None,
    })
}

/// One answer for each wanted path, of all who own it.
fn answers(owners: Vec<Vec<OwnedFile>>) -> Answers {
    let answer = |owners: Vec<OwnedFile>| {
        if owners.len() > MOST_OWNERS {
            return Err(PackagesError::Folder { limit: MOST_OWNERS });
        }
        agreed(owners)
    };
    owners.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use header::tests::made;

    /// A package with the file /usr/bin/tool, which has these flags and this state.
    fn tool(flags: u32, state: u8) -> Option<OwnedFile> {
        let bytes = made(&[
            (Tag::NAME, 6, 1, b"tool\0"),
            (Tag::VERSION, 6, 1, b"1\0"),
            (Tag::RELEASE, 6, 1, b"2\0"),
            (Tag::ARCH, 6, 1, b"i686\0"),
            (Tag::DIRINDEXES, 4, 1, &[0; 4]),
            (Tag::DIRNAMES, 8, 1, b"/usr/bin/\0"),
            (Tag::FILEDIGESTS, 8, 1, b"0123456789abcdef0123456789abcdef\0"),
            (Tag::FILEFLAGS, 4, 1, &flags.to_be_bytes()),
            (Tag::FILESTATES, 1, 1, &[state]),
        ]);
        let header = Header::read(&bytes, 0, u64::try_from(bytes.len()).unwrap()).unwrap();
        owner(&header, 0, &[b"/usr/bin/tool".to_vec()]).unwrap()
    }

    #[test]
    fn a_file_that_rpm_did_not_put_there_has_no_checksum_or_no_owner() {
        assert!(matches!(tool(0, 0).unwrap().checksum, Some(Checksum::Md5(_))));
        // %ghost: packages of old versions of rpm have a digest of what the builder had there.
        assert_eq!(tool(GHOST, 0).unwrap().checksum, None);
        assert!(tool(CONFIGURATION, 0).unwrap().is_configuration);
        // Shared over the network; then replaced, left out, and of the other architecture.
        assert!(tool(0, 3).is_some());
        assert!([1, 2, 4].into_iter().all(|state| tool(0, state).is_none()));
    }
}
