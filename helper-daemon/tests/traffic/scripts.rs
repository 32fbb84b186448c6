//! Scripts whose files are gone, cannot be opened, or ran before the daemon did.

use std::{fs, io::Write, net::TcpListener, os::fd::OwnedFd, path::Path, process::Command, time::Instant};

use portolan_bus::QueryRow;
use portolan_testbed::Program;
use rustix::process::Signal;

use crate::bed::{Bed, PATIENCE};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_runs_a_script_that_cannot_be_opened_is_named_all_the_same() {
    let bed = Bed::start();
    let (server, bash, python) =
        (bed.programs.server(), Path::new("/bin/bash"), Path::new("/usr/bin/python3"));
    let program = bed.programs.copy("started");
    let folder = bed.programs.path("folder");
    fs::create_dir(&folder).unwrap();
    let text = "import subprocess, sys\nsubprocess.run(sys.argv[1:], check=True)\ninput()\n";
    fs::write(folder.join("__main__.py"), text).unwrap();
    let script = bed.programs.path("gone.sh");
    fs::write(&script, "rm \"$0\"; mkdir \"$0\"; \"$@\"; read -r nothing\n").unwrap();
    let started = |interpreter: &Path, script: &Path, bytes: &str| {
        let mut command = Command::new(interpreter);
        command.arg(script).arg(&program).args(["tcp", &server.tcp_v4(), bytes]);
        Program::start_with_stdin("it", command).unwrap()
    };
    // Both are there while they are asked about.
    let mut running = [started(bash, &script, "61"), started(python, &folder, "62")];
    let key = format!("path:{}", program.display());
    let is_named = |rows: &[QueryRow]| {
        rows.iter().any(|row| row.keys.get("application") == Some(&key) && row.tx_bytes == 123)
    };
    let begun = Instant::now();
    while !is_named(&bed.query(&["application"]).await) {
        assert!(begun.elapsed() < PATIENCE, "{:#?}", bed.query(&["application", "executable"]).await);
    }
    for running in &mut running {
        running.close_stdin();
        running.ended(PATIENCE).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_packaged_script_that_runs_stays_its_package_s_when_the_daemon_starts_again() {
    const SCRIPT: &str = "/usr/bin/shasum";
    let mut bed = Bed::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut server = listener.accept().unwrap().0;
    let mut running = Command::new(SCRIPT).stdin(OwnedFd::from(connection)).spawn().unwrap();
    let key = format!("deb:perl:{SCRIPT}");
    for turn in 1..4 {
        server.write_all(&[b'x'; 100]).unwrap();
        let begun = Instant::now();
        loop {
            let rows = bed.query(&["application", "script"]).await;
            let is_it = |row: &&QueryRow| row.keys.get("script_path").is_some_and(|path| path == SCRIPT);
            let found: Vec<_> = rows
                .iter()
                .filter(is_it)
                .map(|row| (row.keys["application"].as_str(), row.rx_bytes))
                .collect();
            if found == [(key.as_str(), 100 * turn)] {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{turn}: {rows:#?}");
            assert!(found.iter().all(|(found, _)| *found == key), "{turn}: {rows:#?}");
        }
        if turn == 1 {
            bed.daemon.kill();
        } else {
            bed.daemon.program().signal(Signal::USR1);
            assert!(bed.daemon.program().ended(PATIENCE).unwrap().success(), "{}", bed.daemon.stderr());
        }
        bed.daemon.start_again(None).unwrap();
        bed.wait_until_ready();
    }
    drop(server);
    assert!(running.wait().unwrap().success());
}
