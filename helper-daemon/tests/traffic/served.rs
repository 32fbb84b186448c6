//! Programs in a filesystem that a program serves, and that program stops to answer.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::{fd::AsRawFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portolan_testbed::{Folder, built};
use rustix::{
    mount::{MountFlags, UnmountFlags, mount, unmount},
    process::Signal,
};

use crate::bed::{Bed, PATIENCE, run, sha256};

/// Operations of the protocol (linux/fuse.h).
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

const NOT_FOUND: i32 = -2;
const NOT_IMPLEMENTED: i32 = -38;
const ROOT: u64 = 1;
const PROGRAM: u64 = 2;

/// A mount with one program in it, served by a thread of this test. Dropping it ends the connection, which answers everybody.
struct Served {
    place: PathBuf,
    connection: Arc<File>,
    /// Threads of daemons and their children that have asked and were not told.
    unanswered: Arc<Mutex<Vec<u32>>>,
    gone: Arc<AtomicBool>,
}

impl Served {
    /// Serves a copy of `program`; no daemon gets an answer to one operation.
    fn mount(folder: &Path, program: &Path, silent_at: u32) -> Self {
        let place = folder.join("served");
        fs::create_dir(&place).unwrap();
        let connection = Arc::new(File::options().read(true).write(true).open("/dev/fuse").unwrap());
        let options =
            format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", connection.as_raw_fd());
        let options = std::ffi::CString::new(options).unwrap();
        mount("test", &place, "fuse", MountFlags::empty(), options.as_c_str()).unwrap();
        let served = Self { place, connection, unanswered: Arc::default(), gone: Arc::default() };
        let file = File::open(program).unwrap();
        let daemon = built("portoland").unwrap();
        let (connection, unanswered) = (Arc::clone(&served.connection), Arc::clone(&served.unanswered));
        let gone = Arc::clone(&served.gone);
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while !gone.load(Ordering::Relaxed)
                && let Ok(length) = (&*connection).read(&mut buffer)
            {
                let request = Request(&buffer[..length]);
                if request.operation() == silent_at && request.program().is_some_and(|path| path == daemon) {
                    unanswered.lock().unwrap().push(request.thread());
                } else if let Some((error, content)) = answer(&request, &file) {
                    let length = u32::try_from(16 + content.len()).unwrap();
                    let head = [length.to_ne_bytes(), error.to_ne_bytes()].concat();
                    // The request may have been given up.
                    drop((&*connection).write(&[&head, request.number(), &content].concat()));
                }
            }
        });
        served
    }

    fn program(&self) -> PathBuf {
        self.place.join("program")
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

impl Drop for Served {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        if let Err(error) = unmount(&self.place, UnmountFlags::FORCE | UnmountFlags::DETACH) {
            println!("{} stays mounted: {error}", self.place.display());
        }
    }
}

/// `fuse_in_header`, and what follows it.
struct Request<'a>(&'a [u8]);

impl Request<'_> {
    fn u32_at(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.0[offset..offset + 4].try_into().unwrap())
    }

    fn u64_at(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.0[offset..offset + 8].try_into().unwrap())
    }

    fn operation(&self) -> u32 {
        self.u32_at(4)
    }

    fn number(&self) -> &[u8] {
        &self.0[8..16]
    }

    fn node(&self) -> u64 {
        self.u64_at(16)
    }

    fn thread(&self) -> u32 {
        self.u32_at(32)
    }

    /// What the thread runs.
    fn program(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.thread())).ok()
    }
}

/// An error, or 0 and the content of the answer; `None` for what wants none.
fn answer(request: &Request<'_>, program: &File) -> Option<(i32, Vec<u8>)> {
    let size = program.metadata().unwrap().len();
    Some(match request.operation() {
        FORGET | BATCH_FORGET | INTERRUPT => return None,
        // Version 7.31, no extras; 64 bytes.
        INIT => {
            (0, words(&[7, 31, 1 << 16, 0, 12 | 9 << 16, 1 << 16, 1]).into_iter().chain([0; 36]).collect())
        }
        LOOKUP if request.0[40..].starts_with(b"program\0") => {
            let head = [PROGRAM, 0, 60, 60, 0];
            (0, [longs(&head), attributes(PROGRAM, size)].concat())
        }
        LOOKUP => (NOT_FOUND, Vec::new()),
        GETATTR => (0, [longs(&[60, 0]), attributes(request.node(), size)].concat()),
        OPEN => (0, longs(&[0, 0])),
        READ => {
            let mut content = vec![0; usize::try_from(request.u32_at(56)).unwrap()];
            let length = program.read_at(&mut content, request.u64_at(48)).unwrap();
            content.truncate(length);
            (0, content)
        }
        RELEASE => (0, Vec::new()),
        _ => (NOT_IMPLEMENTED, Vec::new()),
    })
}

/// `fuse_attr`.
fn attributes(node: u64, size: u64) -> Vec<u8> {
    let (mode, size) = if node == ROOT { (0o40_755, 0) } else { (0o100_755, size) };
    let times = words(&[0, 0, 0]);
    [longs(&[node, size, size / 512, 1, 1, 1]), times, words(&[mode, 1, 0, 0, 0, 4096, 0])].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn longs(longs: &[u64]) -> Vec<u8> {
    longs.iter().flat_map(|long| long.to_ne_bytes()).collect()
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
async fn nothing_waits_for_a_server_that_is_silent_at(operation: u32) {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let original = bed.programs.copy("original");
    let folder = Folder::for_everybody().unwrap();
    let served = Served::mount(folder.path(), &original, operation);
    let mut command = Command::new(served.program());
    command.args(["steady-udp", &format!("127.0.0.1:{}", server.udp)]);
    let hanging = Running(
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap(),
    );
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
            || opened == served.program()
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
    nothing_waits_for_a_server_that_is_silent_at(OPEN).await;
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_server_that_never_gives_its_file_keeps_nobody_waiting() {
    nothing_waits_for_a_server_that_is_silent_at(READ).await;
}
