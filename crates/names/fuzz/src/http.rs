//! A request: what is said of the whole is what is said of it in two pieces.
#![no_main]

use portolan_core::Protocol;
use portolan_names::Opening;

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (at, rest) = input;
    let stream = [&b"GET "[..], rest].concat();
    let (first, second) = stream.split_at(usize::from(at).min(stream.len()));
    let mut whole = Opening::new(Protocol::Tcp);
    whole.add(0, &stream);
    let mut pieces = Opening::new(Protocol::Tcp);
    pieces.add(first.len() as u64, second);
    pieces.add(0, first);
    assert_eq!(pieces.so_far(), whole.so_far());
});
