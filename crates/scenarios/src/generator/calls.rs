//! Connections by other calls than read and write.

use std::io::{IoSlice, IoSliceMut};

use rustix::{
    io::{readv, writev},
    net::{
        RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recv, recvmsg, send, sendmsg, sendto,
    },
    pipe::{SpliceFlags, pipe, splice},
};
use socket2::{Domain, SockAddr, Socket};

use crate::{
    moved::{Failure, Moved},
    stream,
    words::Words,
};

const PIECE: usize = 48_000;

/// `to= up= down= kind=vectors|messages|flags|splice|fast-open`: first up, then down.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (up, down) = (words.size("up")?, words.size("down")?);
    let kind = words.text("kind")?;
    let socket = if kind == "fast-open" {
        fast_open(words, &mut moved)?
    } else {
        stream::open(words.address("to")?, "tcp", words.number("up")?, words.number("down")?, &mut moved)?
    };
    let data = vec![0x33; PIECE];
    let mut buffer = vec![0; PIECE];
    let mut left = up;
    while left > 0 {
        let sent = send_by(kind, &socket, &data[..left.min(PIECE)])?;
        moved.sent(sent);
        left -= sent;
    }
    let mut left = down;
    while left > 0 {
        let received = receive_by(kind, &socket, &mut buffer[..left.min(PIECE)])?;
        if received == 0 {
            return Err(Failure::Missing(format!("{left} bytes did not come down")));
        }
        moved.received(received);
        left -= received;
    }
    Ok(moved)
}

/// The greeting goes with the packet that opens the connection.
fn fast_open(words: &Words, moved: &mut Moved) -> Result<Socket, Failure> {
    let to = words.address("to")?;
    let socket = stream::socket(Domain::for_address(to), "tcp")?;
    let greeting = stream::greeting(words.number("up")?, words.number("down")?);
    let sent = socket.send_to_with_flags(&greeting, &SockAddr::from(to), libc::MSG_FASTOPEN);
    let sent = sent.map_err(|error| Failure::of_feature("sendto() with MSG_FASTOPEN", error))?;
    moved.sent(sent);
    stream::write(&socket, greeting.get(sent..).unwrap_or_default(), |count| moved.sent(count))?;
    Ok(socket)
}

fn send_by(kind: &str, socket: &Socket, data: &[u8]) -> Result<usize, Failure> {
    let (one, two) = data.split_at(data.len() / 3);
    let pieces = [IoSlice::new(one), IoSlice::new(two)];
    Ok(match kind {
        "vectors" => writev(socket, &pieces)?,
        "messages" => sendmsg(socket, &pieces, &mut SendAncillaryBuffer::default(), SendFlags::MORE)?,
        // A connected socket ignores the address.
        "flags" => sendto(
            socket,
            data,
            SendFlags::NOSIGNAL,
            &"192.0.2.1:9".parse::<std::net::SocketAddr>().map_err(std::io::Error::other)?,
        )?,
        "splice" => {
            let (read_end, write_end) = pipe()?;
            let waiting = rustix::io::write(&write_end, data)?;
            splice(&read_end, None, socket, None, waiting, SpliceFlags::empty())?
        }
        "fast-open" => send(socket, data, SendFlags::empty())?,
        other => return Err(Failure::Usage(format!("kind={other} is no way to send"))),
    })
}

fn receive_by(kind: &str, socket: &Socket, buffer: &mut [u8]) -> Result<usize, Failure> {
    let (one, two) = buffer.split_at_mut(buffer.len() / 3);
    let mut pieces = [IoSliceMut::new(one), IoSliceMut::new(two)];
    Ok(match kind {
        "vectors" => readv(socket, &mut pieces)?,
        "messages" => {
            recvmsg(socket, &mut pieces, &mut RecvAncillaryBuffer::default(), RecvFlags::empty())?.bytes
        }
        "flags" => recv(socket, buffer, RecvFlags::WAITALL)?.1,
        _ => recv(socket, buffer, RecvFlags::empty())?.1,
    })
}
