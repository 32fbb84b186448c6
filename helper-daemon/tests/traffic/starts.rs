//! What a daemon does that cannot start, or not as it should.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use portolan_testbed::{Daemon, DaemonOptions, Folder, Polkit, PrivateBus};

use crate::bed::{Bed, PATIENCE, proxy, run};

/// Starts a daemon that has to fail, and returns what it says.
fn refusal(bus: &PrivateBus, options: &DaemonOptions) -> String {
    let mut daemon = Daemon::spawn(bus, options).unwrap();
    let status = daemon.program().ended(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(1), "{}", daemon.stderr());
    let said = daemon.stderr();
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn a_wrong_configuration_is_refused_with_its_place() {
    let bus = PrivateBus::start(&Polkit::default()).unwrap();
    let said = refusal(
        &bus,
        &DaemonOptions { config: "[recording]\ntick = \"fast\"\n".into(), ..DaemonOptions::default() },
    );
    assert!(said.contains("portolan.toml") && said.contains("portolan.toml:2:8: recording.tick"), "{said}");
}

#[test]
#[ignore = "needs root, eBPF and a private bus"]
fn a_state_directory_that_cannot_be_written_is_named() {
    let bus = PrivateBus::start(&Polkit::default()).unwrap();
    let options = DaemonOptions { state_dir: Some("/proc/portolan".into()), ..DaemonOptions::default() };
    let said = refusal(&bus, &options);
    assert!(said.contains("/proc/portolan") && said.contains("--state-dir"), "{said}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_second_daemon_on_the_same_bus_ends_and_the_first_goes_on() {
    let bed = Bed::start();
    let said = refusal(&bed.bus, &DaemonOptions::default());
    assert!(said.to_lowercase().contains("another portoland is running"), "{said}");
    let server = bed.programs.server();
    let program = bed.programs.copy("still");
    run(&program, &["tcp", &server.tcp_v4(), "42"]);
    assert_eq!(bed.moved(&program).await.0, 42);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_history_that_is_no_database_is_put_aside_and_said() {
    let folder = Folder::for_everybody().unwrap();
    let state_dir = folder.make_dir("state", 0o700).unwrap();
    fs::write(state_dir.join("history.sqlite"), "this is my diary").unwrap();
    let bed =
        Bed::start_with(&DaemonOptions { state_dir: Some(state_dir.clone()), ..DaemonOptions::default() });
    let status = proxy(bed.bus.address()).await.status().await.unwrap();
    assert!(status.notes.iter().any(|note| note.contains("put aside")), "{:?}", status.notes);
    let kept = fs::read_dir(&state_dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("damaged"))
        .unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), "this is my diary");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_bus_that_dies_stops_no_counting() {
    let mut bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("unwatched");
    bed.bus.kill();
    run(&program, &["tcp", &server.tcp_v4(), "31337"]);
    assert!(bed.daemon.stop().unwrap().success(), "{}", bed.daemon.stderr());
    let reader = portolan_history::Reader::open(&bed.daemon.history_path()).unwrap();
    let answer = reader.answer(&Default::default(), &Default::default()).unwrap();
    assert_eq!(answer.total.bytes.tx, 31_337);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn sockets_that_are_closed_while_the_programs_are_attached_lose_nothing() {
    let is_over = AtomicBool::new(false);
    let bed = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.send_to(&[1; 300], socket.local_addr().unwrap()).unwrap();
            }
        });
        let bed = Bed::start();
        is_over.store(true, Ordering::Relaxed);
        bed
    });
    let (proxy, until) = (bed.proxy().await, Instant::now() + Duration::from_secs(20));
    // Others may move bytes all the time: what is missing for ever is missing right after each reading.
    while bed.moved(&std::env::current_exe().unwrap()).await.0 == 0
        || proxy.status().await.unwrap().ledger.difference != 0
    {
        assert!(Instant::now() < until, "{:?}", proxy.status().await.unwrap().ledger);
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_connection_that_waited_to_be_accepted_is_counted_from_its_first_byte() {
    const SENT: usize = 5000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(&[1; SENT]).unwrap();
    let bed = Bed::start();
    let mut accepted = listener.accept().unwrap().0;
    accepted.read_exact(&mut [0; SENT]).unwrap();
    let received = bed.moved(&std::env::current_exe().unwrap()).await.1;
    assert_eq!(received, u64::try_from(SENT).unwrap());
}
