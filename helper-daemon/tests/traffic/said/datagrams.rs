use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::{SocketAddr, UdpSocket},
};

use portolan_bpf::Way;
use portolan_core::{Direction, Protocol};
use rustix::{
    io::{read, readv},
    net::{RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recvmsg, sendmsg},
};

use super::{
    calls::{Message, receive_all, send_all},
    initial, listen,
};

/// A name server that gives `answers` to who asks, and the socket that asked.
fn asked(is_connected: bool, answers: &[&[u8]]) -> (UdpSocket, UdpSocket) {
    let server = UdpSocket::bind("127.0.0.1:53").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    if is_connected {
        client.connect("127.0.0.1:53").unwrap();
        client.send(b"question").unwrap();
    } else {
        client.send_to(b"question", "127.0.0.1:53").unwrap();
    }
    let (_, from) = server.recv_from(&mut [0; 100]).unwrap();
    for answer in answers {
        server.send_to(answer, from).unwrap();
    }
    (server, client)
}

#[test]
#[ignore = "needs root and eBPF"]
fn an_answer_is_heard_by_whichever_call_it_was_received() {
    listen(|ear| {
        let answers: [&[u8]; 6] =
            [b"answer-1", b"answer-2", b"answer-3", b"answer-4", b"answer-5", b"answer-6"];
        let (_server, client) = asked(true, &answers);
        let (mut one, mut two, mut three) = ([0; 5], [0; 1], [0; 100]);
        client.peek(&mut three).unwrap();
        client.recv(&mut three).unwrap();
        client.recv_from(&mut three).unwrap();
        read(&client, &mut three).unwrap();
        readv(
            &client,
            &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two), IoSliceMut::new(&mut three)],
        )
        .unwrap();
        let mut space = [MaybeUninit::uninit(); 64];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut three)];
        recvmsg(&client, &mut parts, &mut ancillary, RecvFlags::empty()).unwrap();
        // Of several messages the first.
        let mut messages = [Message::of(&mut three), Message::of(&mut one)];
        assert_eq!(receive_all(&client, &mut messages), 1);

        let heard = ear.heard();
        let bytes: Vec<&[u8]> = heard.iter().map(|said| said.bytes.as_slice()).collect();
        assert_eq!(bytes, answers);
        for said in &heard {
            assert_eq!((said.way, said.offset), (Way::Received, 0));
            assert_eq!((said.flow.protocol, said.flow.direction), (Protocol::Udp, Direction::Outbound));
            assert_eq!(said.flow.remote.unwrap(), "127.0.0.1:53".parse::<SocketAddr>().map(at).unwrap());
            assert_eq!(said.flow.local.unwrap().port, client.local_addr().unwrap().port());
            assert_eq!(said.flow.owner.pid.0, std::process::id());
        }
    });
}

fn at(address: SocketAddr) -> portolan_core::Endpoint {
    portolan_core::Endpoint { address: address.ip(), port: address.port() }
}

#[test]
#[ignore = "needs root and eBPF"]
fn an_answer_to_a_socket_that_is_not_connected_is_its_servers() {
    listen(|ear| {
        let (_server, client) = asked(false, &[b"answer-1", b"answer-2", b"answer-3", b"answer-4"]);
        let mut buffer = [0; 100];
        // Somebody else, who is no name server.
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        other.send_to(b"no answer", client.local_addr().unwrap()).unwrap();
        client.recv_from(&mut buffer).unwrap();
        let mut space = [MaybeUninit::uninit(); 64];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        recvmsg(&client, &mut [IoSliceMut::new(&mut buffer)], &mut ancillary, RecvFlags::empty()).unwrap();
        // Who does not ask for the sender's address cannot be told.
        client.recv(&mut buffer).unwrap();
        // A buffer that is too short.
        client.recv_from(&mut buffer[..6]).unwrap();
        client.recv_from(&mut buffer).unwrap();
        let expected = [(0, b"answer-1".to_vec()), (0, b"answer-2".to_vec()), (0, b"answer".to_vec())];
        assert_eq!(ear.heard_as(Way::Received), expected);
    });
}

#[test]
#[ignore = "needs root and eBPF"]
fn the_first_packets_of_quic_are_heard_and_no_others() {
    listen(|ear| {
        let servers = [UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap()];
        let to = servers.each_ref().map(|server| server.local_addr().unwrap());
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let packet = initial(1, 1200);
        client.send_to(b"no QUIC at all", to[0]).unwrap();
        client.send_to(&[0x43, 0, 0, 0, 1, 8, 8], to[0]).unwrap();
        client.send_to(&packet, to[0]).unwrap();
        // In parts, the first of which says nothing yet, and larger than what is copied.
        let long = initial(2, 5000);
        let parts = [IoSlice::new(&long[..1]), IoSlice::new(&long[1..3]), IoSlice::new(&long[3..])];
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(to[0]).unwrap();
        sendmsg(&connected, &parts, &mut SendAncillaryBuffer::default(), SendFlags::empty()).unwrap();
        let expected = [(0, packet), (0, long[..4096].to_vec())];
        assert_eq!(ear.heard_as(Way::Sent), expected);

        // Several in one call, to two peers: each is heard as what it is, some twice.
        let mut packets = [initial(3, 1200), initial(4, 1200), initial(5, 1200)];
        let peers = [to[0], to[1], to[0]];
        let mut messages: Vec<_> = packets
            .iter_mut()
            .zip(peers)
            .map(|(packet, to)| Message { parts: vec![packet], to: Some(to) })
            .collect();
        assert_eq!(send_all(&client, &mut messages), 3);
        let mut heard: Vec<(u16, u8)> =
            ear.heard().iter().map(|said| (said.flow.remote.unwrap().port, said.bytes[6])).collect();
        heard.sort_unstable();
        heard.dedup();
        let mut expected = [(to[0].port(), 3), (to[1].port(), 4), (to[0].port(), 5)];
        expected.sort_unstable();
        assert_eq!(heard, expected);
    });
}

/// What looks like a question about one name, as far as the kernel programs look at it.
fn question(number: u8, length: usize) -> Vec<u8> {
    let mut message = vec![0, number, 1, 0, 0, 1];
    message.resize(length, 0);
    message
}

#[test]
#[ignore = "needs root and eBPF"]
fn what_is_asked_of_a_name_server_is_heard() {
    listen(|ear| {
        let _server = UdpSocket::bind("127.0.0.1:53").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(&question(1, 40), "127.0.0.1:53").unwrap();
        client.send_to(&question(2, 40), "127.0.0.1:54").unwrap();
        client.send_to(b"an answer, or something else", "127.0.0.1:53").unwrap();
        client.connect("127.0.0.1:53").unwrap();
        client.send(&question(3, 600)).unwrap();
        let heard: Vec<_> = ear.heard_as(Way::Sent).into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(heard, [question(1, 40), question(3, 512)]);
        // As glibc asks for both kinds of address.
        let mut questions = [question(4, 40), question(5, 41)];
        let mut messages: Vec<_> =
            questions.iter_mut().map(|question| Message { parts: vec![question], to: None }).collect();
        assert_eq!(send_all(&client, &mut messages), 2);
        let mut heard: Vec<_> = ear.heard_as(Way::Sent).into_iter().map(|(_, bytes)| bytes).collect();
        heard.sort_unstable();
        heard.dedup();
        assert_eq!(heard, [question(4, 40), question(5, 41)]);
    });
}
