//! Any stream: in pieces it says the same, and with holes it says something.
#![no_main]

use portolan_names::dns::Stream;

libfuzzer_sys::fuzz_target!(|input: (u8, u16, &[u8])| {
    let (size, hole, stream) = input;
    let expected = Stream::at(0).add(0, stream);
    let size = usize::from(size) + 1;
    let mut parts = Stream::at(0);
    let mut found = Vec::new();
    for (at, piece) in stream.chunks(size).enumerate() {
        found.extend(parts.add((at * size) as u64, piece));
    }
    assert_eq!(found, expected);
    let (before, behind) = stream.split_at(stream.len() / 2);
    let mut holed = Stream::at(0);
    holed.add(0, before);
    holed.add(before.len() as u64 + u64::from(hole), behind);
});
