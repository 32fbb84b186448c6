use portolan_core::{Answer, Provenance as Origin, ReviewState};
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

/// An application and what a person decided about it. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Application {
    /// The key to review it by.
    pub application: String,
    /// The path of its newest executable.
    pub path: String,
    /// The hash of its newest executable.
    pub sha256: String,
    /// Where that comes from; `None` where nobody looked.
    pub provenance: Option<Provenance>,
    /// The newest script, where the executable is an interpreter; `None` also when its content is not known.
    pub script: Option<Script>,
    /// `unreviewed`, `approved` or `ignored`.
    pub review: String,
    /// When it talked first.
    #[ts(type = "number")]
    pub first_unix_ms: i64,
    /// When it talked last.
    #[ts(type = "number")]
    pub last_unix_ms: i64,
    /// How many executables it has had.
    pub executables: u32,
}

impl Application {
    /// How it is reviewed, and the content that appeared last, as a file for another machine has it.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let script = self.script.iter().map(|script| (&script.path, &script.sha256));
        let files = [(&self.path, &self.sha256)].into_iter().chain(script);
        Answer {
            application: self.application.clone(),
            review: self.review.parse().unwrap_or(ReviewState::Unreviewed),
            contents: files.filter_map(|(path, sha256)| Some((path.clone(), sha256.parse().ok()?))).collect(),
        }
    }
}

/// What an interpreter runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Script {
    /// Its path.
    pub path: String,
    /// Its hash.
    pub sha256: String,
    /// Where it comes from; `None` where nobody looked.
    pub provenance: Option<Provenance>,
}

/// Where a file comes from: `portolan_core::Provenance`, flat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Provenance {
    /// `verified`, `modified`, `unchecked`, `unowned` or `unknown`.
    pub state: String,
    /// Whose database lists it: `deb`, `rpm`, `pacman`, `flatpak` or `snap`; `None` when none does.
    pub package_manager: Option<String>,
    /// The package's name.
    pub package_name: Option<String>,
    /// The package's version.
    pub package_version: Option<String>,
    /// Why it is unknown: a sentence.
    pub reason: Option<String>,
}

impl From<&Origin> for Provenance {
    fn from(origin: &Origin) -> Self {
        let package = origin.package();
        let reason = match origin {
            Origin::Unknown(reason) => Some(reason.clone()),
            _ => None,
        };
        Self {
            state: origin.as_str().to_owned(),
            package_manager: package.map(|package| package.manager.to_string()),
            package_name: package.map(|package| package.name.clone()),
            package_version: package.map(|package| package.version.clone()),
            reason,
        }
    }
}
