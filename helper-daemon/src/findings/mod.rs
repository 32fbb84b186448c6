//! What a person should know: the judge says it once.
//!
//! Invariant: pure state. No I/O, no clock, no channel; time arrives as an argument. What is found here is written and
//! sent by others.

mod groups;
mod judge;

pub use judge::{FileChange, Judge, Talk, Unidentified};
