//! Databases as the package managers write them, as a test makes them, and broken ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

mod dpkg;
mod dpkg_tools;
mod hostile;
mod locks;
mod pacman;
mod root;
mod rpm;
mod rpmdb;
