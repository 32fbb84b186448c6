//! Reading blocks: which of them answer for a range of time (`cover.rs`), and their rows, as far as somebody may see them.
//!
//! Invariant: rows come from nowhere else, and every [`Scan`] has a [`Sight`], which knows the viewer.

mod cover;
mod rows;
mod set;

pub(crate) use cover::{Cover, Held};
pub(crate) use rows::{Block, Row, Scan, Seen, Wants};
pub(crate) use set::Set;
