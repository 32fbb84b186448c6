//! Every kind of call on every family, once: what older kernels count in other places than newer ones (bpf/c/older.h).
//! The bytes are this test's own; each case has sockets of its own, told apart by protocol or port.

use std::{
    fs::File,
    io::{IoSlice, Read, Write},
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use portolan_bus::QueryRow;
use rustix::{
    fs::sendfile,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, recv, send, sendto, socket,
        sockopt::set_socket_timeout,
    },
    pipe::{SpliceFlags, pipe, splice},
};

use crate::{
    bed::{Bed, Programs},
    unusual::connected,
};

/// Sent and received by this test, of the rows that `wanted` takes.
async fn moved(bed: &Bed, wanted: impl Fn(&QueryRow) -> bool) -> (u64, u64) {
    let own = std::env::current_exe().unwrap();
    let rows = bed.query_program(&own, &["remote", "port", "protocol"]).await;
    rows.iter()
        .filter(|row| wanted(row))
        .fold((0, 0), |sum, row| (sum.0 + row.tx_bytes, sum.1 + row.rx_bytes))
}

fn udp(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(crate::bed::PATIENCE)).unwrap();
    socket
}

/// A pair of connected sockets.
fn udp_pair(address: &str) -> (UdpSocket, UdpSocket) {
    let (one, other) = (udp(address), udp(address));
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

fn file_of(bytes: usize) -> File {
    let programs = Programs::new();
    let path = programs.copy("content");
    std::fs::write(&path, vec![5; bytes]).unwrap();
    File::open(path).unwrap()
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_sendfile_and_splice_send_is_counted_once() {
    let bed = Bed::start();
    let file = file_of(100_000);
    let send_all = |to: &dyn AsFd, count: usize| {
        let mut offset = 0;
        while offset < u64::try_from(count).unwrap() {
            let left = count - usize::try_from(offset).unwrap();
            assert_ne!(sendfile(to.as_fd(), &file, Some(&mut offset), left).unwrap(), 0);
        }
    };
    let (mut client, mut server) = connected();
    send_all(&client, 100_000);
    server.read_exact(&mut vec![0; 100_000]).unwrap();
    let (read_end, write_end) = pipe().unwrap();
    File::from(write_end).write_all(&[1; 3000]).unwrap();
    assert_eq!(splice(&read_end, None, &client, None, 3000, SpliceFlags::empty()).unwrap(), 3000);
    server.read_exact(&mut [0; 3000]).unwrap();
    client.write_all(b"more").unwrap();
    server.read_exact(&mut [0; 4]).unwrap();
    let tcp = moved(&bed, |row| row.keys["protocol"] == "tcp").await;
    assert_eq!(tcp, (103_004, 103_004));

    for (address, sum) in [("127.0.0.1:0", 5000), ("[::1]:0", 10_000)] {
        let (one, other) = udp_pair(address);
        send_all(&one, 5000);
        let mut received = 0;
        while received < 5000 {
            received += other.recv(&mut [0; 9000]).unwrap();
        }
        let udp = moved(&bed, |row| row.keys["protocol"] == "udp").await;
        assert_eq!((received, udp), (5000, (sum, sum)), "{address}");
    }
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn the_peers_of_datagrams_that_name_them_are_known_on_both_sides() {
    let bed = Bed::start();
    for (from, to) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
        ("[::]:0", "127.0.0.1:0"),
        ("0.0.0.0:0", "[::]:0"),
    ] {
        let (sender, receiver) = (udp(from), udp(to));
        let port = receiver.local_addr().unwrap().port();
        let host = match (from, to) {
            ("[::]:0", _) => "::ffff:127.0.0.1",
            ("[::1]:0", _) => "::1",
            _ => "127.0.0.1",
        };
        let address = SocketAddr::new(host.parse().unwrap(), port);
        sender.send_to(&[1; 300], address).unwrap();
        let mut buffer = [0; 1000];
        assert_eq!(receiver.peek_from(&mut buffer).unwrap().0, 300);
        assert_eq!(receiver.recv_from(&mut buffer).unwrap().0, 300);
        // Both rows are of the port that was served.
        let host = host.trim_start_matches("::ffff:");
        let row = |row: &QueryRow| row.keys["port"] == port.to_string() && row.keys["remote"] == host;
        assert_eq!(moved(&bed, row).await, (300, 300), "{from} to {to}");
    }
    assert_eq!(moved(&bed, |_| true).await, (1200, 1200));
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn many_datagrams_in_one_call_are_all_counted() {
    let bed = Bed::start();
    let (one, other) = udp_pair("127.0.0.1:0");
    let data = [1_u8; 700];
    let slices = [IoSlice::new(&data)];
    let mut messages: Vec<_> = (0..5).map(|_| message(&slices)).collect();
    // SAFETY: the messages point to `slices`, which points to `data`; both live on.
    let sent = unsafe { libc::sendmmsg(one.as_raw_fd(), messages.as_mut_ptr(), 5, 0) };
    assert_eq!(sent, 5);
    let mut received = 0;
    while received < 3500 {
        received += other.recv(&mut [0; 1000]).unwrap();
    }
    assert_eq!(moved(&bed, |row| row.keys["protocol"] == "udp").await, (3500, 3500));
}

fn message(slices: &[IoSlice<'_>]) -> libc::mmsghdr {
    // SAFETY: all zeros is a message without anything.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_iov = slices.as_ptr().cast_mut().cast();
    message.msg_hdr.msg_iovlen = slices.len();
    message
}

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn raw_sockets_and_frames_are_counted() {
    let bed = Bed::start();
    // 253 is for experiments (RFC 3692).
    let protocol = Protocol::from_raw(253.try_into().unwrap());
    let mut buffer = [0; 1000];
    let mut raw = |family, address: SocketAddr| {
        let (one, other) = (
            socket(family, SocketType::RAW, Some(protocol)).unwrap(),
            socket(family, SocketType::RAW, Some(protocol)).unwrap(),
        );
        set_socket_timeout(&other, rustix::net::sockopt::Timeout::Recv, Some(crate::bed::PATIENCE)).unwrap();
        assert_eq!(sendto(&one, &[1; 100], SendFlags::empty(), &address).unwrap(), 100);
        u64::try_from(recv(&other, &mut buffer, RecvFlags::empty()).unwrap().1).unwrap()
    };
    let received = raw(AddressFamily::INET, "127.0.0.1:0".parse().unwrap());
    assert_eq!(received, 120, "with the IP header");
    let received = received + raw(AddressFamily::INET6, "[::1]:0".parse().unwrap());
    assert_eq!(moved(&bed, |_| true).await, (200, received));

    let (one, other) = (frames(), frames());
    let frame = [&[0; 12], [0x88, 0xb5].as_slice(), &[7; 50]].concat();
    assert_eq!(send(&one, &frame, SendFlags::empty()).unwrap(), 64);
    assert_eq!(recv(&other, &mut buffer, RecvFlags::empty()).unwrap().1, 64);
    assert_eq!(moved(&bed, |_| true).await, (264, received + 64));
}

/// A socket of frames on loopback, of a protocol for experiments (IEEE 802 0x88B5).
fn frames() -> OwnedFd {
    let protocol = 0x88b5_u16.to_be();
    // SAFETY: the call takes no pointer; what it gives is ours alone.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, i32::from(protocol));
        assert!(fd >= 0);
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: all zeros is an address without anything.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
    address.sll_protocol = protocol;
    address.sll_ifindex = 1; // loopback, everywhere
    let size = libc::socklen_t::try_from(size_of_val(&address)).unwrap();
    // SAFETY: the kernel reads `size` bytes at the pointer, which is to an address of that size.
    let result = unsafe { libc::bind(socket.as_raw_fd(), std::ptr::from_ref(&address).cast(), size) };
    assert_eq!(result, 0);
    socket
}
