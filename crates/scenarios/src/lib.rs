//! The traffic that Portolan is judged on: 36 scenarios, a place to run them in, and who compares.
//!
//! A scenario is a value in a table ([`SCENARIOS`], one file of `traffic/` for each family). It moves bytes with copies of
//! `portolan-generator`, which print what they moved; the daemon is asked over its bus; nftables counters in the peer's
//! network namespace are the witness that has nothing to do with either.
#![forbid(unsafe_code)]

mod bed;
mod expected;
mod judge;
mod scenario;
mod table;
mod traffic;
mod trial;
mod witness;
mod world;

pub use bed::Bed;
pub use expected::{Expected, sha256};
pub use judge::{Seen, Verdict, judge};
pub use scenario::{Pace, Scenario, cannot_run, find};
pub use table::{Outcome, Run, is_good, print};
pub use traffic::SCENARIOS;
pub use trial::{Peer, Trial, Tried, attempt};
pub use witness::Witness;
pub use world::{Device, Place, World, address};
