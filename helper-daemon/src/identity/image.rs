use std::{cell::RefCell, os::fd::OwnedFd, sync::Arc};

use portolan_core::{Sha256Digest, Unattributed};

use super::file::FileKey;
use crate::clock::Now;

/// One content: shared by all processes that run it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) key: FileKey,
    state: RefCell<State>,
}

#[derive(Debug, Clone)]
enum State {
    /// The descriptor waits for somebody to need the hash.
    Held(Arc<OwnedFd>),
    /// The hasher has it.
    Hashing,
    /// `after` is the file's key when the last byte had been read, `at`.
    Hashed { digest: Sha256Digest, after: FileKey, at: Now },
    /// It cannot be hashed.
    Failed(Unattributed),
}

/// What is known of a content.
pub(super) enum Content {
    Pending,
    Hashed { digest: Sha256Digest, after: FileKey, at: Now },
    Failed(Unattributed),
}

impl Image {
    pub(super) fn held(key: FileKey, descriptor: OwnedFd) -> Self {
        Self { key, state: RefCell::new(State::Held(Arc::new(descriptor))) }
    }

    pub(super) fn content(&self) -> Content {
        match &*self.state.borrow() {
            State::Held(_) | State::Hashing => Content::Pending,
            State::Hashed { digest, after, at } => {
                Content::Hashed { digest: *digest, after: *after, at: *at }
            }
            State::Failed(reason) => Content::Failed(*reason),
        }
    }

    /// The descriptor to hash, once; `None` when that was asked for before.
    pub(super) fn start_hashing(&self) -> Option<Arc<OwnedFd>> {
        let mut state = self.state.borrow_mut();
        let State::Held(descriptor) = &*state else { return None };
        let descriptor = Arc::clone(descriptor);
        *state = State::Hashing;
        Some(descriptor)
    }

    /// Gives the descriptor back when the hasher has no room now.
    pub(super) fn hold_again(&self, descriptor: Arc<OwnedFd>) {
        *self.state.borrow_mut() = State::Held(descriptor);
    }

    /// Takes in the hash, and the file's key `at` the time after the last byte.
    pub(super) fn finish(&self, result: Result<(Sha256Digest, FileKey), Unattributed>, at: Now) {
        *self.state.borrow_mut() = match result {
            Ok((digest, after)) => State::Hashed { digest, after, at },
            Err(reason) => State::Failed(reason),
        };
    }
}
