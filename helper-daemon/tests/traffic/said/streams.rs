use std::{
    io::{IoSlice, Read, Write},
    net::{TcpListener, TcpStream},
};

use portolan_bpf::Way;
use portolan_core::{Direction, Protocol};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};

use super::listen;
use crate::unusual::connected;

#[test]
#[ignore = "needs root and eBPF"]
fn what_a_connection_says_first_is_heard_with_its_place_in_the_stream() {
    listen(|ear| {
        let (mut client, _server) = connected();
        client.write_all(b"G").unwrap();
        client.write_all(b"ET / HTTP/1.1\r\n").unwrap();
        let parts = [IoSlice::new(b"Ho"), IoSlice::new(b"st: "), IoSlice::new(b"a.test\r\n")];
        assert_eq!(client.write_vectored(&parts).unwrap(), 14);
        let parts = [IoSlice::new(b"\r"), IoSlice::new(b"\n")];
        sendmsg(&client, &parts, &mut SendAncillaryBuffer::default(), SendFlags::empty()).unwrap();
        let heard = ear.heard();
        let pieces: Vec<_> = heard.iter().map(|said| (said.offset, said.bytes.as_slice())).collect();
        let expected: [(u64, &[u8]); 4] =
            [(0, b"G"), (1, b"ET / HTTP/1.1\r\n"), (16, b"Host: a.test\r\n"), (30, b"\r\n")];
        assert_eq!(pieces, expected);
        let flow = heard[0].flow;
        assert_eq!((flow.protocol, flow.direction), (Protocol::Tcp, Direction::Outbound));
        assert_eq!(flow.remote.unwrap().port, client.peer_addr().unwrap().port());
        assert_eq!(flow.local.unwrap().port, client.local_addr().unwrap().port());

        // A call is heard when it begins within the first 4 KiB.
        client.write_all(&[b'x'; 5000]).unwrap();
        client.write_all(b"more").unwrap();
        assert_eq!(ear.heard_as(Way::Sent), [(32, vec![b'x'; 4096])]);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn what_begins_like_nothing_known_is_not_heard() {
    listen(|ear| {
        let (mut client, mut server) = connected();
        client.write_all(b"EHLO a.test\r\n").unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        server.write_all(b"220 b.test\r\n").unwrap();
        server.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        assert_eq!(ear.heard(), []);
        // Where a file was sent first, nothing is known of the beginning.
        let (mut client, _server) = connected();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"GET /").unwrap();
        assert_eq!(rustix::fs::sendfile(&client, &file, Some(&mut 0), 5).unwrap(), 5);
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        assert_eq!(ear.heard(), []);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn of_an_accepted_connection_only_how_it_begins_is_heard() {
    listen(|ear| {
        let (_client, mut server) = connected();
        server.write_all(b"HTTP/1.1 200 OK\r\nServer: a\r\n").unwrap();
        server.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        let heard = ear.heard();
        assert_eq!(heard.len(), 1);
        let said = &heard[0];
        assert_eq!((said.offset, said.bytes.as_slice()), (0, &b"HTTP/1.1 200 OK\r"[..]));
        assert_eq!(said.flow.direction, Direction::Inbound);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn a_connection_that_was_there_before_is_not_heard() {
    listen(|ear| {
        let (mut client, _server) = connected();
        // Who starts again finds it in use.
        let monitor = ear.monitor.take().unwrap();
        monitor.detach();
        ear.start();
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        assert_eq!(ear.heard(), []);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn an_answer_over_tcp_is_heard_in_the_pieces_it_is_read_in() {
    listen(|ear| {
        let listener = TcpListener::bind("127.0.0.1:53").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:53").unwrap();
        let mut server = listener.accept().unwrap().0;
        client.write_all(b"\0\x08question").unwrap();
        server.read_exact(&mut [0; 10]).unwrap();
        server.write_all(b"\0\x08answer-1\0\x08answer-2\0\x08answer-3").unwrap();
        let mut buffer = [0; 20];
        client.peek(&mut buffer).unwrap();
        client.read_exact(&mut buffer[..2]).unwrap();
        client.read_exact(&mut buffer[..8]).unwrap();
        // What is thrown away is no answer, and still a part of the stream.
        recv(&client, &mut buffer[..10], RecvFlags::TRUNC).unwrap();
        client.read_exact(&mut buffer[..10]).unwrap();
        let expected = [(0, b"\0\x08".to_vec()), (2, b"answer-1".to_vec()), (20, b"\0\x08answer-3".to_vec())];
        assert_eq!(ear.heard_as(Way::Received), expected);
    });
}
