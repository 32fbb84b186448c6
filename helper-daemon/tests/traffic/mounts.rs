//! Lists of mounts that are made long on purpose.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use portolan_testbed::Folder;

use crate::bed::{Bed, PATIENCE, run, sha256};

/// In a mount namespace of its own: doubles the mounts below a folder until there are 2^15, and stays.
const MANY_MOUNTS: &str = "set -e; mount -t tmpfs many \"$1\"; i=0; while [ $i -lt 15 ]; do mkdir \"$1/x$i\"; \
    mount --rbind \"$1\" \"$1/x$i\"; i=$((i+1)); done; read -r _";

/// Ends with this test.
struct Namespace(Child);

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn many_long_lists_of_mounts_are_read_in_turn_and_nothing_waits_for_them() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("other");
    let folder = Folder::for_everybody().unwrap();
    let mut namespaces = Vec::new();
    let begun = Instant::now();
    let mut turn = 0;
    loop {
        if namespaces.len() < 8 {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", MANY_MOUNTS, "sh"]).arg(folder.path());
            namespaces.push(Namespace(command.stdin(Stdio::piped()).spawn().unwrap()));
        }
        run(&program, &["tcp", &server.tcp_v4(), "1000"]);
        turn += 1;
        assert_eq!(bed.moved(&program).await.0, turn * 1000);
        let asked = Instant::now();
        let losses = bed.proxy().await.status().await.unwrap().losses;
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        if losses["mount_lists_postponed"] > 0 && turn >= 8 {
            println!("{losses:?} after {:?}", begun.elapsed());
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{losses:?}");
    }
    let rows = bed.query(&["executable"]).await;
    let path = program.to_str().unwrap();
    let named = rows.iter().find(|row| row.keys.get("path").is_some_and(|found| found == path));
    assert_eq!(named.unwrap().keys["sha256"], sha256(&program));
}
