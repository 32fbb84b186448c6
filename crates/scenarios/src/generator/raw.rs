//! Raw IP sockets.

use std::{net::SocketAddr, time::Duration};

use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{
    moved::{Failure, Moved},
    udp,
    words::{Words, parse},
};

/// What stands before the payload in what a raw socket receives over IPv4.
pub(crate) const IPV4_HEADER: usize = 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// `to=ADDRESS:0 protocol= count= size= [kind=plain|connected|header] [answers= answer_size=]`: with `header`, the program
/// writes the IP header itself.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let number = parse::<u8>("protocol", words.text("protocol")?)?;
    let kind = words.get("kind").unwrap_or("plain");
    let to: SocketAddr = words.address("to")?;
    let socket = Socket::new(Domain::for_address(to), Type::RAW, Some(Protocol::from(i32::from(number))))
        .map_err(|error| Failure::of_feature("socket() for raw IP", error))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let address = SockAddr::from(to);
    let (answers, answer_size) = (words.number_or("answers", 0)?, words.number_or("answer_size", 0)?);
    let mut data = udp::request(words.size("size")?, answers, answer_size);
    if kind == "header" {
        socket.set_header_included_v4(true)?;
        data.splice(..0, header(to, number));
    }
    if kind == "connected" {
        socket.connect(&address)?;
    }
    let mut buffer = vec![0; udp::LARGEST];
    for _ in 0..words.number("count")? {
        let sent = if kind == "connected" { socket.send(&data) } else { socket.send_to(&data, &address) };
        moved.sent(sent?);
        for _ in 0..answers {
            let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
            moved.received(read);
        }
    }
    Ok(moved)
}

/// The kernel fills in what is zero: length, identification, checksum and source.
fn header(to: SocketAddr, protocol: u8) -> [u8; IPV4_HEADER] {
    let mut header = [0; IPV4_HEADER];
    header[0] = 0x45;
    header[8] = 64;
    header[9] = protocol;
    if let SocketAddr::V4(to) = to {
        header[16..].copy_from_slice(&to.ip().octets());
    }
    header
}
