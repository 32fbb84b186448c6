//! `org.portolan.Daemon1` and `org.portolan.History1` over a private bus: a real dbus-daemon, a stand-in for polkitd, a daemon with made-up data.
//! `root` does it with the real polkitd and a second user.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod archive;
mod backend;
mod bus;
mod configuration;
mod golden;
mod history;
mod hostile;
mod limits;
mod methods;
mod past;
mod polkit;
mod reconnect;
mod root;
mod sample;
mod setup;
mod signals;
mod wire;
