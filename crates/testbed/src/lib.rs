//! A test bed: a private system bus with the real polkitd, a desktop under Xvfb, and the real daemon between them.
//!
//! Everything here is a guard: dropping it ends its programs and removes its files, and so does the death of the process
//! that holds it, however it dies. Nothing touches the machine's own bus, polkit, display or files outside of the system's
//! folder for temporary files.
//!
//! Invariant: all functions block; they may be called from inside an async runtime as well.
#![forbid(unsafe_code)]

mod accounts;
mod bus;
mod capability;
mod daemon;
mod desktop;
mod ebpf;
mod error;
mod folder;
mod group;
mod keeper;
mod overlay;
mod paths;
mod places;
mod program;
mod screen;
mod user;
mod wait;

pub use bus::{Polkit, PrivateBus};
pub use capability::{Capability, find_program};
pub use daemon::{Daemon, DaemonOptions};
pub use desktop::Desktop;
pub use error::Error;
pub use folder::Folder;
pub use keeper::Keeper;
pub use paths::{NGINX, RESOLVED, built, packaged, source_path};
pub use places::{PACKED_PLACES, unpack_places};
pub use program::Program;
pub use screen::Widget;
pub use user::{User, alice, bob, carol, root};
pub use wait::{is_owned, start_service, wait_for_name};
