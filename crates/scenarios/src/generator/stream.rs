//! Connections: who opens one says with 16 bytes how much will go up and how much is to come down.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    thread,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::moved::{Failure, Moved};

const PIECE: usize = 64 * 1024;

/// A socket for streams of the protocol with this name: `tcp`, `sctp` or `mptcp`.
pub(crate) fn socket(domain: Domain, protocol: &str) -> Result<Socket, Failure> {
    let number = match protocol {
        "tcp" => 6,
        "sctp" => 132,
        "mptcp" => 262,
        other => return Err(Failure::Usage(format!("{other} is no protocol of streams"))),
    };
    Socket::new(domain, Type::STREAM, Some(Protocol::from(number)))
        .map_err(|error| Failure::of_feature(&format!("socket() for {protocol}"), error))
}

/// Connects and says what will be moved; the 16 bytes count as sent.
pub(crate) fn open(
    to: SocketAddr,
    protocol: &str,
    up: u64,
    down: u64,
    moved: &mut Moved,
) -> Result<Socket, Failure> {
    let socket = socket(Domain::for_address(to), protocol)?;
    socket.connect(&SockAddr::from(to))?;
    write(&socket, &greeting(up, down), |count| moved.sent(count))?;
    Ok(socket)
}

/// What is said first.
pub(crate) fn greeting(up: u64, down: u64) -> [u8; 16] {
    let mut greeting = [0; 16];
    greeting[..8].copy_from_slice(&up.to_be_bytes());
    greeting[8..].copy_from_slice(&down.to_be_bytes());
    greeting
}

/// Reads what was said first; `None` when the connection ends before.
pub(crate) fn read_greeting(
    mut socket: &Socket,
    mut count: impl FnMut(usize),
) -> io::Result<Option<(u64, u64)>> {
    let mut greeting = [0; 16];
    let mut filled = 0;
    while filled < greeting.len() {
        match socket.read(&mut greeting[filled..])? {
            0 => return Ok(None),
            read => {
                count(read);
                filled += read;
            }
        }
    }
    let (up, down) = greeting.split_at(8);
    let number = |half: &[u8]| half.iter().fold(0, |sum, byte| (sum << 8) + u64::from(*byte));
    Ok(Some((number(up), number(down))))
}

/// Writes everything; `count` is told what each call returned.
pub(crate) fn write(mut socket: &Socket, mut data: &[u8], mut count: impl FnMut(usize)) -> io::Result<()> {
    while !data.is_empty() {
        match socket.write(data) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                count(written);
                data = data.get(written..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes so many bytes.
pub(crate) fn write_bytes(socket: &Socket, bytes: u64, mut count: impl FnMut(usize)) -> io::Result<()> {
    let data = vec![0x5a; PIECE];
    let mut left = bytes;
    while left > 0 {
        let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        write(socket, &data[..piece], &mut count)?;
        left -= u64::try_from(piece).unwrap_or(left);
    }
    Ok(())
}

/// Reads so many bytes, or to the end when that comes before; how many are missing.
pub(crate) fn read_bytes(mut socket: &Socket, bytes: u64, mut count: impl FnMut(usize)) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        match socket.read(&mut buffer[..piece]) {
            Ok(0) => break,
            Ok(read) => {
                count(read);
                left -= u64::try_from(read).unwrap_or(left);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(left)
}

/// Writes and reads at once.
pub(crate) fn both_ways(socket: &Socket, up: u64, down: u64) -> Result<Moved, Failure> {
    let mut sent = Moved::default();
    let mut received = Moved::default();
    let left = thread::scope(|scope| {
        let writer = scope.spawn(|| write_bytes(socket, up, |count| sent.sent(count)));
        let left = read_bytes(socket, down, |count| received.received(count))?;
        writer.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        Ok::<_, io::Error>(left)
    })?;
    if left > 0 {
        return Err(Failure::Missing(format!("{left} bytes of {down} did not come down")));
    }
    sent += received;
    Ok(sent)
}
