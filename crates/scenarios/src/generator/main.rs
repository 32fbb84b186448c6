//! Moves a known number of bytes, by every call that there is.
//!
//! `portolan-generator NAME KEY=VALUE…`; the names are in [`GENERATORS`], the keys in the file of each. At its end it prints
//! `moved path=PATH tx=N rx=N`: the sums of what its calls returned, and the path of its own executable. When the kernel
//! refuses what is asked for, it prints `unsupported REASON` and ends with 77.
#![warn(missing_docs)]

mod batches;
mod icmp;
mod moved;
mod packet;
mod peer;
mod raw;
mod sendfile;
mod spawn;
mod splice;
mod stream;
mod tcp;
mod udp;
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
    ("tcp-many", tcp::many),
    ("tcp-drip", tcp::drip),
    ("tcp-connect", tcp::connect_only),
    ("tcp-refused", tcp::refused),
    ("udp", udp::run),
    ("udp-batches", batches::run),
    ("icmp", icmp::run),
    ("raw", raw::run),
    ("packet", packet::run),
    ("uring", uring::run),
    ("sendfile", sendfile::run),
    ("splice", splice::run),
    ("spawn", spawn::run),
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
