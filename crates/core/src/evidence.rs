//! What a finding rests on. Stored and sent as JSON; its texts are hostile.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ApplicationKey, Pid, Provenance, Sha256Digest, Uid, UnixMillis, Untrusted};

/// All that was known when something was found. What is empty or `None` does not apply, or was not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, export_to = "evidence.ts", optional_fields)]
pub struct Evidence {
    /// Where the executable comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The script that the executable, an interpreter, runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<FileContent>,
    /// Where that comes from which it runs, where it is an interpreter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Provenance>,
    /// The process that it was found in; of upgrades, the one that made the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessEvidence>,
    /// What started that, the nearest first, as it was when it was executed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<ProcessEvidence>>")]
    pub parents: Vec<ProcessEvidence>,
    /// Its parent when it was found, where that is another one: the first has ended and the process was given to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_now: Option<ProcessEvidence>,
    /// What was done to the file on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeEvidence>,
    /// The other applications of the same user that have the file, 64 at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<ApplicationKey>>")]
    pub shared_with: Vec<ApplicationKey>,
    /// Code in the process that is not its executable's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<ForeignCode>>")]
    pub foreign_code: Vec<ForeignCode>,
    /// The programs that cannot be identified, the last one first: their paths without versions, or the names by which they were
    /// executed where not even a path is known; an empty one where there is neither.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Untrusted>>")]
    pub unidentified: Vec<Untrusted>,
    /// What a finding about several applications is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Member>>")]
    pub members: Vec<Member>,
}

/// What evidence may weigh as JSON before what a program can make long is left out of it.
const EVIDENCE_MAX_BYTES: usize = 64 * 1024;
/// What stays of each list then.
const LISTED_AT_MOST: usize = 8;
/// What the members may weigh as JSON; those at the end are left out.
const MEMBERS_MAX_BYTES: usize = 512 * 1024;
/// Foreign code that is remembered of one finding.
const FOREIGN_CODE_AT_MOST: usize = 256;
/// Programs that are remembered of one finding.
const UNIDENTIFIED_AT_MOST: usize = 32;

impl Evidence {
    /// Applications that are named of those which have one file.
    pub const SHARED_WITH_AT_MOST: usize = 64;

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this says something that a person who answered `before` could not know: another content, another who changed it,
    /// foreign code that was not there, another provenance, another program that cannot be identified, or one of which no path
    /// is known but the name that it chose. Another process, another time and what is not known any more are none. Members are not looked at.
    #[must_use]
    pub fn is_news_after(&self, before: &Self) -> bool {
        is_other(self.provenance.as_ref(), before.provenance.as_ref())
            || is_other(self.code.as_ref(), before.code.as_ref())
            || self.script.is_some() && self.script != before.script
            || match (&self.change, &before.change) {
                (Some(now), Some(before)) => now.is_another(before),
                (now, _) => now.is_some(),
            }
            || self.foreign_code.iter().any(|code| !before.has(code))
            || self.unidentified.iter().any(|path| !before.unidentified.contains(path))
            || self.unidentified.iter().any(|path| !path.as_raw().is_empty())
                && self.process.as_ref().is_some_and(|it| it.path.as_raw().is_empty())
    }

    /// What a changed file holds now; `None` where that is not known, or only its mode changed.
    #[must_use]
    pub fn new_content(&self) -> Option<Sha256Digest> {
        self.change.as_ref().filter(|change| change.kind.is_of_content()).and_then(|change| change.sha256)
    }

