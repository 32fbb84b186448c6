//! `org.portolan.Daemon1` over a private bus: a real dbus-daemon, a stand-in for polkitd, a daemon with made-up data.
//! `root` does it with the real polkitd and a second user.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod backend;
mod bus;
mod configuration;
mod golden;
mod limits;
mod methods;
mod polkit;
mod reconnect;
mod root;
mod sample;
mod setup;
mod signals;
mod wire;
