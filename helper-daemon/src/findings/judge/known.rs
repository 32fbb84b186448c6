//! What an application was seen to be.

use std::collections::{HashMap, HashSet};

use portolan_core::{ForeignCode, ForeignCodeKind, ReviewState, Sha256Digest, Uid, Untrusted};

/// Foreign code that is remembered of one application; beyond, all of it is told once more.
const FOREIGN_CODE_AT_MOST: usize = 1024;

#[derive(Debug)]
pub(super) struct Known {
    pub(super) review: ReviewState,
    /// Who used it last.
    pub(super) last_uid: Uid,
    /// Contents by path. A path has few contents and an application few paths.
    paths: HashMap<Untrusted, Contents>,
    foreign_code: HashSet<(ForeignCodeKind, Untrusted, Option<Sha256Digest>)>,
}

#[derive(Debug)]
struct Contents {
    seen: HashSet<Sha256Digest>,
    newest: Sha256Digest,
    /// What the file was changed to since, and a person was told.
    changed_to: Option<Sha256Digest>,
}

impl Known {
    pub(super) fn new(review: ReviewState, last_uid: Uid) -> Self {
        Self { review, last_uid, paths: HashMap::new(), foreign_code: HashSet::new() }
    }

    pub(super) fn newest(&self, path: &Untrusted) -> Option<Sha256Digest> {
        self.paths.get(path).map(|contents| contents.newest)
    }

    /// Whether the content is new. A content that comes back does not become the newest.
    pub(super) fn remember(&mut self, path: &Untrusted, sha256: Sha256Digest) -> bool {
        match self.paths.get_mut(path) {
            Some(contents) => {
                let is_new = contents.seen.insert(sha256);
                if is_new {
                    contents.newest = sha256;
                }
                is_new
            }
            None => {
                let contents = Contents { seen: HashSet::from([sha256]), newest: sha256, changed_to: None };
                self.paths.insert(path.clone(), contents);
                true
            }
        }
    }

    /// A person is told that the file holds this now: who approves the application knows it.
    pub(super) fn told_of(&mut self, path: &Untrusted, changed_to: Option<Sha256Digest>) {
        if let Some(contents) = self.paths.get_mut(path) {
            contents.changed_to = changed_to;
        }
    }

    pub(super) fn reviewed(&mut self, review: ReviewState) {
        self.review = review;
        if review == ReviewState::Approved {
            for contents in self.paths.values_mut() {
                if let Some(approved) = contents.changed_to.take()
                    && contents.seen.insert(approved)
                {
                    contents.newest = approved;
                }
            }
        }
    }

    /// Whether any of it is new.
    pub(super) fn remember_foreign(&mut self, found: &[ForeignCode]) -> bool {
        if self.foreign_code.len() >= FOREIGN_CODE_AT_MOST {
            self.foreign_code.clear();
        }
        let mut any = false;
        for code in found.iter().take(FOREIGN_CODE_AT_MOST) {
            any |= self.foreign_code.insert((code.kind, code.path.clone(), code.sha256));
        }
        any
    }
}
