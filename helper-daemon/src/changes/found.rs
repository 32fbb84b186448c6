use portolan_core::{ChangeKind, MonotonicNs, Sha256Digest};

use crate::clock::Now;

/// A change about which the package databases are asked.
pub(super) struct Found<P> {
    pub(super) kind: ChangeKind,
    pub(super) sha256: Option<Sha256Digest>,
    pub(super) why_unread: Option<String>,
    /// When it was seen first, and who did it.
    pub(super) at: Option<Now>,
    pub(super) who: Option<P>,
    pub(super) since: MonotonicNs,
    /// When to ask.
    pub(super) ask: MonotonicNs,
    /// Since when it is asked, and nobody has answered.
    pub(super) asked: Option<MonotonicNs>,
    pub(super) by_manager: bool,
}

impl<P> Found<P> {
    pub(super) fn is_content(&self) -> bool {
        self.kind != ChangeKind::Removed
    }
}