    /// Adds what was found before and is not in this.
    pub fn absorb(&mut self, before: Self) {
        let room = FOREIGN_CODE_AT_MOST.saturating_sub(self.foreign_code.len());
        let code: Vec<_> =
            before.foreign_code.into_iter().filter(|code| !self.has(code)).take(room).collect();
        self.foreign_code.extend(code);
        let paths = before.unidentified.into_iter();
        let paths: Vec<_> = paths.filter(|path| !self.unidentified.contains(path)).collect();
        self.unidentified.extend(paths);
        self.unidentified.truncate(UNIDENTIFIED_AT_MOST);
        let others = before.shared_with.into_iter();
        let others: Vec<_> = others.filter(|other| !self.shared_with.contains(other)).collect();
        self.shared_with.extend(others);
        self.shared_with.truncate(Self::SHARED_WITH_AT_MOST);
        let Self { provenance, code, script, process, parents, parent_now, change, .. } = before;
        if self.process.is_none() {
            (self.process, self.parents, self.parent_now) = (process, parents, parent_now);
        }
        let known = |it: &Provenance| !matches!(it, Provenance::Unknown(_));
        for (now, before) in [(&mut self.provenance, provenance), (&mut self.code, code)] {
            if !now.as_ref().is_some_and(known) {
                *now = before.or(now.take());
            }
        }
        self.script = self.script.take().or(script);
        match (&mut self.change, change) {
            (Some(now), Some(before)) if now.by.is_empty() && now.leads_to_the_same_as(&before) => {
                (now.kind, now.at, now.by) = (before.kind, before.at, before.by);
            }
            (now, before) => *now = now.take().or(before),
        }
    }

    /// As JSON, without what would make it too long: arguments and folders first, then the ends of lists. Members have a bound of
    /// their own.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut room = MEMBERS_MAX_BYTES;
        let mut fits = |member: &Member| {
            let left = room.checked_sub(json(member).len());
            room = left.unwrap_or_default();
            left.is_some()
        };
        let members: Vec<Member> = self.members.iter().take_while(|member| fits(member)).cloned().collect();
        let mut short = Self { members: Vec::new(), ..self.clone() };
        short.shorten();
        json(&Self { members, ..short })
    }

    fn shorten(&mut self) {
        if json(self).len() <= EVIDENCE_MAX_BYTES {
            return;
        }
        self.processes_mut().for_each(ProcessEvidence::forget_arguments);
        if json(self).len() <= EVIDENCE_MAX_BYTES {
            return;
        }
        self.parents.truncate(LISTED_AT_MOST);
        self.foreign_code.truncate(LISTED_AT_MOST);
        self.unidentified.truncate(LISTED_AT_MOST);
        self.shared_with.truncate(LISTED_AT_MOST);
        self.change.iter_mut().for_each(|change| change.by.truncate(LISTED_AT_MOST));
    }

    /// Reads what [`Self::to_json`] wrote. Nothing where it is none: evidence that cannot be read must not hide the finding.
    #[must_use]
    pub fn from_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Every process that is named.
    pub fn processes_mut(&mut self) -> impl Iterator<Item = &mut ProcessEvidence> {
        let changed_by = self.change.iter_mut().flat_map(|change| &mut change.by);
        self.process.iter_mut().chain(&mut self.parents).chain(&mut self.parent_now).chain(changed_by)
    }

    fn has(&self, code: &ForeignCode) -> bool {
        self.foreign_code.iter().any(|known| {
            (known.kind, &known.path, known.sha256) == (code.kind, &code.path, code.sha256)
                && !is_other(code.provenance.as_ref(), known.provenance.as_ref())
        })
    }
}

fn json(value: &impl Serialize) -> String {
    // It cannot fail: there is no map in it, and nothing that JSON lacks.
    serde_json::to_string(value).unwrap_or_default()
}

/// Whether both are known, and differ.
fn is_other(now: Option<&Provenance>, before: Option<&Provenance>) -> bool {
    let known = |provenance: &&Provenance| !matches!(provenance, Provenance::Unknown(_));
    now.filter(known).zip(before.filter(known)).is_some_and(|(now, before)| now != before)
}

