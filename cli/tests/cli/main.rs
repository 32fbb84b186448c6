//! The real binary against a daemon of the tests' own, on a private `dbus-daemon`.
#![forbid(unsafe_code)]

#[cfg(test)]
mod answers;
#[cfg(test)]
mod archive;
#[cfg(test)]
mod bus;
#[cfg(test)]
mod config;
#[cfg(test)]
mod export;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod findings;
#[cfg(test)]
mod forget;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod history_file;
mod names;
mod narrow;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod program;
#[cfg(test)]
mod report;
#[cfg(test)]
mod review;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod status;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod watch;
