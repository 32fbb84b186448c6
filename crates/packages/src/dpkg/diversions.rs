//! Diversions: a package, or the administrator, has the files of others put elsewhere.
//!
//! The file `diversions` has three lines for each: the path that packages list, the path to which their file
//! goes, and the package that may use the first path; ":" for nobody (a diversion of the administrator).
//! Source: dpkg, lib/dpkg/db-fsys-divert.c; the rule which name counts: `namenodetouse` in
//! src/main/filesdb.c.

use std::{collections::HashMap, ops::ControlFlow};

use crate::{PackagesError, alias::Aliases, ownership::word, reading::Reading, root::Folder};

/// Whose listing of a name means the wanted path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    Anybody,
    /// The package that diverts: it alone has its file at the name itself.
    Only(String),
    /// The others: their file is where the diversion leads. `None`: all.
    AllBut(Option<String>),
}

impl By {
    pub(super) fn is(&self, package: &str) -> bool {
        match self {
            Self::Anybody => true,
            Self::Only(diverter) => diverter == package,
            Self::AllBut(diverter) => diverter.as_deref() != Some(package),
        }
    }
}

/// By a name in lists: the places of the wanted paths that it means, and who has to list it for that.
pub(super) type Names = HashMap<Vec<u8>, Vec<(usize, By)>>;

/// The names that mean a wanted path.
pub(super) fn names(
    database: &Folder,
    aliases: &Aliases,
    wanted: &[&[u8]],
    reading: &mut Reading,
) -> Result<Names, PackagesError> {
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, path) in wanted.iter().enumerate() {
        places.entry(path).or_default().push(place);
    }
    let mut diverted: HashMap<Vec<u8>, Option<String>> = HashMap::new();
    let mut names = Names::new();
    let mut add = |name: &[u8], place: usize, by: &By| {
        for spelling in aliases.spellings(name) {
            names.entry(spelling).or_default().push((place, by.clone()));
        }
    };
    each(database, aliases, reading, |from, to, diverter| {
        if places.contains_key(from.as_slice()) {
            diverted.insert(from.clone(), diverter.clone());
        }
        for place in places.get(to.as_slice()).into_iter().flatten() {
            add(&from, *place, &By::AllBut(diverter.clone()));
        }
    })?;
    for (place, path) in wanted.iter().enumerate() {
        match diverted.get(*path) {
            None => add(path, place, &By::Anybody),
            Some(Some(diverter)) => add(path, place, &By::Only(diverter.clone())),
            // The administrator keeps the name free.
            Some(None) => {}
        }
    }
    Ok(names)
}

/// Calls `diversion` with each: from, to, and the package that diverts.
fn each(
    database: &Folder,
    aliases: &Aliases,
    reading: &mut Reading,
    mut diversion: impl FnMut(Vec<u8>, Vec<u8>, Option<String>),
) -> Result<(), PackagesError> {
    let at = || database.at("diversions");
    let Some(file) = database.file("diversions")? else { return Ok(()) };
    let mut paths: Vec<Vec<u8>> = Vec::new();
    let mut fault = None;
    reading.lines(file, at, |line| {
        let [from, to] = paths.as_mut_slice() else {
            paths.push(aliases.canonical(line));
            return ControlFlow::Continue(());
        };
        let diverter = word(line);
        if diverter.is_none() {
            fault = Some("a diversion names no package");
            return ControlFlow::Break(());
        }
        diversion(std::mem::take(from), std::mem::take(to), diverter.filter(|diverter| diverter != ":"));
        paths.clear();
        ControlFlow::Continue(())
    })?;
    if fault.is_none() && !paths.is_empty() {
        fault = Some("it ends in the middle of a diversion");
    }
    fault.map_or(Ok(()), |fault| Err(PackagesError::broken(at(), fault)))
}
