use std::{cell::RefCell, sync::Arc};

use portolan_core::{Sha256Digest, Unattributed};
use serde::{Deserialize, Serialize};

use super::{executed_file::ExecutedFile, file::FileKey};
use crate::clock::Now;

/// One content: shared by all processes that run it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) number: u64,
    /// Its file when it was opened.
    pub(super) key: FileKey,
    /// Whether another file with the same key has the same content.
    pub(super) is_known_by_key: bool,
    state: RefCell<State>,
}

#[derive(Debug, Clone)]
enum State {
    /// The file waits for somebody to need the hash.
    Held(Arc<ExecutedFile>),
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

/// What was read of a file, and what the file was like meanwhile. Where nobody could write to it for some time before its end, it
/// is as if all of it had been read at the beginning of that time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) digest: Sha256Digest,
    /// Whether it begins like an AppImage.
    pub(super) is_app_image: bool,
    /// Its key before the first byte was read.
    pub(super) before: FileKey,
    /// A moment before that.
    pub(super) begun: Now,
    /// Its key when the last byte had been read.
    pub(super) after: FileKey,
    /// A moment after it was first seen to have that key.
    pub(super) unchanged_since: Now,
    /// A moment after that.
    pub(super) ended: Now,
}

impl Image {
    pub(super) fn held(number: u64, key: FileKey, is_known_by_key: bool, file: ExecutedFile) -> Self {
        Self { number, key, is_known_by_key, state: RefCell::new(State::Held(Arc::new(file))) }
    }

    pub(super) fn content(&self) -> Content {
        match &*self.state.borrow() {
            State::Held(_) | State::Hashing => Content::Pending,
            State::Hashed(reading) => Content::Hashed(*reading),
            State::Failed(reason) => Content::Failed(*reason),
        }
    }

    /// The file to hash, once; `None` when that was asked for before.
    pub(super) fn start_hashing(&self) -> Option<Arc<ExecutedFile>> {
        let mut state = self.state.borrow_mut();
        let State::Held(file) = &*state else { return None };
        let file = Arc::clone(file);
        *state = State::Hashing;
        Some(file)
    }

    /// Gives the file back when the hasher has no room now.
    pub(super) fn hold_again(&self, file: Arc<ExecutedFile>) {
        file.give_back();
        *self.state.borrow_mut() = State::Held(file);
    }

    pub(super) fn finish(&self, result: Result<Reading, Unattributed>) {
        *self.state.borrow_mut() = match result {
            Ok(reading) => State::Hashed(reading),
            Err(reason) => State::Failed(reason),
        };
    }
}
