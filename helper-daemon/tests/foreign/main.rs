//! The inspector on real processes, with the databases of this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bed;
#[path = "../fuse/mod.rs"]
mod fuse;
mod hostile;
mod linker;
mod mapped;
mod packages;
mod request;
