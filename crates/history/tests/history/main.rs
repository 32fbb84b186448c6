//! The history as its users see it: files on a disk, one writer, readers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as expected")]

mod any;
mod anything;
mod disk;
mod failures;
mod files;
mod filters;
mod findings;
mod findings_again;
mod gaps;
mod hostile;
mod kills;
mod learning;
mod limits;
mod migration;
mod model;
mod past;
mod power;
mod provenance;
mod queries;
mod salvage;
mod sorting;
mod viewers;
mod world;
