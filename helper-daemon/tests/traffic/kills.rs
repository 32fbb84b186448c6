//! The daemon is killed, or another takes over, while programs talk.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use portolan_testbed::{DaemonOptions, Program};
use rustix::process::Signal;

use crate::{
    bed::{Bed, PATIENCE, run, sha256},
    conservation::balanced,
};

/// A program that moves bytes until it is told to stop.
struct Steady {
    path: PathBuf,
    program: Program,
}

impl Steady {
    fn start(bed: &Bed, name: &str, words: &[&str]) -> Self {
        let path = bed.programs.copy(name);
        let mut command = Command::new(&path);
        command.args(words);
        Self { program: Program::start_with_stdin(name, command).unwrap(), path }
    }

    /// What it says that it moved.
    fn stop(&mut self) -> (u64, u64) {
        self.program.close_stdin();
        let moved = self.program.wait_for_line("what it moved", PATIENCE, |line| {
            let (tx, rx) = line.strip_prefix("tx=")?.split_once(" rx=")?;
            Some((tx.parse().ok()?, rx.parse().ok()?))
        });
        let moved = moved.unwrap();
        assert!(self.program.ended(PATIENCE).unwrap().success());
        moved
    }
}

/// A number below `below`, another one each time.
fn dice(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

async fn named(bed: &Bed, path: &Path) -> Vec<(u64, u64, u64, String)> {
    let rows = bed.query(&["executable"]).await;
    let of_it = rows.iter().filter(|row| row.keys.get("path").is_some_and(|key| Path::new(key) == path));
    of_it.map(|row| (row.tx_bytes, row.rx_bytes, row.flows, row.keys["sha256"].clone())).collect()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn two_hundred_kills_lose_no_byte_and_no_name() {
    const KILLS: u64 = 200;
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let udp = format!("127.0.0.1:{}", server.udp);
    let mut steady = [
        Steady::start(&bed, "steady-up", &["steady", &server.tcp_v4()]),
        Steady::start(&bed, "steady-down", &["steady-down", &server.tcp_v6()]),
        Steady::start(&bed, "steady-udp", &["steady-udp", &udp]),
    ];
    let short = bed.programs.copy("short");
    let mut shorts = 0;
    let mut seed = u64::from(std::process::id()) << 20 | 0x9e37;
    println!("seed {seed}");
    let mut slowest = Duration::ZERO;
    for _ in 0..KILLS {
        for _ in 0..dice(&mut seed, 4) {
            run(&short, &["tcp", &server.tcp_v4(), "1000"]);
            shorts += 1;
        }
        thread::sleep(Duration::from_millis(dice(&mut seed, 500)));
        bed.daemon.kill();
        // While there is no daemon.
        for _ in 0..dice(&mut seed, 3) {
            run(&short, &["tcp", &server.tcp_v4(), "1000"]);
            shorts += 1;
        }
        let killed = Instant::now();
        bed.daemon.start_again(None).unwrap();
        if dice(&mut seed, 4) > 0 {
            bed.wait_until_ready();
            slowest = slowest.max(killed.elapsed());
        }
    }
    bed.wait_until_ready();
    let moved = steady.each_mut().map(Steady::stop);
    println!("back after {slowest:?} at most; {moved:?}; {shorts} short programs");
    for (program, (tx, rx)) in steady.iter().zip(moved) {
        let rows = named(&bed, &program.path).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].0, rows[0].1), (tx, rx), "{}", program.path.display());
        assert_eq!(rows[0].3, sha256(&program.path));
    }
    // What two hundred daemons accounted for is compared with what the programs counted from the first byte on.
    let ledger = balanced(&bed.proxy().await).await.ledger;
    let earlier = ledger.protocols.iter().find(|line| line.protocol == "before-takeover");
    println!("{ledger:?}");
    assert!(earlier.is_some_and(|line| line.tx_bytes > 0));
    let own = named(&bed, &portolan_testbed::built("portoland").unwrap()).await;
    assert!(own.is_empty(), "bytes of a killed daemon's self-test are nobody's: {own:?}");
    let rows = named(&bed, &short).await;
    assert_eq!(rows, [(shorts * 1000, 0, shorts, sha256(&short))]);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_daemon_that_makes_room_for_another_loses_nothing_and_counts_nothing_twice() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let another = bed.programs.version(|_| ());
    let mut steady = Steady::start(&bed, "steady", &["steady", &server.tcp_v4()]);
    for turn in 0..10 {
        bed.daemon.program().signal(Signal::USR1);
        assert!(bed.daemon.program().ended(PATIENCE).unwrap().success(), "{}", bed.daemon.stderr());
        thread::sleep(Duration::from_millis(100));
        bed.daemon.start_again((turn % 2 == 0).then_some(&another)).unwrap();
        bed.wait_until_ready();
    }
    let (tx, _) = steady.stop();
    let rows = named(&bed, &steady.path).await;
    assert_eq!((rows.len(), rows[0].0), (1, tx));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn tables_of_another_layout_are_dropped_and_nothing_is_counted_twice() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let another = bed.programs.version(|program| {
        let layout = portolan_bpf::LAYOUT.as_bytes();
        let places: Vec<usize> =
            program.windows(16).enumerate().filter(|(_, at)| *at == layout).map(|(place, _)| place).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|place| program[place..place + 16].copy_from_slice(&[b'f'; 16]));
    });
    let program = bed.programs.copy("talks");
    run(&program, &["tcp", &server.tcp_v4(), "70000"]);
    assert_eq!(named(&bed, &program).await[0].0, 70_000);
    bed.daemon.kill();
    bed.daemon.start_again(Some(&another)).unwrap();
    bed.wait_until_ready();
    run(&program, &["tcp", &server.tcp_v4(), "5000"]);
    assert_eq!(named(&bed, &program).await[0].0, 75_000);
    let notes = bed.proxy().await.status().await.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("are of another version")), "{notes:?}");
    let layouts: Vec<_> =
        fs::read_dir(bed.daemon.pin_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(layouts, ["f".repeat(16).as_str()]);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_a_killed_daemon_left_in_the_kernel_can_be_removed_unless_another_runs() {
    let mut bed = Bed::start();
    let mut detach = Command::new(portolan_testbed::built("portoland").unwrap());
    detach.arg("--detach-all").arg("--pin-dir").arg(bed.daemon.pin_dir());
    detach.arg("--runtime-dir").arg(bed.daemon.runtime_dir());
    let refused = detach.output().unwrap();
    let sentence = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && sentence.contains("another portoland is running"), "{sentence}");
    bed.daemon.kill();
    let links = fs::read_dir(bed.daemon.pin_dir().join(portolan_bpf::LAYOUT).join("links")).unwrap();
    assert!(links.count() >= 12);
    for says in ["are detached", "Nothing of Portolan was in the kernel"] {
        let done = detach.output().unwrap();
        assert!(done.status.success());
        let sentence = String::from_utf8(done.stdout).unwrap();
        assert!(sentence.contains(says), "{sentence}");
    }
    assert!(!bed.daemon.pin_dir().exists());
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_journal_becomes_short_again_while_programs_talk() {
    let options = DaemonOptions {
        config: "[recording]\ntick = \"100 ms\"\nbucket = \"1 s\"\n".to_owned(),
        ..DaemonOptions::default()
    };
    let mut bed = Bed::start_with(&options);
    let server = bed.programs.server();
    let mut steady = Steady::start(&bed, "steady", &["steady", &server.tcp_v4()]);
    let journal = bed.daemon.runtime_dir().join("journal");
    let mut longest = 0;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let length = fs::metadata(&journal).unwrap().len();
        longest = longest.max(length);
        // It is written anew once it is longer than a mebibyte.
        if longest > 1 << 20 && length < longest / 2 {
            break;
        }
        assert!(Instant::now() < deadline, "{length} of {longest} bytes");
        thread::sleep(Duration::from_millis(50));
    }
    // The short one says as well as the long one what is accounted for.
    bed.daemon.kill();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    steady.stop();
    balanced(&bed.proxy().await).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_cannot_be_gone_on_with_is_said_and_counting_begins_anew() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("talks");
    let tables = bed.daemon.pin_dir().join(portolan_bpf::LAYOUT).join("maps");
    let journal = bed.daemon.runtime_dir().join("journal");
    let mut sent = 0;
    let damages: [(&str, &dyn Fn()); 3] = [
        ("its journal", &|| fs::remove_file(&journal).unwrap()),
        ("its journal", &|| fs::write(&journal, "nonsense").unwrap()),
        ("some of its tables", &|| fs::remove_file(tables.join("sent_now")).unwrap()),
    ];
    for (why, damage) in damages {
        bed.daemon.kill();
        damage();
        bed.daemon.start_again(None).unwrap();
        bed.wait_until_ready();
        let notes = bed.proxy().await.status().await.unwrap().notes;
        assert!(notes.iter().any(|note| note.contains("could not go on") && note.contains(why)), "{notes:?}");
        run(&program, &["tcp", &server.tcp_v4(), "7000"]);
        sent += 7000;
        assert_eq!(named(&bed, &program).await[0].0, sent, "{why}");
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn bytes_of_a_killed_daemon_without_its_journal_are_in_the_history_without_an_owner() {
    const WRITTEN: u64 = 3_000_000;
    const UNWRITTEN: u64 = 20_000_000;
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("talks");
    run(&program, &["tcp", &server.tcp_v4(), &WRITTEN.to_string()]);
    assert_eq!(named(&bed, &program).await[0].0, WRITTEN);
    run(&program, &["tcp", &server.tcp_v4(), &UNWRITTEN.to_string()]);
    bed.daemon.kill();
    fs::remove_file(bed.daemon.runtime_dir().join("journal")).unwrap();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    let rows = bed.query(&["executable"]).await;
    let status = balanced(&bed.proxy().await).await;
    let lost = status.attribution.unattributed["not-taken-over"];
    // Sent and received; others on this machine may have moved some, too.
    assert!((2 * UNWRITTEN..3 * UNWRITTEN).contains(&lost), "{lost}");
    let says = format!("its journal is missing or damaged: {lost} bytes");
    assert!(status.notes.iter().any(|note| note.contains(&says)), "{says}: {:?}", status.notes);
    let findings = bed.proxy().await.findings(false).await.unwrap();
    let told = |finding: &portolan_bus::Finding| {
        finding.detail.as_ref().is_some_and(|detail| detail.contains(&says))
    };
    assert!(findings.iter().any(told), "{findings:?}");
    let moved = |key: &str, value: &str| -> u64 {
        let of_it = rows.iter().filter(|row| row.keys.get(key).is_some_and(|found| found == value));
        of_it.map(|row| row.tx_bytes + row.rx_bytes).sum()
    };
    assert_eq!(moved("path", program.to_str().unwrap()), WRITTEN);
    assert_eq!(moved("unattributed", "not-taken-over"), lost);
    // It is told once, and a second kill with a whole journal neither loses nor repeats it.
    bed.daemon.kill();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    let rows = bed.query(&["executable"]).await;
    let again =
        rows.iter().filter(|row| row.keys.get("unattributed").is_some_and(|why| why == "not-taken-over"));
    assert_eq!(again.map(|row| row.tx_bytes + row.rx_bytes).sum::<u64>(), lost);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_daemon_that_takes_over_compares_with_the_truth_although_it_is_never_quiet() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let mut steady = Steady::start(&bed, "steady", &["steady", &server.tcp_v4()]);
    let moved = |ledger: &portolan_bus::Ledger, protocol: &str| {
        let line = ledger.protocols.iter().find(|line| line.protocol == protocol);
        line.map_or(0, |line| line.tx_bytes + line.rx_bytes)
    };
    let until = Instant::now() + PATIENCE;
    while named(&bed, &steady.path).await.first().is_none_or(|row| row.0 < 1_000_000) {
        assert!(Instant::now() < until);
    }
    bed.daemon.kill();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    loop {
        let ledger = bed.proxy().await.status().await.unwrap().ledger;
        if moved(&ledger, "tcp") > 0 {
            break;
        }
        assert!(Instant::now() < until, "{ledger:?}");
        thread::sleep(Duration::from_millis(50));
    }
    steady.stop();
    balanced(&bed.proxy().await).await;
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn nothing_but_what_a_daemon_left_is_removed() {
    let folder = portolan_testbed::Folder::for_everybody().unwrap();
    folder.write("precious", "").unwrap();
    let detach = Command::new(portolan_testbed::built("portoland").unwrap())
        .arg("--detach-all")
        .arg("--pin-dir")
        .arg(folder.path())
        .arg("--runtime-dir")
        .arg(folder.path().join("run"))
        .output()
        .unwrap();
    let sentence = String::from_utf8(detach.stderr).unwrap();
    assert!(!detach.status.success() && sentence.contains("BPF filesystem"), "{sentence}");
    assert!(folder.path().join("precious").exists());
}
