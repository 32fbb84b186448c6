//! Which name a flow's other side has, by what this machine really saw (docs/names.md).
//!
//! | file | says |
//! |---|---|
//! | `store` | which name a flow has |
//! | `hearing` | from copied bytes to what is known |
//! | `questions` | what processes asked DNS servers, so that nobody else answers |
//! | `flows` | what single flows said, and which name they were found to have |
//! | `answers` | the DNS answers that processes received |
//! | `memory` | those of one process |
//! | `resolvers` | who asks for others |
//! | `hosts` | /etc/hosts |
//! | `shares` | how users share what room there is |
//! | `kin` | whose memory a process has |
//!
//! Invariants: a name that a process of one user saw is never given to another user's flow, but by a resolver of the system's. All of
//! it is bounded, and nobody can fill the room of others. Time is an argument; nothing here waits.

mod answers;
mod flows;
mod hearing;
mod hosts;
mod kin;
mod memory;
mod questions;
mod resolvers;
mod shares;
mod store;
#[cfg(test)]
mod tests;

pub use answers::Asker;
pub use hearing::{DNS_PORT, Hearing};
pub use hosts::{Hosts, HostsReader};
pub use store::{Names, Relations};
