//! dpkg's database: text files in /var/lib/dpkg.
//!
//! - `info/PACKAGE.list` (`info/PACKAGE:ARCH.list` for packages that can be installed for several
//!   architectures at once) has the absolute path of each file and folder, one in a line. Source: dpkg,
//!   src/main/filesdb.c and lib/dpkg/db-fsys-files.c.
//! - `info/PACKAGE.md5sums` has "MD5  path without the first slash". It leaves configuration out, and a
//!   package may lack it. Source: deb-md5sums(5).
//! - `status` (and `updates/`) has a paragraph for each package: name, version, architecture, state, and the
//!   configuration with its MD5 as shipped. Source: deb822(5), dpkg's lib/dpkg/dump.c.
//! - `diversions`: see [`diversions`].

mod diversions;
mod status;

use std::ops::ControlFlow;

use crate::{
    Answers, Checksum, MOST_OWNERS, Manager, OwnedFile, PackagesError,
    alias::Aliases,
    ownership::{agreed, word},
    reading::Reading,
    root::Folder,
};
use diversions::Names;
use status::State;

const FOLDER: &str = "var/lib/dpkg";

/// What every change of the database touches. `status` is renamed into place; `updates` has the changes
/// since.
pub(crate) const TOUCHED: [&str; 4] =
    ["var/lib/dpkg/status", "var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/dpkg/diversions"];

/// The front ends' lock (apt holds it for the whole of its work), and that of dpkg itself.
/// Source: dpkg, doc/frontend-api.txt.
pub(crate) const LOCKS: [&str; 2] = ["var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock"];

pub(crate) fn is_there(root: &Folder) -> Result<bool, PackagesError> {
    Ok(root.stat(TOUCHED[0])?.is_some())
}

/// A package that lists a wanted path.
struct Claim {
    /// The place in the list of wanted paths.
    wanted: usize,
    package: String,
    /// As the list's name says; `None` when it does not, because the package can be installed only once.
    architecture: Option<String>,
    /// How the package lists it: for a diverted file, where it would be without the diversion.
    listed: Vec<u8>,
    checksum: Option<Checksum>,
    state: Option<State>,
    is_configuration: bool,
}

