//! Datagrams.

use crate::{Pace, Scenario, Trial, address};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { number: 4, name: "UDP up and down", special: "control", pace: Pace::Quick, run: both_ways },
    Scenario { number: 6, name: "UDP to 443", special: "looks like QUIC", pace: Pace::Quick, run: like_quic },
    Scenario {
        number: 9,
        name: "flood of small datagrams to port 53",
        special: "rate",
        pace: Pace::Quick,
        run: flood,
    },
    Scenario {
        number: 24,
        name: "UDP over IPv6, down",
        special: "the other family",
        pace: Pace::Quick,
        run: down_v6,
    },
];

/// What one generator is told.
struct Load {
    count: u64,
    size: u64,
    answers: u64,
    answer_size: u64,
    connected: bool,
}

impl Load {
    fn send(&self, trial: &mut Trial<'_>, name: &str, to: &str) -> anyhow::Result<()> {
        let words = [
            "udp".to_owned(),
            format!("to={to}"),
            format!("count={}", self.count),
            format!("size={}", self.size),
            format!("answers={}", self.answers),
            format!("answer_size={}", self.answer_size),
            format!("connected={}", if self.connected { "yes" } else { "no" }),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        trial.generate_as(name, &words).map(drop)
    }
}

fn both_ways(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["udp=0", "udp-gro=0"])?;
    let to = format!("{}:{}", address::PEER_V4, peer.port("udp"));
    for (name, connected) in [("unconnected", false), ("connected", true)] {
        let load = Load {
            count: trial.random(100..=2000),
            size: trial.random(8..=20_000),
            answers: trial.random(1..=3),
            answer_size: trial.random(0..=20_000),
            connected,
        };
        load.send(trial, name, &to)?;
    }
    let (count, size) = (trial.random(1..=300), trial.random(8..=3000));
    let (to, count, size) = (format!("to={to}"), format!("count={count}"), format!("size={size}"));
    trial.generate_as("pieces", &["udp-in-pieces", &to, &count, &size, "pieces=5"])?;
    trial.generate_as("file", &["sendfile-udp", &to, &count, &size])?;
    let cut = ["udp", &to, &count, "size=30000", "segment=1200", "connected=yes"];
    trial.generate_as("segmented", &cut)?;
    // The other side reads them as one again.
    let merging = format!("to={}:{}", address::PEER_V4, peer.port("udp-gro"));
    trial.generate_as("merged", &["udp", &merging, &count, "size=30000", "segment=1200", "connected=yes"])?;
    trial.end(peer)
}

fn like_quic(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["udp=443"])?;
    let load = Load {
        count: trial.random(100..=2000),
        size: 1200,
        answers: 4,
        answer_size: trial.random(1200..=1452),
        connected: true,
    };
    load.send(trial, "generator", &format!("{}:443", address::PEER_V4))?;
    trial.end(peer)
}

fn flood(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["udp=53"])?;
    let load = Load {
        count: trial.random(50_000..=100_000),
        size: trial.random(1..=80),
        answers: 0,
        answer_size: 0,
        connected: false,
    };
    load.send(trial, "generator", &format!("{}:53", address::PEER_V4))?;
    trial.end(peer)
}

fn down_v6(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["udp=0"])?;
    let load = Load {
        count: trial.random(1..=20),
        size: 8,
        answers: trial.random(50..=200),
        answer_size: trial.random(1..=9000),
        connected: false,
    };
    load.send(trial, "generator", &format!("[{}]:{}", address::PEER_V6, peer.port("udp")))?;
    trial.end(peer)
}
