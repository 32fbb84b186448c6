//! No bytes make a parser panic, and it does not matter in which pieces they come.
#![allow(clippy::as_conversions, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod data;

use data::{datagrams, file, files, first_sent};
use fastrand::Rng;
use portolan_core::Protocol;
use portolan_names::{Opened, Opening, State, dns, recognised_from_answer};

/// Messages of all kinds, from which hostile ones are made.
fn messages() -> Vec<Vec<u8>> {
    ["dns", "tls", "http", "quic"].into_iter().flat_map(files).collect()
}

fn read_by_all(bytes: &[u8]) {
    let _ = dns::answer(bytes);
    let _ = dns::question(bytes);
    dns::Stream::at(0).add(0, bytes);
    let _ = recognised_from_answer(bytes);
    Opening::new(Protocol::Tcp).add(0, bytes);
    let mut udp = Opening::new(Protocol::Udp);
    udp.add(0, bytes);
    // Those in the files have two bytes before them.
    udp.add(0, bytes.get(2..).unwrap_or_default());
}

#[test]
fn nothing_panics() {
    let mut random = Rng::with_seed(5);
    for message in messages() {
        for length in (0..message.len()).step_by(1 + message.len() / 200) {
            read_by_all(&message[..length]);
            read_by_all(&message[length..]);
        }
        for _ in 0..100 {
            let mut changed = message.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..changed.len());
                match random.u8(..4) {
                    0 => changed[at] = random.u8(..),
                    1 => changed[at] ^= 1 << random.u8(..8),
                    2 => changed.truncate(at + 1),
                    _ => changed.insert(at, *random.choice(&[0, 1, 0x7f, 0xc0, 0xff]).expect("one")),
                }
            }
            read_by_all(&changed);
        }
    }
    for _ in 0..1000 {
        let mut bytes = vec![0; random.usize(..300)];
        random.fill(&mut bytes);
        read_by_all(&bytes);
    }
}

/// Adds `pieces`, which lie one behind the other, in the order of `order`.
fn opened(message: &[u8], ends: &[usize], order: &[usize]) -> Opened {
    let mut opening = Opening::new(Protocol::Tcp);
    for piece in order {
        let start = if *piece == 0 { 0 } else { ends[piece - 1] };
        opening.add(start as u64, &message[start..ends[*piece]]);
    }
    opening.so_far().clone()
}

#[test]
fn a_stream_may_come_in_any_pieces() {
    let mut random = Rng::with_seed(6);
    for name in ["tls-openssl", "tls-openssl-none", "tls-curl", "tls-chromium", "http-curl"] {
        let (message, expected) = (file(name), first_sent(name));
        for at in 1..message.len() {
            let ends = [at, message.len()];
            assert_eq!(opened(&message, &ends, &[0, 1]), expected, "{name} split at {at}");
            assert_eq!(opened(&message, &ends, &[1, 0]), expected, "{name} split at {at}, the other way");
        }
        let each: Vec<_> = (1..=message.len()).collect();
        let order: Vec<_> = (0..message.len()).collect();
        assert_eq!(opened(&message, &each, &order), expected, "{name} byte by byte");
        for _ in 0..50 {
            let mut ends = random.choose_multiple(1..message.len(), 20);
            ends.sort_unstable();
            ends.push(message.len());
            let mut order: Vec<_> = (0..ends.len()).collect();
            random.shuffle(&mut order);
            assert_eq!(opened(&message, &ends, &order), expected, "{name} in {order:?}");
        }
    }
}

#[test]
fn answers_over_tcp_may_come_in_any_pieces() {
    let stream = file("dns-tcp");
    let expected = dns::Stream::at(0).add(0, &stream);
    for size in 1..stream.len() {
        let mut parts = dns::Stream::at(0);
        let pieces = stream.chunks(size).enumerate();
        let found: Vec<_> = pieces.flat_map(|(at, piece)| parts.add((at * size) as u64, piece)).collect();
        assert_eq!(found, expected, "pieces of {size} bytes");
    }
}

#[test]
fn a_flow_is_done_with_sometime() {
    // Looks like QUIC and does not open. Each call counts, and each packet.
    let mut datagram = datagrams("quic-chromium").swap_remove(0);
    datagram[1100] ^= 1;
    let mut udp = Opening::new(Protocol::Udp);
    assert_eq!((0..40).take_while(|_| udp.add(0, &datagram) == State::More).count(), 8);
    assert_eq!(udp.so_far(), &Opened::default());

    let mut tcp = Opening::new(Protocol::Tcp);
    let endless = [b"GET / HTTP/1.1\r\nHost: a.example\r\nX: ", &[b'x'; 20_000][..]].concat();
    let pieces = endless.chunks(1000).enumerate();
    assert_eq!(pieces.take_while(|(at, piece)| tcp.add(*at as u64 * 1000, piece) == State::More).count(), 16);
    assert_eq!(tcp.so_far().name.as_ref().map(|name| name.0.as_str()), Some("a.example"));
}
