//! Any pieces at any places, of a flow over TCP or UDP.
#![no_main]

use portolan_core::Protocol;
use portolan_names::{Opening, State, recognised_from_answer};

libfuzzer_sys::fuzz_target!(|input: (bool, Vec<(u16, &[u8])>)| {
    let (is_tcp, pieces) = input;
    let mut opening = Opening::new(if is_tcp { Protocol::Tcp } else { Protocol::Udp });
    for (offset, piece) in pieces {
        let _ = recognised_from_answer(piece);
        if let State::Done(opened) = opening.add(offset.into(), piece) {
            assert_eq!(&opened, opening.so_far());
            assert!(opened.name.is_none() || opened.recognised.is_some());
        }
    }
});
