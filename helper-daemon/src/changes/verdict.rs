use portolan_bpf::FileId;
use portolan_core::{
    ApplicationKey, ChangeEvidence, Pid, ProcessEvidence, Provenance, Sha256Digest, Untrusted,
};

/// A file that is to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Whose executable or script it is.
    pub application: ApplicationKey,
    /// Its path, as the process saw it.
    pub path: Untrusted,
    /// Its content.
    pub sha256: Sha256Digest,
    /// Which file it is, and a process that executed or read it. `None` when that was before this daemon: then it is what this machine has
    /// in that place, and another content there is a change.
    pub executed: Option<(FileId, Pid)>,
}

/// Who changed something: what the recorder knows of a process, kept until somebody wants to know it.
pub trait Changer: Clone {
    /// The process, and what started it, the nearest first.
    fn chain(&self) -> Vec<ProcessEvidence>;
}

/// What the package databases are to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// For the answer.
    pub number: u64,
    /// Of which file of this machine.
    pub path: Untrusted,
    /// With what content. `None` when it is gone: then it counts only whether a package lists it.
    pub sha256: Option<Sha256Digest>,
}

/// What they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Of the question.
    pub number: u64,
    /// Of the question.
    pub sha256: Option<Sha256Digest>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Whether a package manager held its lock before the databases were read: then they may say another thing soon.
    pub is_being_changed: bool,
    /// Who held it, as far as that can be told.
    pub holders: Vec<Pid>,
}

/// What is to be told about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What is there now is what a package ships; or a package manager removed what no package lists any more.
    Explained(Changed),
    /// Nothing explains it.
    Unexplained(Changed),
    /// The mode of the file changed, and nothing that gives it rights.
    Harmless(Changed),
}

/// A file that is another one now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Who had it watched first.
    pub application: ApplicationKey,
    /// Where.
    pub path: Untrusted,
    /// Whether the path is this machine's, and no container's.
    pub is_on_machine: bool,
    /// The content that it had.
    pub before: Sha256Digest,
    /// What was done to it, and by whom.
    pub change: ChangeEvidence,
}
