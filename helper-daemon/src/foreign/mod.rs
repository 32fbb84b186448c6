//! Foreign code: what a talking process runs that is not its executable's (docs/foreign-code.md).
//!
//! Invariants: nothing is read on the thread that asks; a file is hashed through the mapping itself, never by its path; no file
//! behind a server is opened; what a process controls is bounded, and what is left out is counted.

mod answers;
mod belonging;
mod contents;
mod databases;
mod environment;
mod habits;
mod inspection;
mod inspector;
mod judge;
mod look;
mod looker;
mod mapped;
mod maps;
mod schedule;

pub use databases::{Asked, Databases};
pub use environment::Markers;
pub use inspector::{Counts, Inspected, Inspector, Request};
pub use schedule::Looks;
