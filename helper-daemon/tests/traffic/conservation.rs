//! Random mixes of traffic: what the programs printed, what each executable was charged, and the truth must be one number.

use std::{
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use portolan_bus::{Daemon1Proxy, LedgerState, Status};

use crate::bed::{Bed, Server};

/// What a program is told to do, and whether it talks to the server over TCP.
struct Errand {
    program: PathBuf,
    words: Vec<String>,
    over_tcp: bool,
}

/// A generator of numbers that gives the same ones for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    /// `PORTOLAN_SEED` repeats a run.
    fn new() -> Self {
        let now = || u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos());
        let seed = std::env::var("PORTOLAN_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap());
        println!("PORTOLAN_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

fn errand(bed: &Bed, dice: &mut Dice, server: &Server, number: usize) -> Errand {
    let program = bed.programs.copy(&format!("mixed-{number}"));
    let host = if dice.below(2) == 0 { "127.0.0.1" } else { "[::1]" };
    let (tcp, udp) = (format!("{host}:{}", server.tcp), format!("{host}:{}", server.udp));
    let bytes = dice.below(400_000).to_string();
    let (count, size) = ((dice.below(20) + 1).to_string(), dice.below(1200).to_string());
    let (over_tcp, words) = match dice.below(7) {
        0 => (true, vec!["tcp".to_owned(), tcp, bytes]),
        1 => (true, vec!["tcp-down".to_owned(), tcp, bytes]),
        2 => (false, vec!["udp".to_owned(), udp, count, size]),
        3 => (false, vec!["udp-connected".to_owned(), udp, count, size]),
        4 => (true, vec!["fork".to_owned(), tcp, bytes]),
        5 => {
            let path = program.to_str().unwrap().to_owned();
            (true, vec!["spawn".to_owned(), count, path, "tcp".to_owned(), tcp, "1021".to_owned()])
        }
        _ => (false, vec!["peers".to_owned(), (dice.below(3000) + 1).to_string(), size]),
    };
    Errand { program, words, over_tcp }
}

/// Runs it and adds up what it and its children printed.
fn moved(errand: &Errand) -> (u64, u64) {
    let output = Command::new(&errand.program).args(&errand.words).output().unwrap();
    assert!(output.status.success(), "{:?}: {}", errand.words, String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().fold((0, 0), |sum, line| {
        let (tx, rx) = line.strip_prefix("tx=").unwrap().split_once(" rx=").unwrap();
        (sum.0 + tx.parse::<u64>().unwrap(), sum.1 + rx.parse::<u64>().unwrap())
    })
}

/// The parts and the difference are the truth, always.
pub(crate) fn assert_sums(status: &Status) {
    let (owned, ledger) = (&status.attribution, &status.ledger);
    let unattributed: u64 = owned.unattributed.values().sum();
    assert_eq!(owned.total, owned.attributed + owned.kernel + owned.excluded + unattributed);
    let parts = i128::from(owned.total) + i128::from(owned.pending) + i128::from(ledger.self_test);
    assert_eq!(i128::from(ledger.truth), parts + i128::from(ledger.difference), "{status:?}");
    let by_protocol: u64 = ledger.protocols.iter().map(|moved| moved.tx_bytes + moved.rx_bytes).sum();
    assert_eq!(ledger.truth, by_protocol);
    assert_ne!(ledger.state, LedgerState::Unbalanced, "{ledger:?}");
}

/// Waits for a moment in which nobody on this machine moves a byte, and the ledger must balance.
///
/// Where others never stop moving bytes, it may say “in flight” to the end, and this says so.
pub(crate) async fn balanced(proxy: &Daemon1Proxy<'_>) -> Status {
    let until = Instant::now() + Duration::from_secs(15);
    let (mut truth, mut still_since) = (0, Instant::now());
    loop {
        let status = proxy.status().await.unwrap();
        assert_sums(&status);
        if status.ledger.state == LedgerState::Balanced {
            assert_eq!(status.ledger.difference, 0);
            return status;
        }
        if std::mem::replace(&mut truth, status.ledger.truth) != status.ledger.truth {
            still_since = Instant::now();
        }
        assert!(
            still_since.elapsed() < Duration::from_secs(8),
            "nobody moves a byte, and it does not balance: {:?}",
            status.ledger
        );
        if Instant::now() > until {
            println!("other programs never stopped moving bytes: {:?}", status.ledger);
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_random_mix_adds_up_to_what_was_printed_and_to_the_truth() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let proxy = bed.proxy().await;
    let (mut dice, mut served) = (Dice::new(), (0, 0));
    for round in 0..3 {
        let mut errands: Vec<Errand> =
            (0..12).map(|number| errand(&bed, &mut dice, &server, round * 100 + number)).collect();
        let lanes: Vec<Vec<Errand>> = (0..3).map(|_| errands.drain(..4).collect()).collect();
        let running: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                thread::spawn(move || {
                    lane.into_iter().map(|errand| (moved(&errand), errand)).collect::<Vec<_>>()
                })
            })
            .collect();
        while running.iter().any(|lane| !lane.is_finished()) {
            assert_sums(&proxy.status().await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let before = server_moved(&bed).await;
        let mut at_server = (0, 0);
        for (printed, errand) in running.into_iter().flat_map(|lane| lane.join().unwrap()) {
            let (tx, rx, _) = bed.moved(&errand.program).await;
            assert_eq!((tx, rx), printed, "{:?}", errand.words);
            if errand.over_tcp {
                at_server = (at_server.0 + printed.1, at_server.1 + printed.0);
            }
        }
        let after = server_moved(&bed).await;
        assert_eq!(before, after, "nothing moves any more");
        let status = balanced(&proxy).await;
        println!("round {round}: truth {}, difference {}", status.ledger.truth, status.ledger.difference);
        served = (served.0 + at_server.0, served.1 + at_server.1);
        assert_eq!(after, served, "what clients receive and send over TCP, the server sends and receives");
    }
}

/// What the server sent and received over TCP.
async fn server_moved(bed: &Bed) -> (u64, u64) {
    let rows = bed.query(&["executable", "protocol"]).await;
    let of_it = rows.iter().filter(|row| {
        row.keys.get("path").is_some_and(|path| path == bed.programs.path("server").to_str().unwrap())
            && row.keys["protocol"] == "tcp"
    });
    of_it.fold((0, 0), |sum, row| (sum.0 + row.tx_bytes, sum.1 + row.rx_bytes))
}
