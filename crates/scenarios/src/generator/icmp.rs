//! Echo requests with payload, through a raw socket or a ping socket.

use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{
    moved::{Failure, Moved},
    udp,
    words::Words,
};

const HEADER: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// `to=ADDRESS:0 kind=raw|ping count= size=`: sends requests of so many bytes of payload, and waits for each reply.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let to = words.address("to")?;
    let (domain, protocol, request) = if to.is_ipv4() {
        (Domain::IPV4, Protocol::ICMPV4, 8)
    } else {
        (Domain::IPV6, Protocol::ICMPV6, 128)
    };
    let kind = match words.text("kind")? {
        "raw" => Type::RAW,
        "ping" => Type::DGRAM,
        other => return Err(Failure::Usage(format!("kind={other} is neither raw nor ping"))),
    };
    let socket = Socket::new(domain, kind, Some(protocol))
        .map_err(|error| Failure::of_feature("socket() for ICMP", error))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let to = SockAddr::from(to);
    let mut buffer = vec![0; udp::LARGEST];
    for sequence in 0..words.number("count")? {
        let mut packet = vec![0x11; HEADER + words.size("size")?];
        let sequence = u16::try_from(sequence & 0xffff).unwrap_or_default();
        packet[..HEADER].copy_from_slice(&[request, 0, 0, 0, 0x70, 0x6f, 0, 0]);
        packet[6..HEADER].copy_from_slice(&sequence.to_be_bytes());
        // The kernel does it for ping sockets and for IPv6; a raw socket of IPv4 sends what it is given.
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
        moved.sent(socket.send_to(&packet, &to)?);
        loop {
            let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
            moved.received(read);
            // Raw sockets get everything that is ICMP; the reply is at least as long as the request.
            if read >= packet.len() {
                break;
            }
        }
    }
    Ok(moved)
}

/// The Internet checksum (RFC 1071).
fn checksum(data: &[u8]) -> u16 {
    let words =
        data.chunks(2).map(|pair| u32::from(pair[0]) * 256 + pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or_default()
}
