//! The real daemon on real traffic: who moved how much, with the kernel programs loaded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod app_images;
mod applications;
mod apt;
mod bed;
mod calls;
mod cgroup;
mod closing;
mod command_lines;
mod configuration;
mod conservation;
mod containers;
mod disks;
mod exclusions;
mod exec_arguments;
mod exec_facts;
mod faults;
mod findings;
mod flatpaks;
mod forgetting;
#[path = "../fuse/mod.rs"]
mod fuse;
mod gaps;
mod impostors;
mod java;
mod kills;
mod leases;
mod life;
mod loads;
mod log;
mod memory;
mod mounts;
mod names;
mod owners;
mod places;
mod programs;
mod said;
mod scripts;
mod served;
mod sockets;
mod starts;
mod talk;
mod unidentified;
mod unusual;
mod watching;
