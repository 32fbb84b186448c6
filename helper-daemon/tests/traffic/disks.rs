//! Disks that hang, and disks that are full: recording goes on in memory, within bounds, and loses no byte.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use portolan_bus::Status;
use portolan_testbed::{DaemonOptions, Folder};

use crate::{
    bed::{Bed, PATIENCE, run},
    conservation::{assert_sums, balanced},
};

/// Runs a command and returns what it prints.
fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A filesystem of this test's own. Dropping it thaws and unmounts it.
struct Disk {
    place: PathBuf,
    device: Option<String>,
    is_frozen: bool,
}

impl Disk {
    /// ext4 in a file, which can be made to hang.
    fn of_blocks(folder: &Path) -> Self {
        let image = folder.join("disk.image");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let image = image.to_str().unwrap();
        tool("mkfs.ext4", &["-q", "-F", image]);
        let device = tool("losetup", &["--find", "--show", image]);
        let place = folder.join("disk");
        fs::create_dir(&place).unwrap();
        let disk = Self { place, device: Some(device), is_frozen: false };
        tool("mount", &[disk.device.as_ref().unwrap(), disk.path()]);
        disk
    }

    fn of_memory(folder: &Path, size: &str) -> Self {
        let place = folder.join("disk");
        fs::create_dir(&place).unwrap();
        let disk = Self { place, device: None, is_frozen: false };
        tool("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", disk.path()]);
        disk
    }

    fn path(&self) -> &str {
        self.place.to_str().unwrap()
    }

    /// Leaves no byte free until the file that it returns is removed.
    fn fill(&self) -> PathBuf {
        let filler = self.place.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        filler
    }

    /// Nothing reaches the disk any more: EXT4_IOC_SHUTDOWN, without its journal.
    fn cut_power(&self) {
        let shutdown = "my $how = pack('L', 2); open(my $d, '<', $ARGV[0]) or die $!; ioctl($d, 0x8004587d, $how) or die $!";
        tool("perl", &["-e", shutdown, self.path()]);
    }

    /// Finds what reached the disk, through another device: a daemon may have its database of places open on the dead one.
    fn power_on(&mut self) {
        tool("umount", &["--lazy", self.path()]);
        let dead = self.device.take().unwrap();
        tool("losetup", &["--detach", &dead]);
        let image = self.place.with_file_name("disk.image");
        self.device = Some(tool("losetup", &["--find", "--show", image.to_str().unwrap()]));
        tool("mount", &[self.device.as_ref().unwrap(), self.path()]);
    }

    fn freeze(&mut self) {
        tool("fsfreeze", &["--freeze", self.path()]);
        self.is_frozen = true;
    }

    fn thaw(&mut self) {
        tool("fsfreeze", &["--unfreeze", self.path()]);
        self.is_frozen = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let quietly =
            |program: &str, arguments: &[&str]| drop(Command::new(program).args(arguments).output());
        if self.is_frozen {
            quietly("fsfreeze", &["--unfreeze", self.path()]);
        }
        quietly("umount", &["--lazy", self.path()]);
        if let Some(device) = &self.device {
            quietly("losetup", &["--detach", device]);
        }
    }
}

fn options(disk: &Disk) -> DaemonOptions {
    DaemonOptions {
        config: "[recording]\nbucket = \"1 s\"\n".to_owned(),
        state_dir: Some(disk.place.clone()),
        ..DaemonOptions::default()
    }
}

