//! Calls that few programs make. The bytes are this test's own.

use std::{
    io::{Read, Write},
    mem::MaybeUninit,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    time::Duration,
};

use portolan_bus::QueryRow;
use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvFlags, SendFlags, SocketType, ipproto, recv, recvmsg, send,
    },
    pipe::{SpliceFlags, pipe, splice},
};

use crate::bed::Bed;

/// What this test moved since it began: sent, received.
async fn moved(bed: &Bed) -> (u64, u64) {
    let (tx, rx, _) = bed.moved(&std::env::current_exe().unwrap()).await;
    (tx, rx)
}

pub(crate) fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn wait_for(socket: impl AsFd, flags: PollFlags) {
    let mut polled = [PollFd::new(&socket, flags)];
    assert_ne!(poll(&mut polled, Some(&Duration::from_secs(5).try_into().unwrap())).unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_splice_up_to_the_end_counts_the_bytes_and_not_the_end() {
    let bed = Bed::start();
    let (mut client, server) = connected();
    let (read_end, write_end) = pipe().unwrap();
    client.write_all(&[1; 5000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    wait_for(&server, PollFlags::RDHUP);
    let mut read_end = std::fs::File::from(read_end);
    let mut received = 0;
    loop {
        let count = splice(&server, None, &write_end, None, 60_000, SpliceFlags::empty()).unwrap();
        if count == 0 {
            break;
        }
        read_end.read_exact(&mut vec![0; count]).unwrap();
        received += count;
    }
    assert_eq!((received, moved(&bed).await), (5000, (5000, 5000)));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn an_urgent_byte_is_counted_when_it_is_read_and_only_then() {
    let bed = Bed::start();
    let mut buffer = [0; 10];
    let (client, mut server) = connected();
    send(&client, b"abc", SendFlags::OOB).unwrap();
    wait_for(&server, PollFlags::PRI);
    assert_eq!(recv(&server, &mut buffer[..1], RecvFlags::OOB).unwrap().1, 1);
    assert_eq!(server.read(&mut buffer).unwrap(), 2);
    assert_eq!(moved(&bed).await, (3, 3));
    // The next one is passed over.
    send(&client, b"def", SendFlags::OOB).unwrap();
    send(&client, b"gh", SendFlags::empty()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).unwrap();
    assert_eq!((rest.as_slice(), moved(&bed).await), (b"degh".as_slice(), (8, 7)));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_the_error_queue_gives_back_was_not_received() {
    let bed = Bed::start();
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    set(&socket, libc::IPPROTO_IP, libc::IP_RECVERR);
    socket.send_to(&[1; 300], nobody).unwrap();
    wait_for(&socket, PollFlags::ERR);
    let mut space = [MaybeUninit::uninit(); 512];
    let mut buffer = [0; 1000];
    let given = recvmsg(
        &socket,
        &mut [std::io::IoSliceMut::new(&mut buffer)],
        &mut RecvAncillaryBuffer::new(&mut space),
        RecvFlags::ERRQUEUE,
    );
    assert_eq!((given.unwrap().bytes, moved(&bed).await), (300, (300, 0)));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_is_only_looked_at_was_not_received() {
    let bed = Bed::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(socket.local_addr().unwrap()).unwrap();
    socket.send(&[1; 700]).unwrap();
    let mut buffer = [0; 1000];
    assert_eq!((socket.peek(&mut buffer).unwrap(), socket.peek_from(&mut buffer[..9]).unwrap().0), (700, 9));
    assert_eq!(moved(&bed).await, (700, 0));
    assert_eq!((socket.recv(&mut buffer).unwrap(), moved(&bed).await), (700, (700, 700)));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn empty_datagrams_are_a_flow_without_a_byte() {
    let bed = Bed::start();
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        sender.send_to(&[], receiver.local_addr().unwrap()).unwrap();
        assert_eq!(receiver.recv_from(&mut [0; 10]).unwrap(), (0, sender.local_addr().unwrap()));
    }
    assert_eq!(bed.moved(&std::env::current_exe().unwrap()).await, (0, 0, 2));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_raw_socket_of_tcp_is_no_tcp_connection() {
    let bed = Bed::start();
    let raw = rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::TCP)).unwrap();
    let (mut client, mut server) = connected();
    client.write_all(&[1; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    let mut heard = 0;
    let mut buffer = [0; 65_536];
    while let Ok((_, count)) = recv(&raw, &mut buffer, RecvFlags::DONTWAIT) {
        heard += u64::try_from(count).unwrap();
    }
    assert!(heard > 1000);
    assert_eq!(moved(&bed).await, (1000, 1000 + heard));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn a_socket_that_connects_again_is_another_flow() {
    let bed = Bed::start();
    let listeners = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    for (listener, count) in listeners.iter().zip([1000, 2000]) {
        rustix::net::connect(&socket, &listener.local_addr().unwrap()).unwrap();
        let mut server = listener.accept().unwrap().0;
        send(&socket, &vec![1; count], SendFlags::empty()).unwrap();
        server.read_exact(&mut vec![0; count]).unwrap();
        rustix::net::connect_unspec(&socket).unwrap();
    }
    // As a listener it hands none of that to the connections it accepts.
    rustix::net::bind(&socket, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    let listener = TcpListener::from(socket);
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut server = listener.accept().unwrap().0;
    client.write_all(&[1; 30]).unwrap();
    server.read_exact(&mut [0; 30]).unwrap();
    drop((client, server));

    let rows = bed.query(&["port"]).await;
    let of = |listener: &TcpListener| -> (u64, u64) {
        let port = listener.local_addr().unwrap().port().to_string();
        let row: &QueryRow = rows.iter().find(|row| row.keys.get("port") == Some(&port)).unwrap();
        (row.tx_bytes, row.rx_bytes)
    };
    assert_eq!((of(&listeners[0]), of(&listeners[1])), ((1000, 1000), (2000, 2000)));
    assert_eq!(of(&listener), (30, 30));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn sockets_that_come_and_go_while_many_are_read_are_counted_once() {
    let bed = Bed::start();
    let proxy = bed.proxy().await;
    let mut pairs: Vec<_> = (0..800).map(|_| connected()).collect();
    let mut sent = 0;
    let asking = tokio::spawn(async move {
        for _ in 0..60 {
            crate::bed::query(&proxy, &[]).await;
        }
    });
    let mut turn = 0;
    while !asking.is_finished() {
        let (client, server) = &mut pairs[turn % 800];
        client.write_all(&[1; 3]).unwrap();
        server.read_exact(&mut [0; 3]).unwrap();
        let (mut client, mut server) = connected();
        client.write_all(&[1; 10]).unwrap();
        server.read_exact(&mut [0; 10]).unwrap();
        sent += 13;
        turn += 1;
        tokio::task::yield_now().await;
    }
    asking.await.unwrap();
    drop(pairs);
    assert_eq!(moved(&bed).await, (sent, sent));
}

/// Turns a socket option on.
fn set(socket: &UdpSocket, level: libc::c_int, option: libc::c_int) {
    use std::os::fd::AsRawFd;
    let one: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&one)).unwrap();
    // SAFETY: the kernel reads `size` bytes at the pointer, which is to an integer of that size.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(&one).cast(), size) };
    assert_eq!(result, 0);
}
