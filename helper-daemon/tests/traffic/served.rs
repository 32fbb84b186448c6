//! Programs in a filesystem that a program serves, and that program stops to answer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portolan_testbed::{Folder, built};
use rustix::process::Signal;

use crate::{
    bed::{Bed, PATIENCE, run, sha256},
    fuse::{Mount, OPEN, READ},
};

/// A mount with one program in it. Dropping it ends the connection, which answers everybody.
struct Served {
    mount: Mount,
    /// Threads of daemons and their children that have asked and were not told.
    unanswered: Arc<Mutex<Vec<u32>>>,
}

impl Served {
    /// Serves a copy of `program`; no daemon gets an answer to one operation.
    fn mount(folder: &Path, program: &Path, silent_at: u32) -> Self {
        let daemon = built("portoland").unwrap();
        let unanswered = Arc::<Mutex<Vec<u32>>>::default();
        let asked = Arc::clone(&unanswered);
        let mount = Mount::of(folder, program, move |request| {
            let is_answered =
                request.operation() != silent_at || request.program().is_none_or(|path| path != daemon);
            if !is_answered {
                asked.lock().unwrap().push(request.thread());
            }
            is_answered
        });
        Self { mount, unanswered }
    }

    /// Starts the program where it is to be found.
    fn start(&self, place: At, words: &[&str]) -> Running {
        let served = self.mount.file();
        let mut command = match place {
            At::Server => Command::new(&served),
            At::Overlay | At::OverlayOfUser => {
                let mut command = Command::new("unshare");
                let layer = "mkdir $1; mount -t tmpfs t $1; mkdir $1/a $1/o; \
                             mount -t overlay -o lowerdir=$2:$1/a o $1/o; p=$1/o/program; shift 2; exec $p \"$@\"";
                let folder = served.parent().unwrap();
                command
                    .arg(if place == At::Overlay { "-m" } else { "-Urm" })
                    .args(["sh", "-ec", layer, "sh"]);
                command.arg(folder.with_extension("over")).arg(folder);
                command
            }
        };
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::null());
        Running(command.spawn().unwrap())
    }

    /// Who has asked.
    fn wait_until_asked(&self) -> u32 {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(first) = self.unanswered.lock().unwrap().first() {
                return *first;
            }
            assert!(Instant::now() < until, "the daemon never asked");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Where a served program is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Server,
    /// In an overlay that names the served folder as a layer.
    Overlay,
    /// The same, made by somebody without rights.
    OverlayOfUser,
}

/// A program of the mount, which may hang in it for ever. Dropping it ends it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a process has open.
fn opened_by(pid: u32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).collect()
}

fn is_gone(pid: u32) -> bool {
    // Nobody may have waited for it yet.
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// A served program runs and talks; then the server does not answer the daemon. All else must go on.
async fn nothing_waits_for_a_server_that_is_silent_at(operation: u32, place: At) {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let original = bed.programs.copy("original");
    let folder = Folder::for_everybody().unwrap();
    let served = Served::mount(folder.path(), &original, operation);
    let hanging = served.start(place, &["steady-udp", &format!("127.0.0.1:{}", server.udp)]);
    let asking = served.wait_until_asked();
    let other = bed.programs.copy("other");
    let begun = Instant::now();
    for turn in 1..=5 {
        run(&other, &["tcp", &server.tcp_v4(), "1000"]);
        assert_eq!(bed.moved(&other).await, (turn * 1000, 0, turn), "{:?}", begun.elapsed());
    }
    let rows = bed.query(&["executable"]).await;
    let named =
        rows.iter().find(|row| row.keys.get("path").is_some_and(|path| path == other.to_str().unwrap()));
    assert_eq!(named.unwrap().keys["sha256"], sha256(&other));
    // Each question may wait for the hash that never comes, up to its patience; the recorder does not.
    let asked = Instant::now();
    bed.proxy().await.status().await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());

    // The kernel ends nobody who has asked such a server before that has answered, or is gone: that must not be the daemon.
    bed.daemon.program().signal(Signal::KILL);
    bed.daemon.program().ended(Duration::from_secs(1)).expect("a daemon that was killed is gone");
    bed.daemon.start_again(None).unwrap();
    bed.wait_until_ready();
    assert!(!is_gone(asking), "the server was not silent");
    for opened in opened_by(asking) {
        let is_its_own = opened == Path::new("/dev/null")
            || opened.file_name() == served.mount.file().file_name()
            || opened.to_str().unwrap().starts_with("pipe:");
        assert!(is_its_own, "{} is the daemon's", opened.display());
    }
    run(&other, &["tcp", &server.tcp_v4(), "1000"]);
    assert_eq!(bed.moved(&other).await, (6000, 0, 6));
    assert!(bed.daemon.stop().unwrap().success(), "{}", bed.daemon.stderr());
    drop(served);
    let until = Instant::now() + PATIENCE;
    while !is_gone(asking) {
        assert!(Instant::now() < until, "who asked stays when the server is gone");
        thread::sleep(Duration::from_millis(10));
    }
    drop(hanging);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_server_that_never_opens_its_file_keeps_nobody_waiting() {
    nothing_waits_for_a_server_that_is_silent_at(OPEN, At::Server).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_server_that_never_gives_its_file_keeps_nobody_waiting() {
    nothing_waits_for_a_server_that_is_silent_at(READ, At::Server).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_server_below_an_overlay_keeps_nobody_waiting() {
    for place in [At::Overlay, At::OverlayOfUser] {
        for operation in [OPEN, READ] {
            println!("{place:?}, {operation}");
            nothing_waits_for_a_server_that_is_silent_at(operation, place).await;
        }
    }
}