impl ChangeEvidence {
    /// Whether something else was done, it led to something else, or somebody else is known to have done it.
    fn is_another(&self, before: &Self) -> bool {
        let by = |change: &Self| change.by.first().map(|by| (by.path.clone(), by.sha256));
        !self.leads_to_the_same_as(before)
            || by(self).zip(by(before)).is_some_and(|(now, before)| now != before)
            || is_other(self.provenance.as_ref(), before.provenance.as_ref())
    }

    /// Whether the file is the same after it. Who did not see it happen cannot tell what was written from what was replaced.
    fn leads_to_the_same_as(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
            && (self.kind == other.kind
                || self.sha256.is_some() && self.kind.is_of_content() && other.kind.is_of_content())
    }
}

impl ChangeKind {
    /// Whether there is another content.
    #[must_use]
    pub fn is_of_content(self) -> bool {
        matches!(self, Self::Written | Self::Replaced)
    }
}

impl ProcessEvidence {
    /// Takes out what only its own user should see.
    pub fn forget_arguments(&mut self) {
        (self.command_line, self.working_directory) = (None, None);
    }
}

/// A file and its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts")]
pub struct FileContent {
    /// Its path.
    pub path: Untrusted,
    /// `None` when it could not be read.
    pub sha256: Option<Sha256Digest>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts", optional_fields)]
pub struct ProcessEvidence {
    /// Its id.
    pub pid: Pid,
    /// When it was forked.
    pub started: UnixMillis,
    /// Its real uid.
    pub uid: Uid,
    /// The path of what it runs; empty when that is not known.
    pub path: Untrusted,
    /// The hash of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Its arguments, secrets masked; `None` when they are not known or not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_line: Option<Untrusted>,
    /// Its working directory when it was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<Untrusted>,
}

/// A change of a file on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts")]
pub struct ChangeEvidence {
    /// What was done.
    pub kind: ChangeKind,
    /// When it was seen.
    pub at: UnixMillis,
    /// Who did it, and what started that, the nearest first; empty when that is not known.
    pub by: Vec<ProcessEvidence>,
    /// Where the new content comes from; `None` when there is none.
    pub provenance: Option<Provenance>,
    /// The hash of the new content; `None` when there is none, or it cannot be read.
    pub sha256: Option<Sha256Digest>,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export, export_to = "evidence.ts")]
pub enum ChangeKind {
    /// It was written to.
    Written,
    /// Another file has its name now.
    Replaced,
    /// It is gone.
    Removed,
    /// Its mode or its owner is another.
    Attributes,
}

/// Code in a process that is not its executable's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts")]
pub struct ForeignCode {
    /// How it came there.
    pub kind: ForeignCodeKind,
    /// The file; empty for memory that no file is behind.
    pub path: Untrusted,
    /// The file's hash; `None` when there is no file, or it could not be read.
    pub sha256: Option<Sha256Digest>,
    /// Where the file comes from.
    pub provenance: Option<Provenance>,
    /// When it was first seen in this process.
    pub since: UnixMillis,
}

/// How foreign code came into a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export, export_to = "evidence.ts")]
pub enum ForeignCodeKind {
    /// The dynamic linker was told to by LD_PRELOAD.
    Preload,
    /// By LD_AUDIT.
    Audit,
    /// By LD_LIBRARY_PATH, in the place of the machine's own.
    LibraryPath,
    /// A mapped executable file that no package owns, or that differs from its package.
    Library,
    /// Executable memory that no file is behind.
    Anonymous,
}

/// An application among several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "evidence.ts")]
pub struct Member {
    /// Which.
    pub application: ApplicationKey,
    /// As which user it talked: only this user, and who sees everybody's traffic, sees the member.
    pub uid: Uid,
    /// The path of its executable.
    pub path: Untrusted,
    /// The content that it had.
    pub before: Option<Sha256Digest>,
    /// The content that it has.
    pub after: Option<Sha256Digest>,
    /// Where that comes from.
    pub provenance: Option<Provenance>,
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
