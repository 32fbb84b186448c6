//! Moves a known number of bytes, by every call that there is.
//!
//! `portolan-generator NAME KEY=VALUE…`; the names are in [`GENERATORS`], the keys in the file of each. At its end it prints
//! `moved path=PATH tx=N rx=N`: the sums of what its calls returned, and the path of its own executable. When the kernel
//! refuses what is asked for, it prints `unsupported REASON` and ends with 77.
#![warn(missing_docs)]

mod batches;
mod before;
mod calls;
mod closing;
mod container;
mod counted;
mod execs;
mod files;
mod icmp;
mod launch;
mod many_peers;
mod moved;
mod option;
mod packet;
mod peer;
mod pid_reuse;
mod raw;
mod sendfile;
mod shared_socket;
mod spawn;
mod splice;
mod stream;
mod tcp;
mod udp;
mod unusual;
mod uring;
mod words;

use std::{env, process::ExitCode};

use crate::{
    moved::{Failure, Moved},
    words::Words,
};

type Generator = fn(&Words) -> Result<Moved, Failure>;

/// What there is, with what each needs to be told.
const GENERATORS: &[(&str, Generator)] = &[
    ("peer", peer::run),
    ("tcp", tcp::transfer),
    ("tcp-calls", calls::run),
    ("tcp-many", tcp::many),
    ("tcp-drip", tcp::drip),
    ("tcp-connect", tcp::connect_only),
    ("tcp-refused", tcp::refused),
    ("udp", udp::run),
    ("udp-in-pieces", udp::in_pieces),
    ("udp-batches", batches::run),
    ("icmp", icmp::run),
    ("raw", raw::run),
    ("packet", packet::run),
    ("uring", uring::run),
    ("uring-udp", uring::datagrams),
    ("sendfile", sendfile::run),
    ("sendfile-udp", sendfile::datagrams),
    ("splice", splice::run),
    ("spawn", spawn::run),
    ("container", container::run),
    ("container-enter", container::enter),
    ("container-init", container::init),
    ("many-peers", many_peers::run),
    ("share", shared_socket::run),
    ("heir", shared_socket::heir),
    ("guest", shared_socket::guest),
    ("before", before::run),
    ("visitor", before::visitor),
    ("memfd", files::memfd),
    ("patient", files::patient),
    ("execs", execs::run),
    ("reuse", pid_reuse::run),
    ("close", closing::run),
    ("close-peer", closing::peer),
    ("swallowed", closing::swallowed),
    ("peek", unusual::peek),
    ("trunc", unusual::trunc),
    ("urgent", unusual::urgent),
    ("zerocopy", unusual::zerocopy),
    ("empty", unusual::empty),
    ("mixed", unusual::mixed),
];

const UNSUPPORTED: u8 = 77;

fn main() -> ExitCode {
    let words = Words::new(env::args().skip(1).collect());
    let generator = GENERATORS.iter().find(|(name, _)| *name == words.name());
    let result = match generator {
        Some((_, run)) => run(&words),
        None => Err(Failure::Usage(format!("there is no generator “{}”", words.name()))),
    };
    match result.and_then(|moved| moved.print().map_err(Failure::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Unsupported(reason)) => {
            println!("unsupported {reason}");
            ExitCode::from(UNSUPPORTED)
        }
        Err(failure) => {
            eprintln!("portolan-generator {}: {failure}", words.all());
            ExitCode::FAILURE
        }
    }
}
