//! What is done on disk to the files of programs that have talked, at the moment when it is done.
//!
//! ```text
//! monitor::WatchedFiles ─ events ─▶ Changes ─ looks ─▶ threads that walk, open and hash
//!                                     │  ▲────────────────┘ what is there now
//!                                     │  ▲──── answers: what the package databases say of it
//!                                     ▼
//!                                  verdicts: explained by a package, or not
//! ```
//!
//! Invariants: the recorder's thread marks what it is given, and opens and reads nothing; no descriptor of a watched file is held
//! longer than it is looked at; whatever a program does to its own file costs a bounded part of one thread. A verdict is of
//! contents: that somebody renamed, touched or linked a file is none.

mod by;
mod decision;
mod found;
mod look;
mod set;
mod verdict;
mod watched;
mod way;

pub use decision::is_manager;
pub use set::{Changes, Counts};
pub use verdict::{Answer, Changed, Changer, Question, Verdict, Watch};

#[cfg(test)]
mod tests;
