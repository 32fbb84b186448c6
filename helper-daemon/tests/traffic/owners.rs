//! Sockets that are not simply one program's.

use std::{
    io::{Read, Write},
    net::{SocketAddr, UdpSocket},
    path::Path,
    thread,
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType, accept, bind, connect, getsockname, ipproto, listen,
    recv, send, socket,
};

use crate::bed::Bed;

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn mptcp_is_the_programs_and_its_subflows_are_nobodys() {
    let bed = Bed::start();
    let stream = || socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::MPTCP)).unwrap();
    let (listener, client) = (stream(), stream());
    bind(&listener, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    connect(&client, &SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap()).unwrap();
    let server = accept(&listener).unwrap();
    let mut buffer = [0; 5000];
    for (from, to, size) in [(&server, &client, 300), (&client, &server, 5000)] {
        assert_eq!(send(from, &buffer[..size], SendFlags::empty()).unwrap(), size);
        let mut received = 0;
        while received < size {
            received += recv(to, &mut buffer, RecvFlags::empty()).unwrap().1;
        }
    }
    let this = std::env::current_exe().unwrap();
    assert_eq!(bed.moved(&this).await, (5300, 5300, 2), "in use");
    drop((client, server, listener));
    assert_eq!(bed.moved(&this).await, (5300, 5300, 2), "closed");
    let rows = bed.query(&["executable", "protocol", "direction"]).await;
    let of_it = rows.iter().filter(|row| row.keys.get("path").is_some_and(|path| Path::new(path) == this));
    let mut seen: Vec<_> = of_it
        .map(|row| {
            (row.keys["protocol"].as_str(), row.keys["direction"].as_str(), row.tx_bytes, row.rx_bytes)
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [("tcp", "inbound", 300, 5000), ("tcp", "outbound", 5000, 300)]);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn who_changes_its_user_is_charged_as_both() {
    let bed = Bed::start();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.connect(other.local_addr().unwrap()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut server = listener.accept().unwrap().0;
    thread::spawn(move || {
        datagrams.send(&[1; 100]).unwrap();
        stream.write_all(&[1; 10]).unwrap();
        // SAFETY: the call takes no pointer. It is the system call because libc's changes every thread's user.
        assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, 65_534, 65_534, 65_534) }, 0);
        datagrams.send(&[1; 1000]).unwrap();
        stream.write_all(&[1; 20]).unwrap();
    })
    .join()
    .unwrap();
    server.read_exact(&mut [0; 30]).unwrap();
    let this = std::env::current_exe().unwrap();
    let rows = bed.query(&["executable", "user"]).await;
    let of = |uid: &str| {
        let row = rows.iter().find(|row| {
            row.keys.get("path").is_some_and(|path| Path::new(path) == this) && row.keys["user"] == uid
        });
        row.map(|row| (row.tx_bytes, row.rx_bytes))
    };
    assert_eq!((of("0"), of("65534")), (Some((110, 30)), Some((1020, 0))));
}
