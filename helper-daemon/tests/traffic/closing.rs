//! How sockets end.

use std::{
    collections::HashSet,
    net::{SocketAddr, TcpListener, UdpSocket},
};

use portolan_testbed::DaemonOptions;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SendFlags, SocketFlags, SocketType, bind, connect, getsockname, listen, sendto,
        socket, socket_with,
    },
};

use crate::bed::Bed;

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn connections_that_nobody_answers_are_each_a_flow() {
    let bed = Bed::start();
    let stream = |flags| socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for _ in 0..6 {
        assert_eq!(connect(stream(SocketFlags::empty()), &refusing), Err(Errno::CONNREFUSED));
    }
    // A listener with one connection in its queue, which is full: the next ones wait until they give up.
    let busy = stream(SocketFlags::empty());
    bind(&busy, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&busy, 0).unwrap();
    let silent = SocketAddr::try_from(getsockname(&busy).unwrap()).unwrap();
    let _first = std::net::TcpStream::connect(silent).unwrap();
    for _ in 0..3 {
        assert_eq!(connect(stream(SocketFlags::NONBLOCK), &silent), Err(Errno::INPROGRESS));
    }
    let this = std::env::current_exe().unwrap();
    let rows = bed.query_program(&this, &["direction", "port", "local_port"]).await;
    let local_ports = |remote: SocketAddr| -> HashSet<&str> {
        rows.iter()
            .filter(|row| {
                row.keys["direction"] == "outbound" && row.keys["port"] == remote.port().to_string()
            })
            .filter_map(|row| row.keys.get("local_port").map(String::as_str))
            .collect()
    };
    assert_eq!((local_ports(refusing).len(), local_ports(silent).len()), (6, 1 + 3), "{rows:?}");
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn more_sockets_than_the_list_holds_may_close_between_two_readings() {
    let options =
        DaemonOptions { config: "[recording]\ntick = \"10 s\"\n".into(), ..DaemonOptions::default() };
    let bed = Bed::start_with(&options);
    bed.query(&[]).await;
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    const COUNT: u64 = 20_000;
    for _ in 0..COUNT {
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
        sendto(&socket, &[1; 3], SendFlags::empty(), &peer).unwrap();
    }
    let (tx, rx, _) = bed.moved(&std::env::current_exe().unwrap()).await;
    assert_eq!((tx, rx), (3 * COUNT, 0));
    let losses = bed.proxy().await.status().await.unwrap().losses;
    assert!(losses.values().all(|count| *count == 0), "{losses:?}");
}
