use std::{cell::RefCell, os::fd::OwnedFd, sync::Arc};

use portolan_core::{Sha256Digest, Unattributed};

use super::file::FileKey;
use crate::clock::Now;

/// One content: shared by all processes that run it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) number: u64,
    /// See [`portolan_bpf::FileId::is_guarded`].
    pub(super) is_guarded: bool,
    state: RefCell<State>,
}

#[derive(Debug, Clone)]
enum State {
    /// The descriptor waits for somebody to need the hash.
    Held(Arc<OwnedFd>),
    /// The hasher has it.
    Hashing,
    Hashed(Reading),
    /// It cannot be hashed.
    Failed(Unattributed),
}

/// What is known of a content.
pub(super) enum Content {
    Pending,
    Hashed(Reading),
    Failed(Unattributed),
}

/// What was read of a file, and what the file was like meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) digest: Sha256Digest,
    /// Its key before the first byte was read.
    pub(super) before: FileKey,
    /// A moment before that.
    pub(super) begun: Now,
    /// Its key when the last byte had been read.
    pub(super) after: FileKey,
    /// A moment before it was first seen to have that key.
    pub(super) unchanged_since: Now,
    /// A moment after that.
    pub(super) ended: Now,
}

impl Image {
    pub(super) fn held(number: u64, is_guarded: bool, descriptor: OwnedFd) -> Self {
        Self { number, is_guarded, state: RefCell::new(State::Held(Arc::new(descriptor))) }
    }

    pub(super) fn content(&self) -> Content {
        match &*self.state.borrow() {
            State::Held(_) | State::Hashing => Content::Pending,
            State::Hashed(reading) => Content::Hashed(*reading),
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

    pub(super) fn finish(&self, result: Result<Reading, Unattributed>) {
        *self.state.borrow_mut() = match result {
            Ok(reading) => State::Hashed(reading),
            Err(reason) => State::Failed(reason),
        };
    }
}
