//! What this daemon took out of the kernel and has not in the history yet, so that the next one can go on when this one is
//! killed.
//!
//! A file in the runtime directory, which is in memory: it outlives the daemon, not the machine, as do the kernel's tables that it
//! is about. Each [`Entry`] is written before what it describes is forgotten elsewhere; replaying them gives the state of the
//! daemon that wrote them. What the history has acknowledged is told by the number that it stores with each transaction
//! ([`portolan_history::Checkpoint`]).
//!
//! | file | says |
//! |---|---|
//! | `entry` | what is noted |
//! | `file` | how it is kept: appended, and from time to time written anew |
//! | `recovered` | what the entries amount to |

mod entry;
mod file;
mod recovered;

pub use entry::{Entry, FlowNote, Head, RowNote};
pub use file::Journal;
pub use recovered::Recovered;
