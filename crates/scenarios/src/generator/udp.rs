//! Datagrams. The first eight bytes of one say how many are to come back (u32, big endian) and of which size.

use std::{io, net::SocketAddr, time::Duration};

use rustix::net::{RecvFlags, SendFlags, recv, recvfrom, send};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    moved::{Failure, Moved},
    option,
    words::Words,
};

/// How long an answer may take; a datagram that is lost never comes.
const PATIENCE: Duration = Duration::from_secs(5);
const BUFFER: usize = 64 << 20;
pub(crate) const LARGEST: usize = 65_536;

/// A socket whose buffers hold what is sent at once in a scenario, so that the kernel drops nothing.
pub(crate) fn socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    widen(&socket)?;
    Ok(socket)
}

/// Gives a socket large buffers, beyond the limit for programs that are not root.
pub(crate) fn widen(socket: &Socket) -> io::Result<()> {
    rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, BUFFER)?;
    rustix::net::sockopt::set_socket_send_buffer_size_force(socket, BUFFER)?;
    Ok(())
}

/// A datagram that asks for answers; shorter ones than eight bytes ask for none, and so does what it may be cut into.
pub(crate) fn request(size: usize, answers: u64, answer_size: u64) -> Vec<u8> {
    let mut data = vec![0; size];
    if let Some(head) = data.get_mut(..8) {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        head[..4].copy_from_slice(&number(answers));
        head[4..].copy_from_slice(&number(answer_size));
    }
    data
}

/// How many answers of which size a datagram asks for.
pub(crate) fn asked(data: &[u8]) -> (usize, usize) {
    let number = |from: usize| {
        let bytes = data.get(from..from + 4).unwrap_or_default();
        bytes.iter().fold(0, |sum: usize, byte| (sum << 8) + usize::from(*byte))
    };
    if data.len() < 8 { (0, 0) } else { (number(0), number(4).min(LARGEST)) }
}

/// `to= count= size= [answers= answer_size=] [connected=yes] [segment=N]`: sends, and waits for the answers to each. With
/// `segment`, the kernel cuts what is sent into datagrams of so many bytes.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let to: SocketAddr = words.address("to")?;
    let (answers, answer_size) = (words.number_or("answers", 0)?, words.number_or("answer_size", 0)?);
    let data = request(words.size("size")?, answers, answer_size);
    let socket = socket(Domain::for_address(to))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let is_connected = words.is("connected");
    let address = SockAddr::from(to);
    if is_connected {
        socket.connect(&address)?;
    }
    let segment = words.number_or("segment", 0)?;
    if segment > 0 {
        let segment = i32::try_from(segment).map_err(io::Error::other)?;
        option::set(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, segment, "UDP_SEGMENT")?;
    }
    let mut buffer = vec![0; LARGEST];
    for _ in 0..words.number("count")? {
        let sent = if is_connected { socket.send(&data) } else { socket.send_to(&data, &address) };
        moved.sent(sent?);
        for _ in 0..answers {
            let read = if is_connected {
                recv(&socket, &mut buffer[..], RecvFlags::empty()).map(|(_, read)| read)
            } else {
                recvfrom(&socket, &mut buffer[..], RecvFlags::empty()).map(|(_, read, _)| read)
            };
            moved.received(read?);
        }
    }
    Ok(moved)
}

/// `to= count= pieces= size=`: each datagram is put together by several calls (`MSG_MORE`).
pub(crate) fn in_pieces(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let to: SocketAddr = words.address("to")?;
    let socket = socket(Domain::for_address(to))?;
    socket.connect(&SockAddr::from(to))?;
    let data = request(words.size("size")?, 0, 0);
    let pieces = words.number("pieces")?;
    for _ in 0..words.number("count")? {
        for piece in 1..=pieces {
            let flags = if piece < pieces { SendFlags::MORE } else { SendFlags::empty() };
            moved.sent(send(&socket, &data, flags)?);
        }
    }
    Ok(moved)
}
