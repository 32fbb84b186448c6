//! Messages as they were sent, in `tests/messages`; its README says by whom.

#![allow(dead_code, reason = "each test uses some")]

use std::fs;

use portolan_core::Protocol;
use portolan_names::{Opened, Opening, State};

/// A message, or a stream.
pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/messages/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// All of them whose names begin so.
pub(crate) fn files(beginning: &str) -> Vec<Vec<u8>> {
    let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/messages")).expect("the folder");
    let names = folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut names: Vec<_> = names.filter(|name| name.starts_with(beginning)).collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "no file begins with {beginning}");
    names.iter().map(|name| file(name)).collect()
}

/// The datagrams of a file that has the length of each before it.
pub(crate) fn datagrams(name: &str) -> Vec<Vec<u8>> {
    let (bytes, mut datagrams) = (file(name), Vec::new());
    let mut rest = &bytes[..];
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (datagram, behind) = behind.split_at(u16::from_be_bytes(*length).into());
        datagrams.push(datagram.to_vec());
        rest = behind;
    }
    datagrams
}

/// What a flow says that sends what is in the file.
pub(crate) fn first_sent(name: &str) -> Opened {
    let (protocol, calls) = if name.starts_with("quic") {
        (Protocol::Udp, datagrams(name))
    } else {
        (Protocol::Tcp, vec![file(name)])
    };
    let mut opening = Opening::new(protocol);
    let (last, before) = calls.split_last().expect("a call");
    for call in before {
        assert_eq!(opening.add(0, call), State::More, "{name}");
    }
    match opening.add(0, last) {
        State::Done(opened) => opened,
        State::More => panic!("{name} is not done"),
    }
}
