//! From readings of the kernel's counters to history, live feed and findings.
//!
//! | file | says |
//! |---|---|
//! | `recorder` | the one thread that owns all of this: waits, takes events in, ticks |
//! | `intake` | from the kernel's events to processes |
//! | `restart` | what outlives the daemon: taking over, noting, ending |
//! | `gap` | what is in no history because it could not be taken over |
//! | `snapshot` | what the status says |
//! | `tick` | one tick: read, subtract, attribute, show, judge, record |
//! | `learned` | what other threads find out |
//! | `learning` | how long it is learned what talks |
//! | `naming` | what is known of names |
//! | `atlas` | where addresses belong |
//! | `ledger` | growth of cumulative counters, exactly once |
//! | `rows` | what moved in buckets that are not written yet |
//! | `bucket_width` | how long buckets are |
//! | `presence` | when it was recorded at all |
//! | `privacy` | what of them is written down |
//! | `configure` | another configuration while all this runs |
//! | `tally` | whose the bytes were, and what was lost |
//! | `conservation` | whether that is all that was counted at sockets |
//! | `network` | how what the interfaces moved comes from it |
//! | `outbox`, `merge` | what the history has no room for yet, and how it stays bounded |
//! | `watching` | what is looked at besides bytes: files on disk, foreign code |
//! | `live` | the ticks that people watch |
//! | `writer` | the one thread that writes the history |
//! | `self_test` | known bytes through loopback, compared with the count |
//! | `handle`, `backend` | what the bus asks, and how it is answered |
//! | `log_bound` | how long the history's log may become because of them |
//! | `flushing` | one flush for many who ask at the same time |
//! | `archive` | the history as questions read it: few at a time, bounded by user and time |
//! | `answers`, `details`, `lookup` | what is answered from it |
//!
//! Invariants: a byte is in exactly one row, and leaves it only when the history has it. Nothing on the recorder's thread
//! waits for a disk, a hash or a client.

mod answers;
mod archive;
mod atlas;
mod backend;
mod bucket_width;
mod configure;
mod conservation;
mod contents;
mod details;
mod export;
mod flushing;
mod gap;
mod handle;
mod import;
mod intake;
mod learned;
mod learning;
mod ledger;
mod live;
mod log_bound;
mod lookup;
mod merge;
mod naming;
mod network;
mod outbox;
mod presence;
mod privacy;
mod recorder;
mod restart;
mod rows;
mod self_test;
mod snapshot;
mod tally;
mod tick;
mod waker;
mod watching;
mod writer;

pub use archive::{Archive, THREADS};
pub use atlas::Atlas;
pub use backend::DaemonBackend;
pub use handle::{End, Handle};
pub use ledger::Ledger;
#[cfg(test)]
pub(crate) use ledger::tests::flow;
pub use recorder::{Places, Recorder, RecorderError};
pub use self_test::{SelfTestChild, move_known_bytes};
pub use writer::{Writer, WriterError};
