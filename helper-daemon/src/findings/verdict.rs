use portolan_core::{
    ApplicationKey, Endpoint, Executable, FindingKind, Sha256Digest, Uid, UnixMillis, Untrusted,
};

/// Something a person should know, before it has a number in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it is.
    pub kind: FindingKind,
    /// When it happened.
    pub at: UnixMillis,
    /// What a review would answer; `None` for what is found about the daemon itself, like all that follows but `detail`.
    pub application: Option<ApplicationKey>,
    /// What ran.
    pub executable: Option<Executable>,
    /// The newest content that the same path had before; `None` when the path was never seen.
    pub previous_sha256: Option<Sha256Digest>,
    /// What started it; `None` also where the parent is not known.
    pub parent_path: Option<Untrusted>,
    /// As which user it talked.
    pub uid: Option<Uid>,
    /// Where it talked to first; `None` also where the program did not say.
    pub remote: Option<Endpoint>,
    /// A sentence, for what is found about the daemon itself.
    pub detail: Option<String>,
}

impl Verdict {
    /// A finding about the daemon itself.
    pub(super) fn about_the_daemon(kind: FindingKind, at: UnixMillis, detail: String) -> Self {
        Self {
            kind,
            at,
            application: None,
            executable: None,
            previous_sha256: None,
            parent_path: None,
            uid: None,
            remote: None,
            detail: Some(detail),
        }
    }
}
