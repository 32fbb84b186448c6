//! What a finding rests on. Stored and sent as JSON; its texts are hostile.

use serde::{Deserialize, Serialize};

use crate::{ApplicationKey, Pid, Provenance, Sha256Digest, Uid, UnixMillis, Untrusted};

/// All that was known when something was found. What is empty or `None` does not apply, or was not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Where the executable comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The script that the executable, an interpreter, runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<FileContent>,
    /// The process that it was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessEvidence>,
    /// What started that, the nearest first, as it was when it was executed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ProcessEvidence>,
    /// Its parent when it was found, where that is another one: the first has ended and the process was given to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_now: Option<ProcessEvidence>,
    /// What was done to the file on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeEvidence>,
    /// Code in the process that is not its executable's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign_code: Vec<ForeignCode>,
    /// What a finding about several applications is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// A file and its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileContent {
    /// Its path.
    pub path: Untrusted,
    /// `None` when it could not be read.
    pub sha256: Option<Sha256Digest>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub application: ApplicationKey,
    /// The path of its executable.
    pub path: Untrusted,
    /// The content that it had.
    pub before: Option<Sha256Digest>,
    /// The content that it has.
    pub after: Option<Sha256Digest>,
    /// Where that comes from.
    pub provenance: Option<Provenance>,
}
