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
    /// Contents that were new, ever.
    made: u64,
    foreign_code: HashSet<(ForeignCodeKind, Untrusted, Option<Sha256Digest>)>,
}

#[derive(Debug)]
struct Contents {
    seen: HashSet<Sha256Digest>,
    newest: Sha256Digest,
    /// When that appeared, by the count of the application.
    since: u64,
    /// What the file was changed to since, and a person was told.
    changed_to: Option<Sha256Digest>,
}

impl Known {
    pub(super) fn new(review: ReviewState, last_uid: Uid) -> Self {
        Self { review, last_uid, paths: HashMap::new(), made: 0, foreign_code: HashSet::new() }
    }

    pub(super) fn newest(&self, path: &Untrusted) -> Option<Sha256Digest> {
        self.paths.get(path).map(|contents| contents.newest)
    }

    pub(super) fn has_path(&self, path: &Untrusted) -> bool {
        self.paths.contains_key(path)
    }

    pub(super) fn has_seen(&self, path: &Untrusted, sha256: Sha256Digest) -> bool {
        self.paths.get(path).is_some_and(|contents| contents.seen.contains(&sha256))
    }

    /// Whether another version of the file appeared later: a path that differs in numbers only.
    pub(super) fn has_newer_version(&self, path: &Untrusted) -> bool {
        let name = |path: &Untrusted| {
            path.as_raw().replace(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-'), "")
        };
        let Some(since) = self.paths.get(path).map(|contents| contents.since) else { return false };
        self.paths.iter().any(|(other, contents)| contents.since > since && name(other) == name(path))
    }

    /// Whether the content is new. A content that comes back does not become the newest.
    pub(super) fn remember(&mut self, path: &Untrusted, sha256: Sha256Digest) -> bool {
        let since = self.made + 1;
        let is_new = match self.paths.get_mut(path) {
            Some(contents) => {
                let is_new = contents.seen.insert(sha256);
                if is_new {
                    (contents.newest, contents.since) = (sha256, since);
                }
                is_new
            }
            None => {
                let seen = HashSet::from([sha256]);
                let contents = Contents { seen, newest: sha256, since, changed_to: None };
                self.paths.insert(path.clone(), contents);
                true
            }
        };
        self.made += u64::from(is_new);
        is_new
    }

    /// A person is told that the file holds this now: who approves the application knows it.
    pub(super) fn told_of(&mut self, path: &Untrusted, changed_to: Option<Sha256Digest>) {
        if let Some(contents) = self.paths.get_mut(path) {
            contents.changed_to = changed_to;
        }
    }

    /// What was told of its files and is known from now on.
    pub(super) fn reviewed(&mut self, review: ReviewState) -> Vec<(Untrusted, Sha256Digest)> {
        self.review = review;
        if review != ReviewState::Approved {
            return Vec::new();
        }
        let approved = |(path, contents): (&Untrusted, &mut Contents)| {
            contents.changed_to.take().map(|sha256| (path.clone(), sha256))
        };
        let approved: Vec<_> = self.paths.iter_mut().filter_map(approved).collect();
        for (path, sha256) in &approved {
            self.remember(path, *sha256);
        }
        approved
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
