use std::path::PathBuf;

use portolan_core::{Provenance, Sha256Digest, UnixMillis};

/// Where files come from. Asked on the inspector's own thread, and may take its time.
pub trait Databases: Send {
    /// Of each file, in their order.
    fn provenance(&mut self, files: &[Asked]) -> Vec<Provenance>;

    /// When a package was last installed, upgraded or removed; `None` when that is not known.
    fn changed_at(&mut self) -> Option<UnixMillis>;
}

/// A file of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Its path, or the path that it had before it was removed.
    pub path: PathBuf,
    /// Of its content.
    pub sha256: Sha256Digest,
    /// Of the same content, from the same reading.
    pub md5: [u8; 16],
}

impl Asked {
    /// Whether an answer holds until the databases change: what could not be found out may be, a moment later.
    pub(super) fn is_settled(provenance: &Provenance) -> bool {
        !matches!(provenance, Provenance::Unknown(_))
    }
}
