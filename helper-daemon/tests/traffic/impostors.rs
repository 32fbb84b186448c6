//! Programs that try to look like others.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use portolan_bus::QueryRow;

use crate::bed::{Bed, run, sha256};

/// How many bytes an executable moves that moves as many as it is long (`tcp-own`).
fn own_bytes(program: &Path) -> u64 {
    1 + fs::metadata(program).unwrap().len() % 8192
}

fn rows_of(rows: &[QueryRow], path: &Path) -> Vec<QueryRow> {
    let is_it = |row: &&QueryRow| row.keys.get("path").is_some_and(|key| Path::new(key) == path);
    rows.iter().filter(is_it).cloned().collect()
}

/// Two contents whose numbers of bytes differ.
fn two_contents(bed: &Bed) -> [PathBuf; 2] {
    let first = bed.programs.copy("first");
    let second = bed.programs.copy("second");
    let longer = [fs::read(&second).unwrap(), vec![0; 1000]].concat();
    fs::write(&second, longer).unwrap();
    [first, second]
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn of_ten_thousand_renames_during_execs_none_makes_one_content_pass_for_another() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let contents = two_contents(&bed);
    let target = bed.programs.path("target");
    fs::hard_link(&contents[0], &target).unwrap();
    let (is_over, mut renames) = (AtomicBool::new(false), 0);
    thread::scope(|scope| {
        let renaming = scope.spawn(|| {
            let next = bed.programs.path("next");
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) || count < 10_000 {
                fs::hard_link(&contents[count % 2], &next).unwrap();
                fs::rename(&next, &target).unwrap();
                // The link of a file to itself is not renamed.
                let _ = fs::remove_file(&next);
                count += 1;
            }
            count
        });
        let target = target.to_str().unwrap();
        run(&contents[0], &["spawn", "2000", target, "tcp-own", &server.tcp_v4()]);
        is_over.store(true, Ordering::Relaxed);
        renames = renaming.join().unwrap();
    });
    assert!(renames >= 10_000);
    let rows = rows_of(&bed.query(&["executable"]).await, &target);
    let mut identified = 0;
    for row in &rows {
        let content = contents.iter().find(|content| row.keys["sha256"] == sha256(content)).unwrap();
        assert_eq!(row.tx_bytes, row.flows * own_bytes(content), "{row:?}");
        identified += row.flows;
    }
    let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
    println!("{renames} renames, {identified} of 2000 named: {rows:?} {unattributed:?}");
    assert!(identified > 0);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_process_that_gets_the_id_of_another_is_not_taken_for_it() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let contents = two_contents(&bed);
    let last = "/proc/sys/kernel/ns_last_pid";
    let id: u32 = fs::read_to_string(last).unwrap().trim().parse().unwrap();
    for turn in 0..200 {
        // The next fork gets the id after this one, where it is free.
        fs::write(last, id.to_string()).unwrap();
        run(&contents[turn % 2], &["tcp-own", &server.tcp_v4()]);
    }
    let rows = bed.query(&["executable"]).await;
    for content in &contents {
        let row = &rows_of(&rows, content)[0];
        assert_eq!((row.flows, row.tx_bytes), (100, 100 * own_bytes(content)));
        assert_eq!(row.keys["sha256"], sha256(content));
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_mount_over_the_path_of_a_packaged_program_does_not_make_one_of_the_package() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("impostor");
    let over = fs::canonicalize("/usr/bin/env").unwrap();
    let (program_path, over_path) = (program.to_str().unwrap(), over.to_str().unwrap());
    let script =
        format!("mount --bind {program_path} {over_path} && exec {over_path} tcp {} 777", server.tcp_v4());
    let status = Command::new("unshare").args(["--mount", "sh", "-c", &script]).status().unwrap();
    assert!(status.success());
    let rows = bed.query(&["application", "executable"]).await;
    let row = &rows_of(&rows, &over)[0];
    assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (sha256(&program).as_str(), 777));
    assert_eq!(row.keys["application"], format!("elsewhere:{over_path}"));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_hard_link_and_a_copy_are_what_their_paths_say() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("original");
    let (link, copy) = (bed.programs.path("link"), bed.programs.copy("copy"));
    fs::hard_link(&program, &link).unwrap();
    for path in [&program, &link, &copy] {
        run(path, &["tcp", &server.tcp_v4(), "100"]);
    }
    let rows = bed.query(&["application", "executable"]).await;
    for path in [&program, &link, &copy] {
        let row = &rows_of(&rows, path)[0];
        assert_eq!((row.keys["sha256"].as_str(), row.tx_bytes), (sha256(&program).as_str(), 100));
        assert_eq!(row.keys["application"], format!("path:{}", path.display()));
    }
}
