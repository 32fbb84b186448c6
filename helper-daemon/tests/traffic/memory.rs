//! Programs that are in memory only: the kernel does not deny writing to them through the descriptor that made them.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    os::fd::AsRawFd,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portolan_bus::QueryRow;
use rustix::fs::{MemfdFlags, memfd_create};

use crate::bed::{Bed, sha256};

const COUNT: usize = 20;
/// More than the longest tick of a kernel, and than what the daemon adds to it.
const SETTLED: Duration = Duration::from_millis(20);

/// A copy that is started by its descriptor.
fn in_memory(name: &str, program: &Path) -> File {
    let mut file = File::from(memfd_create(name, MemfdFlags::empty()).unwrap());
    io::copy(&mut File::open(program).unwrap(), &mut file).unwrap();
    file
}

/// Returns as soon as the kernel lets who called vfork go on: the exec is not over then.
fn start(file: &File, address: &str) -> Child {
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    command.args(["patient", address, "1000"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Waits until it has its connection.
fn is_connected(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "connected\n");
}

/// Makes this thread and what it starts share a CPU, of which this thread gets all that it wants.
fn come_first() {
    let thread = rustix::thread::gettid().to_string();
    for command in [
        ["taskset", "--cpu-list", "--pid", "0", &thread].as_slice(),
        &["chrt", "--fifo", "--reset-on-fork", "--pid", "1", &thread],
    ] {
        assert!(
            Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).status().unwrap().success()
        );
    }
}

fn named<'a>(rows: &'a [QueryRow], name: &str) -> Vec<(&'a str, u64)> {
    let path = format!("/memfd:{name}");
    let of_it = rows.iter().filter(|row| row.keys.get("path") == Some(&path));
    of_it.map(|row| (row.keys["sha256"].as_str(), row.tx_bytes)).collect()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_altered_while_its_exec_is_under_way_has_no_name_and_what_is_left_alone_has_its_own() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("program");
    let address = server.tcp_v4();
    let copied = program.clone();
    let launcher = thread::spawn(move || {
        let alone = in_memory("alone", &copied);
        let mut altered: Vec<File> = (0..COUNT).map(|_| in_memory("altered", &copied)).collect();
        thread::sleep(SETTLED);
        come_first();
        let mut running: Vec<Child> = (0..COUNT).map(|_| start(&alone, &address)).collect();
        for file in &mut altered {
            running.push(start(file, &address));
            file.write_all(b"what was never executed").unwrap();
            // Its exec goes on when the file looks as if it had been like this for long.
            let written = Instant::now();
            while written.elapsed() < SETTLED {}
            is_connected(running.last_mut().unwrap());
        }
        running
    });
    let mut running = launcher.join().unwrap();
    running[..COUNT].iter_mut().for_each(is_connected);
    // The daemon has seen them all; who is gone before has no file any more that could be opened.
    bed.query(&[]).await;
    for child in &mut running {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    let rows = bed.query(&["executable"]).await;
    assert_eq!(named(&rows, "altered"), []);
    let all = u64::try_from(COUNT).unwrap() * 1000;
    assert_eq!(named(&rows, "alone"), [(sha256(&program).as_str(), all)]);
    let status = bed.proxy().await.status().await.unwrap();
    assert!(status.attribution.unattributed["file-changed"] >= all, "{:?}", status.attribution);
}
