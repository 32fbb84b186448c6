//! Calls that count what they moved.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
};

/// The result of a call as a number of bytes.
pub(crate) fn count(bytes: usize) -> io::Result<u64> {
    u64::try_from(bytes).map_err(io::Error::other)
}

/// The unspecified address of the family of `address`.
pub(crate) fn any(address: SocketAddr) -> &'static str {
    if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }
}

/// Sends all of `data`.
pub(crate) fn send_all(stream: &mut impl Write, data: &[u8]) -> io::Result<u64> {
    let sent = send_until_refused(stream, data)?;
    if sent < count(data.len())? {
        return Err(io::Error::other("the connection was closed before everything was sent"));
    }
    Ok(sent)
}

/// Sends `data` until the connection is reset, if it is.
pub(crate) fn send_until_refused(stream: &mut impl Write, mut data: &[u8]) -> io::Result<u64> {
    let mut sent = 0;
    while !data.is_empty() {
        match stream.write(data) {
            Ok(0) => break,
            Ok(bytes) => {
                sent += count(bytes)?;
                data = &data[bytes..];
            }
            Err(error) if is_reset(&error) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Receives exactly so many bytes.
pub(crate) fn receive(stream: &mut impl Read, bytes: u64) -> io::Result<u64> {
    let received = receive_all(&mut stream.take(bytes))?;
    if received < bytes {
        return Err(io::Error::other(format!("{received} bytes came instead of {bytes}")));
    }
    Ok(received)
}

/// Receives until the end, or until the connection is reset.
pub(crate) fn receive_all(stream: &mut impl Read) -> io::Result<u64> {
    let mut received = 0;
    let mut buffer = vec![0; 16_384];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(bytes) => received += count(bytes)?,
            Err(error) if is_reset(&error) => return Ok(received),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
