use std::{path::Path, process::Command};

use portolan_bus::QueryRow;
use portolan_testbed::{Daemon, Polkit, PrivateBus, Program};

use crate::bed::{Bed, PATIENCE, Programs, run, sha256};

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn every_way_to_move_bytes_is_counted_to_the_byte() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let (tcp_v4, tcp_v6) = (server.tcp_v4(), server.tcp_v6());
    let (udp_v4, udp_v6) = (format!("127.0.0.1:{}", server.udp), format!("[::1]:{}", server.udp));
    // Datagrams are few enough for the server's buffer, so that none is dropped before it reads them.
    let cases: [(&str, Vec<&str>, u64, u64); 8] = [
        ("tcp-up", vec!["tcp", &tcp_v4, "1234567"], 1_234_567, 0),
        ("tcp-up-v6", vec!["tcp", &tcp_v6, "7654321"], 7_654_321, 0),
        ("tcp-down", vec!["tcp-down", &tcp_v4, "3000001"], 8, 3_000_001),
        ("tcp-down-v6", vec!["tcp-down", &tcp_v6, "20"], 3, 20),
        ("udp-v4", vec!["udp", &udp_v4, "50", "999"], 49_950, 0),
        ("udp-v6", vec!["udp", &udp_v6, "10", "1"], 10, 0),
        ("udp-connected", vec!["udp-connected", &udp_v4, "50", "1200"], 60_000, 0),
        ("nothing", vec!["tcp", &tcp_v4, "0"], 0, 0),
    ];
    for (name, arguments, tx, rx) in cases {
        let program = bed.programs.copy(name);
        run(&program, &arguments);
        assert_eq!(bed.moved(&program).await, (tx, rx, 1), "{name}");
    }
    let rows = bed.query(&["executable", "parent", "command"]).await;
    let row =
        rows.iter().find(|row| row.keys.get("path").is_some_and(|path| path.ends_with("/tcp-up"))).unwrap();
    let program = bed.programs.copy("tcp-up");
    assert_eq!(row.keys["sha256"], sha256(&program));
    assert_eq!(row.keys["parent_path"], std::env::current_exe().unwrap().to_str().unwrap());
    let peers = bed.query_program(&program, &["remote", "port", "protocol"]).await;
    let [peer] = &peers[..] else { panic!("{peers:?}") };
    assert_eq!(
        (peer.keys["remote"].as_str(), peer.keys["port"].clone(), peer.keys["protocol"].as_str()),
        ("127.0.0.1", server.tcp.to_string(), "tcp")
    );
    assert_eq!(bed.query_program(&program, &["user"]).await[0].keys["user"], "0");
    assert!(row.keys["command"].ends_with(&format!("/tcp-up tcp {} 1234567", server.tcp_v4())));
    let folder = program.parent().unwrap();
    let of_server = |is: bool| {
        rows.iter().filter(move |row| {
            let path = row.keys.get("path").map(Path::new);
            path.is_some_and(|path| path.starts_with(folder) && path.ends_with("server") == is)
        })
    };
    let sent: u64 = of_server(false).map(|row| row.tx_bytes).sum();
    let received: u64 = of_server(true).map(|row| row.rx_bytes).sum();
    assert_eq!(sent, received, "what the clients sent, the server received");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_socket_that_two_programs_use_is_charged_to_each_for_its_own_use() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let program = bed.programs.copy("shared");
    run(&program, &["fork", &server.tcp_v4(), "300001"]);
    let rows = bed.query(&["executable", "command"]).await;
    let sent = |what: &str| {
        let row = rows.iter().find(|row| row.keys.get("command").is_some_and(|line| line.contains(what)));
        row.map(|row| row.tx_bytes)
    };
    assert_eq!(sent("shared fork"), Some(150_000));
    assert_eq!(sent("shared inherited"), Some(150_001));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_socket_that_was_open_before_the_daemon_is_counted_from_then_on() {
    let programs = Programs::new();
    let server = programs.server();
    let path = programs.copy("patient");
    let mut command = Command::new(&path);
    command.args(["patient", &server.tcp_v4(), "250007"]);
    let mut patient = Program::start_with_stdin("patient", command).unwrap();
    patient.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(())).unwrap();
    let bus = PrivateBus::start(&Polkit::default()).unwrap();
    let daemon = Daemon::start(&bus).unwrap();
    patient.close_stdin();
    assert!(patient.ended(PATIENCE).unwrap().success());
    let bed = Bed { daemon, bus, programs };
    assert_eq!(bed.moved(&path).await, (250_007, 0, 1));
    let rows = bed.query(&["executable"]).await;
    let server = path.with_file_name("server");
    let of_it = |row: &&QueryRow| row.keys.get("path").is_some_and(|path| Path::new(path) == server);
    let server_row = rows.iter().find(of_it).unwrap();
    assert_eq!(server_row.rx_bytes, 250_007);
}