async fn status_when(bed: &Bed, wanted: impl Fn(&Status) -> bool) -> Status {
    let proxy = bed.proxy().await;
    let until = Instant::now() + PATIENCE;
    loop {
        let status = proxy.status().await.unwrap();
        assert_sums(&status);
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < until, "it never came: {status:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_disk_that_hangs_stops_nothing_and_loses_nothing() {
    let folder = Folder::for_everybody().unwrap();
    let mut disk = Disk::of_blocks(folder.path());
    let bed = Bed::start_with(&options(&disk));
    let server = bed.programs.server();
    let program = bed.programs.copy("hung");
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    assert_eq!(bed.moved(&program).await, (1000, 0, 1));
    disk.freeze();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        run(&program, &["udp", &format!("127.0.0.1:{}", server.udp), "2", "500"]);
        std::thread::sleep(Duration::from_millis(200));
    }
    let hanging = status_when(&bed, |status| status.history.problem.is_some()).await;
    assert!(hanging.history.problem.unwrap().contains("has not answered"));
    disk.thaw();
    let status = balanced(&bed.proxy().await).await;
    assert_eq!((status.losses["history_rows_merged"], status.losses["findings_not_kept"]), (0, 0));
    let (tx, _, flows) = bed.moved(&program).await;
    assert_eq!(tx, 1000 + (flows - 1) * 1000, "each run after the first was a flow of 1000 bytes");
    assert!(flows > 5, "{flows}");
    drop(bed);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn rows_that_a_full_disk_refuses_are_merged_and_counted() {
    const PEERS: u64 = 125_000;
    let folder = Folder::for_everybody().unwrap();
    let disk = Disk::of_memory(folder.path(), "1m");
    let bed = Bed::start_with(&options(&disk));
    let program = bed.programs.copy("too-many");
    let size_before = bed.proxy().await.status().await.unwrap().attribution.total;
    run(&program, &["peers", &PEERS.to_string(), "3"]);
    let full = status_when(&bed, |status| {
        status.history.problem.is_some() && status.losses["history_rows_merged"] > 0
    })
    .await;
    assert!(full.attribution.total + full.attribution.pending >= size_before + 3 * PEERS);
    tool("mount", &["-o", "remount,size=200m", disk.path()]);
    let until = Instant::now() + PATIENCE;
    while bed.proxy().await.status().await.unwrap().history.problem.is_some() {
        assert!(Instant::now() < until, "the history is never written again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bed.moved(&program).await, (3 * PEERS, 0, PEERS));
    let status = balanced(&bed.proxy().await).await;
    let merged = status.losses["history_rows_merged"];
    let rows = bed.query(&["executable", "remote", "time"]).await;
    let kept =
        rows.iter().filter(|row| row.keys.get("path").is_some_and(|path| path == program.to_str().unwrap()));
    let kept = u64::try_from(kept.count()).unwrap();
    let others: u64 = bed.query(&["executable"]).await.iter().map(|row| row.flows).sum::<u64>() - PEERS;
    println!("merged {merged}, of {PEERS} rows {kept} are left, others' flows {others}");
    assert!((PEERS - kept..=PEERS - kept + others + 100).contains(&merged));
    drop(bed);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_disk_that_is_full_at_the_start_keeps_no_daemon_from_counting() {
    let folder = Folder::for_everybody().unwrap();
    let disk = Disk::of_memory(folder.path(), "4m");
    let filler = disk.fill();
    let mut bed = Bed::start_with(&options(&disk));
    let server = bed.programs.server();
    let program = bed.programs.copy("patient");
    for (sent, is_killed) in [(1000, true), (2000, false), (3000, true)] {
        run(&program, &["tcp", &server.tcp_v4(), "1000"]);
        let full = status_when(&bed, |status| status.history.problem.is_some()).await;
        assert!(full.history.problem.unwrap().contains("disk is full"));
        fs::remove_file(&filler).unwrap();
        status_when(&bed, |status| status.history.problem.is_none()).await;
        assert_eq!(bed.moved(&program).await, (sent, 0, sent / 1000));
        // A killed daemon leaves the history's log, and rows that only the journal has; another one leaves neither.
        disk.fill();
        if is_killed {
            bed.daemon.kill();
        } else {
            assert!(bed.daemon.stop().unwrap().success());
        }
        bed.daemon.start_again(None).unwrap();
        bed.wait_until_ready();
    }
    fs::remove_file(&filler).unwrap();
    let findings = bed.proxy().await.findings(true).await.unwrap();
    let of_it = findings.iter().filter(|finding| finding.path.as_deref() == program.to_str());
    assert_eq!(of_it.count(), 1, "what the history knows is known on a full disk, too: {findings:?}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_history_that_is_deleted_or_replaced_is_said_and_another_is_written() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("talks");
    let talk = || run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    let history = bed.daemon.history_path();
    let backup = history.with_extension("backup");
    talk();
    assert_eq!(bed.moved(&program).await.0, 1000);
    fs::copy(&history, &backup).unwrap();
    assert!(bed.proxy().await.status().await.unwrap().notes.is_empty());
    fs::remove_file(&history).unwrap();
    talk();
    assert_eq!(bed.moved(&program).await, (1000, 0, 1), "what is gone is gone");
    let notes = bed.proxy().await.status().await.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("was deleted or replaced")), "{notes:?}");
    // Of a killed daemon, all that is still in the journal reaches the file that is there then, and nothing twice.
    talk();
    bed.daemon.kill();
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    assert_eq!(bed.moved(&program).await, (2000, 0, 2));
    talk();
    fs::rename(&backup, &history).unwrap();
    let (sent, _, flows) = bed.moved(&program).await;
    let of_backup = sent - 1000;
    assert!((0..=1000).contains(&of_backup) && flows == sent / 1000, "{sent}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_power_cut_and_a_kill_lose_nothing_and_double_nothing() {
    let folder = Folder::for_everybody().unwrap();
    let mut disk = Disk::of_blocks(folder.path());
    let mut bed = Bed::start_with(&options(&disk));
    let server = bed.programs.server();
    let program = bed.programs.copy("cut");
    let mut sent = 0;
    for cut in 0..5 {
        for _ in 0..=cut {
            run(&program, &["tcp", &server.tcp_v4(), "1000"]);
            sent += 1000;
        }
        // What the history has acknowledged, and what only the journal has.
        if cut % 2 == 0 {
            assert_eq!(bed.moved(&program).await.0, sent);
            run(&program, &["tcp", &server.tcp_v4(), "1000"]);
            sent += 1000;
        }
        disk.cut_power();
        bed.daemon.kill();
        disk.power_on();
        bed.daemon.start_again(None).unwrap();
        bed.wait_until_ready();
        assert_eq!(bed.moved(&program).await, (sent, 0, sent / 1000), "cut {cut}");
    }
    balanced(&bed.proxy().await).await;
    drop(bed);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_disk_that_answers_with_errors_is_waited_for_and_told() {
    let folder = Folder::for_everybody().unwrap();
    let mut disk = Disk::of_blocks(folder.path());
    let bed = Bed::start_with(&options(&disk));
    let server = bed.programs.server();
    let program = bed.programs.copy("errors");
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    assert_eq!(bed.moved(&program).await.0, 1000);
    disk.cut_power();
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    // The writer has met the error, not only who reads for the status.
    let is_met = |status: &Status| {
        status.history.problem.is_some() && bed.daemon.stderr().contains("recording goes on in memory")
    };
    status_when(&bed, is_met).await;
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    disk.power_on();
    status_when(&bed, |status| status.history.problem.is_none()).await;
    assert_eq!(bed.moved(&program).await, (3000, 0, 3));
    let until = Instant::now() + PATIENCE;
    let told = loop {
        let mut findings = bed.proxy().await.findings(false).await.unwrap();
        findings.retain(|finding| finding.kind == "history-not-written");
        if !findings.is_empty() {
            break findings;
        }
        assert!(Instant::now() < until, "it is never told");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(told.len() == 1 && told[0].detail.as_ref().unwrap().contains("nothing was lost"), "{told:?}");
    balanced(&bed.proxy().await).await;
    drop(bed);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_history_that_cannot_be_used_at_the_start_keeps_no_daemon_from_counting() {
    let folder = Folder::for_everybody().unwrap();
    let state_dir = folder.make_dir("state", 0o700).unwrap();
    let history = state_dir.join("history.sqlite");
    let elsewhere = state_dir.join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, &history).unwrap();
    let config = "[recording]\nbucket = \"1 s\"\n".to_owned();
    let bed =
        Bed::start_with(&DaemonOptions { config, state_dir: Some(state_dir), ..DaemonOptions::default() });
    let server = bed.programs.server();
    let program = bed.programs.copy("linked");
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    let status = status_when(&bed, |status| status.history.problem.is_some()).await;
    assert!(status.history.problem.unwrap().contains("is not a file"));
    assert!(!elsewhere.exists(), "the link is not followed");
    fs::remove_file(&history).unwrap();
    status_when(&bed, |status| status.history.problem.is_none()).await;
    assert_eq!(bed.moved(&program).await, (1000, 0, 1));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_damaged_history_is_saved_with_its_approvals_and_that_is_told() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("approved");
    run(&program, &["tcp", &server.tcp_v4(), "1000"]);
    assert_eq!(bed.moved(&program).await.0, 1000);
    let of_it = |applications: Vec<portolan_bus::Application>| {
        applications.into_iter().find(|one| one.application.contains(program.to_str().unwrap())).unwrap()
    };
    let application = of_it(bed.proxy().await.applications().await.unwrap());
    bed.proxy().await.review(&application.application, "approved").await.unwrap();
    let history = bed.daemon.history_path();
    for (turn, at) in [(1, 0), (2, 4096)] {
        // The header with all that SQLite knows of the tables, then what the file notes of its pages.
        assert!(bed.daemon.stop().unwrap().success());
        let file = fs::OpenOptions::new().write(true).open(&history).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 4096], at).unwrap();
        bed.daemon.start_again(None).unwrap();
        bed.wait_until_ready();
        let applications = bed.proxy().await.applications().await.unwrap();
        assert_eq!(of_it(applications).review, "approved", "turn {turn}");
    }
    assert_eq!(bed.moved(&program).await.0, 1000);
    let findings = bed.proxy().await.findings(false).await.unwrap();
    assert!(findings.iter().any(|finding| finding.kind == "history-damaged"), "{findings:?}");
}
