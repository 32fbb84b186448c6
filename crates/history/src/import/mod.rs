//! What another recorder has counted, on its way into a history.
//!
//! | file | says |
//! |---|---|
//! | `batch` | what is handed over, and what of it can be true |
//! | `arguments` | a shell's words, so that secrets in them can be found |

mod arguments;
mod batch;

pub use batch::{Batch, Flow, Importing, Program, Ready, Refused, Source};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows that were added.
    pub added: u64,
    /// Rows of which an import before this one has told.
    pub known: u64,
}
