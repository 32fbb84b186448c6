//! The paragraphs of `status` and `updates/`.
//!
//! dpkg writes a change as one paragraph into a numbered file in `updates/`, and all of them into `status`
//! from time to time: later files count more. Source: dpkg, lib/dpkg/dbmodify.c.

use std::{collections::HashMap, ops::ControlFlow, path::PathBuf};

use super::Claim;
use crate::{Checksum, PackagesError, ownership::word, reading::Reading, root::Folder};

/// More changes than dpkg lets gather (MAXUPDATES is 250).
const MOST_UPDATES: usize = 1_000;

/// What a paragraph says of a package.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) version: String,
    pub(super) architecture: String,
    /// Its files are being replaced, or that was broken off.
    pub(super) is_half_installed: bool,
    /// Only its configuration is left.
    is_removed: bool,
}

/// Gives each claim the state of its package, and the checksum if it is configuration.
pub(super) fn read(
    database: &Folder,
    claims: &mut [Claim],
    reading: &mut Reading,
) -> Result<(), PackagesError> {
    let mut of: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, claim) in claims.iter().enumerate() {
        of.entry(claim.package.clone()).or_default().push(place);
    }
    let mut read = |folder: &Folder, name: &str| {
        let Some(file) = folder.file(name)? else { return Ok(()) };
        let mut paragraph = Paragraph::default();
        let at = || folder.at(name);
        let mut fault = None;
        let mut take = |line: &[u8], claims: &mut [Claim]| {
            let taken = if line.is_empty() {
                std::mem::take(&mut paragraph).end(claims, at)
            } else {
                paragraph.line(line, &of, claims);
                Ok(())
            };
            fault = taken.err();
            if fault.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        reading.lines(file, at, |line| take(line, claims))?;
        // The last paragraph may lack its empty line.
        let _ = take(b"", claims);
        fault.map_or(Ok(()), Err)
    };
    read(database, "status")?;
    let Some(updates) = database.folder("updates")? else { return Ok(()) };
    for name in numbered(&updates)? {
        read(&updates, &name)?;
    }
    Ok(())
}

/// The names of the files in `updates`, oldest first: digits only, all of one length.
fn numbered(updates: &Folder) -> Result<Vec<String>, PackagesError> {
    let mut names = Vec::new();
    for entry in updates.entries()? {
        let name = word(&entry?).filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        names.extend(name);
        if names.len() > MOST_UPDATES {
            return Err(PackagesError::TooLarge { path: updates.at(""), limit: "1 000 files" });
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What has been read of a paragraph; empty unless a claim is of its package.
#[derive(Default)]
struct Paragraph {
    claims: Vec<usize>,
    architecture: Option<String>,
    version: Option<String>,
    state: Vec<u8>,
    /// The claims that are configuration, with the checksum where there is one.
    configuration: Vec<(usize, Option<Checksum>)>,
    is_in_conffiles: bool,
}

impl Paragraph {
    fn line(&mut self, line: &[u8], of: &HashMap<String, Vec<usize>>, claims: &[Claim]) {
        if let Some(continued) = line.strip_prefix(b" ") {
            if self.is_in_conffiles {
                self.configuration(continued, claims);
            }
            return;
        }
        self.is_in_conffiles = line == b"Conffiles:";
        if let Some(name) = line.strip_prefix(b"Package: ") {
            let claims = std::str::from_utf8(name).ok().and_then(|name| of.get(name));
            *self = Self { claims: claims.cloned().unwrap_or_default(), ..Self::default() };
        } else if self.claims.is_empty() {
        } else if let Some(architecture) = line.strip_prefix(b"Architecture: ") {
            self.architecture = word(architecture);
        } else if let Some(version) = line.strip_prefix(b"Version: ") {
            self.version = word(version);
        } else if let Some(status) = line.strip_prefix(b"Status: ") {
            self.state = status.rsplit(|byte| *byte == b' ').next().unwrap_or_default().to_vec();
        }
    }

    /// "path MD5", perhaps with "obsolete" and "remove-on-upgrade"; instead of the MD5 there may be
    /// "newconffile".
    fn configuration(&mut self, line: &[u8], claims: &[Claim]) {
        for place in &self.claims {
            let Some(claim) = claims.get(*place) else { continue };
            let Some(rest) = line.strip_prefix(claim.listed.as_slice()) else { continue };
            let Some(rest) = rest.strip_prefix(b" ") else { continue };
            let digest = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
            self.configuration.push((*place, Checksum::md5(digest)));
        }
    }

    fn end(self, claims: &mut [Claim], at: impl Fn() -> PathBuf) -> Result<(), PackagesError> {
        let is_gone = self.state == b"not-installed";
        let Some(first) = self.claims.first().filter(|_| !is_gone).and_then(|place| claims.get(*place))
        else {
            return Ok(());
        };
        let (Some(architecture), Some(version)) = (self.architecture, self.version) else {
            let fault = format!("the package {} has no version or architecture", first.package);
            return Err(PackagesError::broken(at(), fault));
        };
        let state = State {
            version,
            architecture,
            is_half_installed: self.state == b"half-installed",
            is_removed: self.state == b"config-files",
        };
        for place in self.claims {
            let Some(claim) = claims.get_mut(place) else { continue };
            // A package that is installed only once has been of another architecture before.
            let is_other = claim.state.as_ref().is_some_and(|known| {
                state.is_removed && !known.is_removed && known.architecture != state.architecture
            });
            if is_other || claim.architecture.as_ref().is_some_and(|known| *known != state.architecture) {
                continue;
            }
            claim.state = Some(state.clone());
            for (_, checksum) in self.configuration.iter().filter(|(of, _)| *of == place) {
                claim.is_configuration = true;
                claim.checksum = *checksum;
            }
        }
        Ok(())
    }
}
