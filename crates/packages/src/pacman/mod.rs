//! pacman's database: a folder for each package in /var/lib/pacman/local, called NAME-VERSION.
//!
//! - `files` has the paths without the first slash after a line `%FILES%`, folders with a slash at the end;
//!   after `%BACKUP%` the configuration, with a tab and its MD5 as shipped.
//! - `desc` has `%NAME%`, `%VERSION%` and `%ARCH%`, each followed by its value. Source of both: libalpm,
//!   be_local.c.
//! - `mtree`: see [`mtree`].

mod mtree;

use std::{collections::HashMap, ops::ControlFlow};

use crate::{
    Answers, Checksum, MOST_OWNERS, Manager, OwnedFile, PackagesError, alias::Aliases, ownership::agreed,
    ownership::word, reading::Reading, root::Folder,
};

const FOLDER: &str = "var/lib/pacman/local";

/// The folder changes with each package that comes or goes, in an upgrade too.
pub(crate) const TOUCHED: [&str; 1] = [FOLDER];

/// There while pacman works. Source: libalpm, handle.c.
pub(crate) const LOCK: &str = "var/lib/pacman/db.lck";

pub(crate) fn is_there(root: &Folder) -> Result<bool, PackagesError> {
    Ok(root.stat(FOLDER)?.is_some())
}

/// A wanted path that a package lists.
struct Claim {
    /// The place in the list of wanted paths.
    wanted: usize,
    /// As the package lists it, without the first slash.
    listed: Vec<u8>,
    checksum: Option<Checksum>,
    is_configuration: bool,
}

pub(crate) fn find(
    root: &Folder,
    aliases: &Aliases,
    wanted: &[&[u8]],
    reading: &mut Reading,
) -> Result<Answers, PackagesError> {
    let gone = || PackagesError::broken(root.at(FOLDER), "it is gone");
    let database = root.folder(FOLDER)?.ok_or_else(gone)?;
    let mut names: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (place, path) in wanted.iter().enumerate() {
        for spelling in aliases.spellings(path) {
            names.entry(spelling.get(1..).unwrap_or_default().to_vec()).or_default().push(place);
        }
    }
    let mut owners: Vec<Vec<OwnedFile>> = wanted.iter().map(|_| Vec::new()).collect();
    let mut trouble = None;
    for entry in database.entries()? {
        let entry = entry?;
        let Some(folder) = word(&entry).filter(|name| !name.starts_with('.')) else { continue };
        match package(&database, &folder, &names, reading) {
            Ok(owned) => {
                for (place, owner) in owned {
                    if let Some(owners) = owners.get_mut(place).filter(|owners| owners.len() <= MOST_OWNERS) {
                        owners.push(owner);
                    }
                }
            }
            Err(error @ PackagesError::TooLarge { .. }) => return Err(error),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    let answer = |owners: Vec<OwnedFile>| {
        if owners.len() > MOST_OWNERS {
            return Err(PackagesError::Folder { limit: MOST_OWNERS });
        }
        match (agreed(owners)?, &trouble) {
            (None, Some(error)) => Err(error.clone()),
            (owner, _) => Ok(owner),
        }
    };
    Ok(owners.into_iter().map(answer).collect())
}

/// What a package owns of the wanted paths.
fn package(
    database: &Folder,
    name: &str,
    names: &HashMap<Vec<u8>, Vec<usize>>,
    reading: &mut Reading,
) -> Result<Vec<(usize, OwnedFile)>, PackagesError> {
    let mut claims = listed(database, &format!("{name}/files"), names, reading)?;
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    mtree::checksums(database, &format!("{name}/mtree"), &mut claims, reading)?;
    let [package, version, architecture] = description(database, &format!("{name}/desc"), reading)?;
    let owned = |claim: Claim| {
        let owner = OwnedFile {
            manager: Manager::Pacman,
            package: package.clone(),
            version: version.clone(),
            architecture: architecture.clone(),
            checksum: claim.checksum,
            is_configuration: claim.is_configuration,
        };
        (claim.wanted, owner)
    };
    Ok(claims.into_iter().map(owned).collect())
}

fn listed(
    database: &Folder,
    name: &str,
    names: &HashMap<Vec<u8>, Vec<usize>>,
    reading: &mut Reading,
) -> Result<Vec<Claim>, PackagesError> {
    let mut claims: Vec<Claim> = Vec::new();
    // ALPM_DB_VERSION is a file between the folders.
    let Some(file) = database.file(name)? else { return Ok(claims) };
    let mut section = Section::Other;
    reading.lines(
        file,
        || database.at(name),
        |line| {
            match (line, section) {
                (b"%FILES%", _) => section = Section::Files,
                (b"%BACKUP%", _) => section = Section::Backup,
                (b"", _) => section = Section::Other,
                (_, Section::Files) => {
                    for wanted in names.get(line).into_iter().flatten() {
                        if !claims.iter().any(|claim| claim.wanted == *wanted) {
                            let listed = line.to_vec();
                            claims.push(Claim {
                                wanted: *wanted,
                                listed,
                                checksum: None,
                                is_configuration: false,
                            });
                        }
                    }
                }
                (_, Section::Backup) => {
                    let mut fields = line.split(|byte| *byte == b'\t');
                    let path = fields.next().unwrap_or_default();
                    let checksum = fields.next().and_then(Checksum::md5);
                    for claim in claims.iter_mut().filter(|claim| claim.listed == path) {
                        claim.is_configuration = true;
                        claim.checksum = checksum;
                    }
                }
                (_, Section::Other) => {}
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(claims)
}

#[derive(Clone, Copy)]
enum Section {
    Files,
    Backup,
    Other,
}

/// Name, version and architecture.
fn description(database: &Folder, name: &str, reading: &mut Reading) -> Result<[String; 3], PackagesError> {
    const FIELDS: [&[u8]; 3] = [b"%NAME%", b"%VERSION%", b"%ARCH%"];
    let broken = |field: &[u8]| {
        let fault = format!("it lacks {}", String::from_utf8_lossy(field));
        PackagesError::broken(database.at(name), fault)
    };
    let mut values: [Option<String>; 3] = [None, None, None];
    let file = database.file(name)?.ok_or_else(|| broken(b"everything: there is no such file"))?;
    let mut next = None;
    reading.lines(
        file,
        || database.at(name),
        |line| {
            if let Some(value) = next.take().and_then(|field| values.get_mut(field)) {
                *value = word(line);
            } else {
                next = FIELDS.iter().position(|field| *field == line);
            }
            ControlFlow::Continue(())
        },
    )?;
    let [package, version, architecture] = values;
    Ok([
        package.ok_or_else(|| broken(FIELDS[0]))?,
        version.ok_or_else(|| broken(FIELDS[1]))?,
        architecture.ok_or_else(|| broken(FIELDS[2]))?,
    ])
}
