//! The daemon: watches what every program of this machine moves over the network, and keeps the history of it.
//!
//! `monitor` speaks to the kernel, `identity` says who a process is, `pipeline` turns counters into history, live feed and
//! `findings`, `dbus` answers clients. See docs/architecture.md.

pub mod changes;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod dbus;
pub mod findings;
pub mod foreign;
pub mod identity;
pub mod instance;
pub mod journal;
pub mod monitor;
pub mod names;
pub mod options;
pub mod pipeline;
pub mod resources;
pub mod sentence;
pub mod text_log;