pub(crate) fn find(
    root: &Folder,
    aliases: &Aliases,
    wanted: &[&[u8]],
    reading: &mut Reading,
) -> Result<Answers, PackagesError> {
    let broken = |fault: &str| PackagesError::broken(root.at(FOLDER), fault);
    let database = root.folder(FOLDER)?.ok_or_else(|| broken("it is gone"))?;
    let Some(info) = database.folder("info")? else {
        // dpkg as a mere tool, on a machine of another package manager.
        let is_empty = database.stat("status")?.is_some_and(|status| status.st_size == 0);
        return if is_empty {
            Ok(wanted.iter().map(|_| Ok(None)).collect())
        } else {
            Err(broken("it has no info"))
        };
    };
    let names = diversions::names(&database, aliases, wanted, reading)?;
    let mut search = Search { info: &info, names: &names, counts: vec![0; wanted.len()], claims: Vec::new() };
    let mut trouble = None;
    for entry in info.entries()? {
        let entry = entry?;
        let Some((package, architecture)) = entry.strip_suffix(b".list").and_then(package_of) else {
            continue;
        };
        match search.list(package, architecture, reading) {
            Ok(()) => {}
            Err(error @ PackagesError::TooLarge { .. }) => return Err(error),
            // The others may own what is wanted all the same.
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    let Search { counts, mut claims, .. } = search;
    if !claims.is_empty() {
        status::read(&database, &mut claims, reading)?;
    }
    let mut claims_of: Vec<Vec<Claim>> = wanted.iter().map(|_| Vec::new()).collect();
    for claim in claims {
        if let Some(claims) = claims_of.get_mut(claim.wanted) {
            claims.push(claim);
        }
    }
    Ok(counts
        .iter()
        .zip(claims_of)
        .map(|(count, claims)| answer(&database, *count, claims, &trouble))
        .collect())
}

fn answer(
    database: &Folder,
    count: usize,
    claims: Vec<Claim>,
    trouble: &Option<PackagesError>,
) -> Result<Option<OwnedFile>, PackagesError> {
    if count > MOST_OWNERS {
        return Err(PackagesError::Folder { limit: MOST_OWNERS });
    }
    let owners = claims.into_iter().map(|claim| owner(database, claim)).collect::<Result<Vec<_>, _>>()?;
    match (agreed(owners)?, trouble) {
        (None, Some(error)) => Err(error.clone()),
        (owner, _) => Ok(owner),
    }
}

fn owner(database: &Folder, claim: Claim) -> Result<OwnedFile, PackagesError> {
    let Some(state) = claim.state else {
        let fault = format!("it lacks the package {}, which has a list of files", claim.package);
        return Err(PackagesError::broken(database.at("status"), fault));
    };
    if state.is_half_installed {
        return Err(PackagesError::HalfInstalled { package: claim.package });
    }
    Ok(OwnedFile {
        manager: Manager::Dpkg,
        package: claim.package,
        version: state.version,
        architecture: state.architecture,
        checksum: claim.checksum,
        is_configuration: claim.is_configuration,
    })
}

/// The package and architecture that "PACKAGE" or "PACKAGE:ARCH" names.
fn package_of(stem: &[u8]) -> Option<(String, Option<String>)> {
    let stem = word(stem).filter(|stem| !stem.contains('/'))?;
    Some(match stem.split_once(':') {
        Some((package, architecture)) => (package.to_owned(), Some(architecture.to_owned())),
        None => (stem, None),
    })
}

struct Search<'a> {
    info: &'a Folder,
    names: &'a Names,
    /// How many packages list each wanted path.
    counts: Vec<usize>,
    claims: Vec<Claim>,
}

impl Search<'_> {
    /// Looks for the wanted paths in a package's list.
    fn list(
        &mut self,
        package: String,
        architecture: Option<String>,
        reading: &mut Reading,
    ) -> Result<(), PackagesError> {
        let stem = match &architecture {
            Some(architecture) => format!("{package}:{architecture}"),
            None => package.clone(),
        };
        let first = self.claims.len();
        let list = format!("{stem}.list");
        let Some(file) = self.info.file(&list)? else { return Ok(()) };
        let read = reading.lines(
            file,
            || self.info.at(&list),
            |line| {
                for (wanted, by) in self.names.get(line).into_iter().flatten() {
                    let Some(count) = self.counts.get_mut(*wanted).filter(|_| by.is(&package)) else {
                        continue;
                    };
                    *count += 1;
                    if *count <= MOST_OWNERS {
                        self.claims.push(Claim {
                            wanted: *wanted,
                            package: package.clone(),
                            architecture: architecture.clone(),
                            listed: line.to_vec(),
                            checksum: None,
                            state: None,
                            is_configuration: false,
                        });
                    }
                }
                ControlFlow::Continue(())
            },
        );
        if let Some(claims) = self.claims.get_mut(first..).filter(|claims| !claims.is_empty()) {
            checksums(self.info, &format!("{stem}.md5sums"), claims, reading)?;
        }
        read
    }
}

/// Gives `claims`, all of one package, the checksums that `file` has for them.
fn checksums(
    info: &Folder,
    name: &str,
    claims: &mut [Claim],
    reading: &mut Reading,
) -> Result<(), PackagesError> {
    let Some(file) = info.file(name)? else { return Ok(()) };
    let mut open = claims.len();
    reading.lines(
        file,
        || info.at(name),
        |line| {
            let Some((checksum, path)) = checksum_line(line) else { return ControlFlow::Continue(()) };
            for claim in claims.iter_mut().filter(|claim| claim.listed.get(1..) == Some(path)) {
                claim.checksum = Some(checksum);
                open = open.saturating_sub(1);
            }
            if open == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )
}

/// "MD5  path" or "MD5 *path"; packages that were not made by debhelper begin the path with "./" or "/".
fn checksum_line(line: &[u8]) -> Option<(Checksum, &[u8])> {
    let (digest, rest) = line.split_at_checked(32)?;
    let path = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    let path = path.strip_prefix(b".").filter(|rest| rest.starts_with(b"/")).unwrap_or(path);
    Some((Checksum::md5(digest)?, path.strip_prefix(b"/").unwrap_or(path)))
}
