//! Measures how fast a block is read: `cargo run --release -p portolan-history --example blocks`.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "the module of the crate, for one measurement"
)]

#[path = "../src/block/mod.rs"]
mod block;

use std::{hint::black_box, time::Instant};

use block::{Column, Columns, Level, Moved, encode};

fn main() {
    let mut seed = 7_u64;
    let mut below = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for (rows, actors, level) in [(20, 10, Level::Bucket), (100, 20, Level::Bucket), (2000, 200, Level::Day)]
    {
        let row = |_| {
            let most = [256 << below(12), 1024 << below(16)];
            Moved {
                actor: u32::try_from(below(actors)).unwrap() * 7,
                local: 0,
                peer: u32::try_from(below(20_000)).unwrap(),
                local_port: u16::try_from(below(28_000) + 32_768).unwrap(),
                remote_port: 443,
                tx: below(most[0]),
                rx: below(most[1]),
                flows: below(2),
                first_ms: u32::try_from(below(5000)).unwrap(),
                last_ms: u32::try_from(below(5000) + 5000).unwrap(),
            }
        };
        let mut all: Vec<_> = (0..rows).map(row).collect();
        let started = Instant::now();
        let (_, block) = encode(&mut all, level).next().unwrap();
        let encoded = started.elapsed().as_secs_f64();
        // Short, so that the best of many was not interrupted.
        let times = 20_000 / rows;
        let measure = |columns: &[Column]| {
            let mut numbers: Vec<Vec<u64>> = vec![Vec::new(); columns.len()];
            let mut best = f64::INFINITY;
            for _ in 0..1000 {
                let started = Instant::now();
                for _ in 0..times {
                    let opened = Columns::open(black_box(&block)).unwrap();
                    for (column, numbers) in columns.iter().zip(&mut numbers) {
                        opened.read(*column, numbers).unwrap();
                    }
                    black_box(&numbers);
                }
                best = best.min(started.elapsed().as_secs_f64());
            }
            best * 1e9 / f64::from(u32::try_from(times * rows).unwrap())
        };
        let each =
            f64::from(u32::try_from(block.len()).unwrap()) / f64::from(u32::try_from(all.len()).unwrap());
        println!(
            "{rows} rows of {actors} actors, {level:?}: {each:.1} bytes a row, {:.0} ns to encode; to read actor, peer, tx and rx \
             {:.1} ns a row, tx and rx {:.1}, the checksum alone {:.1}",
            encoded * 1e9 / f64::from(u32::try_from(rows).unwrap()),
            measure(&[Column::Actor, Column::Peer, Column::Tx, Column::Rx]),
            measure(&[Column::Tx, Column::Rx]),
            measure(&[]),
        );
    }
}
