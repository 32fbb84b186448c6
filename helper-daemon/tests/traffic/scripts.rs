//! Scripts whose files are gone, cannot be opened, or ran before the daemon did.

use std::{
    collections::HashMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portolan_bus::QueryRow;
use portolan_testbed::Program;
use rustix::process::Signal;

use crate::{
    bed::{Bed, PATIENCE, Stopped, settle, sha256},
    talk::talk,
};

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
async fn a_script_that_has_ended_before_the_daemon_looks_is_named_by_what_it_held() {
    let bed = Bed::start();
    let (server, shasum) = (bed.programs.server(), Path::new("/usr/bin/shasum"));
    let [same, other] = ["same.sh", "other.sh"].map(|name| bed.programs.path(name));
    for script in [&same, &other] {
        fs::write(script, "printf 1234567").unwrap();
    }
    let (shasums, sames) = (sha256(shasum), sha256(&same));
    settle(&other);
    let stopped = Stopped::new(&bed);
    talk(&server, Command::new(shasum).arg("--version"));
    for script in [&same, &other] {
        talk(&server, Command::new("dash").arg(script));
    }
    fs::write(&other, "printf 7654321").unwrap();
    drop(stopped);
    let rows = bed.query(&["application", "script"]).await;
    let mut found: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let key = |name: &str| row.keys.get(name).map(String::as_str).unwrap_or_default();
            Some((key("application"), row.keys.get("script_path")?.as_str(), key("script_sha256")))
        })
        .collect();
    found.sort_unstable();
    let [of_same, of_other] =
        [&same, &other].map(|script| format!("script:/usr/bin/dash:{}", script.display()));
    let expected = [
        ("deb:perl:/usr/bin/shasum", "/usr/bin/shasum", shasums.as_str()),
        (&of_other, other.to_str().unwrap(), ""),
        (&of_same, same.to_str().unwrap(), &sames),
    ];
    assert_eq!(found, expected);
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

/// What is written after the start is what the interpreter may have read, and may be the next one's: it says nothing.
#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_script_that_is_rewritten_after_its_start_never_has_what_was_written() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let (mut first, mut later) = (HashMap::new(), HashMap::new());
    for turn in 0..96_u64 {
        let script = bed.programs.path(&format!("{turn}.sh"));
        // A shell reads a short script as a whole before it runs it.
        fs::write(
            &script,
            format!("printf {turn:07}; printf x >&2; [ $1 = ends ] || read -r nothing || :\n"),
        )
        .unwrap();
        first.insert(script.clone(), sha256(&script));
        if turn % 8 != 0 {
            settle(&script);
        }
        let ends = if turn % 2 == 0 { "ends" } else { "waits" };
        let mut command = Command::new("dash");
        command.arg(&script).arg(ends).stdin(Stdio::piped()).stderr(Stdio::piped());
        command.stdout(OwnedFd::from(TcpStream::connect(server.tcp_v4()).unwrap()));
        // A daemon that is late finds what was written.
        let stopped = (turn % 4 < 2).then(|| Stopped::new(&bed));
        let mut running = command.spawn().unwrap();
        running.stderr.take().unwrap().read_exact(&mut [0]).unwrap();
        thread::sleep(Duration::from_millis(turn % 12));
        let written = format!("printf another{turn}\n");
        if turn % 3 == 0 {
            let next = script.with_extension("next");
            fs::write(&next, &written).unwrap();
            fs::rename(&next, &script).unwrap();
        } else {
            fs::write(&script, &written).unwrap();
        }
        later.insert(script.clone(), sha256(&script));
        drop(stopped);
        thread::sleep(Duration::from_millis(3));
        drop(running.stdin.take());
        assert!(running.wait().unwrap().success());
    }
    let rows = bed.query(&["script"]).await;
    let mut found = [0; 4];
    for row in rows.iter().filter(|row| row.keys.get("script_path").is_some_and(|path| path.ends_with(".sh")))
    {
        let (path, sha256) = (Path::new(&row.keys["script_path"]), row.keys.get("script_sha256"));
        let is = |known: &HashMap<PathBuf, String>| sha256 == known.get(path);
        found[[is(&first), is(&later), sha256.is_none_or(String::is_empty), true]
            .iter()
            .position(|is| *is)
            .unwrap()] += 1;
    }
    let [first, later, unknown, other] = found;
    eprintln!("what ran: {first}, what was written later: {later}, unknown: {unknown}");
    assert_eq!((later, other, first + unknown), (0, 0, 96), "{rows:#?}");
    assert!(first > 0, "nothing is known of any script");
}
