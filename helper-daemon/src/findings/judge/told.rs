//! Changed contents that a person was told of. One file may be many applications': an interpreter is that of all its scripts.

use std::collections::HashMap;

use portolan_core::{Sha256Digest, Uid, Untrusted};

/// By path, and by content and user: whether it is known that something has talked with it, or somebody approved it.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<Untrusted, HashMap<(Sha256Digest, Uid), bool>>);

impl Told {
    /// A user was told that a file of this machine holds this.
    pub(super) fn changed(&mut self, path: &Untrusted, sha256: Sha256Digest, uid: Uid) {
        self.0.entry(path.clone()).or_default().entry((sha256, uid)).or_default();
    }

    /// And that it talks; or somebody approved it.
    pub(super) fn talks(&mut self, path: &Untrusted, sha256: Sha256Digest, uid: Uid) {
        self.0.entry(path.clone()).or_default().insert((sha256, uid), true);
    }

    pub(super) fn has_changed(&self, path: &Untrusted, sha256: Sha256Digest, uid: Uid) -> bool {
        self.0.get(path).is_some_and(|told| told.contains_key(&(sha256, uid)))
    }

    pub(super) fn has_talked(&self, path: &Untrusted, sha256: Sha256Digest, uid: Uid) -> bool {
        self.0.get(path).is_some_and(|told| told.get(&(sha256, uid)) == Some(&true))
    }
}
