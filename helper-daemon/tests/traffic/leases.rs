//! Whoever has a write lease on a file lets everybody wait who opens it; not the thread that reads what was executed.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::exec_facts::Watch;

/// Takes a write lease and gives it back when its standard input ends, whoever waits for it.
const HOLDER: &str = "
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('taken', flush=True)
sys.stdin.read()
";

fn take_lease(path: &Path) -> Child {
    let mut holder = Command::new("/usr/bin/python3");
    holder.args(["-c", HOLDER]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "taken\n");
    holder
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn nobody_waits_for_a_lease_on_an_executed_file() {
    let mut watch = Watch::start();
    let leased = watch.folder.path().join("leased");
    fs::copy("/bin/true", &leased).unwrap();
    let run = || assert!(Command::new(&leased).status().unwrap().success());
    // Each row: whether it is leased, and whether its descriptor comes.
    for (is_leased, comes) in [(false, true), (true, false), (false, true)] {
        while !watch.files().is_empty() {}
        run();
        let holder = is_leased.then(|| take_lease(&leased));
        assert!(Command::new("/bin/true").status().unwrap().success());
        let begun = Instant::now();
        let mut files = watch.files();
        assert!(!files.is_empty(), "one that cannot be opened is not the end of the queue");
        loop {
            let more = watch.files();
            if more.is_empty() {
                break;
            }
            files.extend(more);
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(files.contains(&leased), comes);
        assert!(files.iter().any(|path| path.ends_with("bin/true")), "{files:?}");
        if let Some(mut holder) = holder {
            drop(holder.stdin.take());
            assert!(holder.wait().unwrap().success());
        }
    }
}
