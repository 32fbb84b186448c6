//! io_uring: no call for each transfer.

mod multishot;

use std::{io, os::fd::AsRawFd as _};

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use socket2::{Domain, SockAddr, Socket};

use crate::{
    moved::{Failure, Moved},
    stream, udp,
    words::Words,
};

const PIECE: usize = 32 * 1024;

/// `to= up= down= [kind=inline|worker|poll|file|zero-copy|multishot]`: first up, then down. `worker` lets the kernel's worker
/// threads do it, `poll` its thread that polls; `file` reads and writes as if the socket were a file; `zero-copy` sends
/// without a copy; `multishot` asks once for everything that will come.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (up, down) = (words.number_or("up", 0)?, words.number_or("down", 0)?);
    let kind = words.get("kind").unwrap_or("inline");
    let mut builder = IoUring::builder();
    if kind == "poll" {
        builder.setup_sqpoll(100);
    }
    let mut ring = builder.build(8).map_err(|error| Failure::of_feature("io_uring_setup()", error))?;
    let socket = stream::open(words.address("to")?, "tcp", up, down, &mut moved)?;
    let mut buffer = vec![0x21; PIECE];
    let mut left = up;
    while left > 0 {
        let entry = sending(kind, &socket, &buffer[..piece(left)])?;
        let sent = complete(&mut ring, entry)?;
        moved.sent(sent);
        left = less(left, sent, "sent")?;
    }
    if kind == "multishot" {
        return multishot::receive(&mut ring, &socket, down, moved);
    }
    let mut left = down;
    while left > 0 {
        let entry = receiving(kind, &socket, &mut buffer[..piece(left)])?;
        let received = complete(&mut ring, entry)?;
        moved.received(received);
        left = less(left, received, "received")?;
    }
    Ok(moved)
}

/// `to= count= size= answers= answer_size=`: datagrams, each with its answers.
pub(crate) fn datagrams(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (answers, answer_size) = (words.number_or("answers", 0)?, words.number_or("answer_size", 0)?);
    let data = udp::request(words.size("size")?, answers, answer_size);
    let to = words.address("to")?;
    let mut ring = IoUring::new(8).map_err(|error| Failure::of_feature("io_uring_setup()", error))?;
    let socket = udp::socket(Domain::for_address(to))?;
    socket.connect(&SockAddr::from(to))?;
    let mut buffer = vec![0; udp::LARGEST];
    for _ in 0..words.number("count")? {
        moved.sent(complete(&mut ring, sending("inline", &socket, &data)?)?);
        for _ in 0..answers {
            moved.received(complete(&mut ring, receiving("inline", &socket, &mut buffer)?)?);
        }
    }
    Ok(moved)
}

fn piece(left: u64) -> usize {
    usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))
}

fn less(left: u64, count: usize, what: &str) -> Result<u64, Failure> {
    match u64::try_from(count) {
        Ok(count @ 1..) => Ok(left.saturating_sub(count)),
        _ => Err(Failure::Missing(format!("{left} bytes were not {what}"))),
    }
}

/// An entry that reads from `data` until it is completed.
fn sending(kind: &str, socket: &Socket, data: &[u8]) -> Result<squeue::Entry, Failure> {
    let (socket, start) = (types::Fd(socket.as_raw_fd()), data.as_ptr());
    let length = u32::try_from(data.len()).map_err(io::Error::other)?;
    Ok(match kind {
        "inline" | "poll" | "multishot" => opcode::Send::new(socket, start, length).build(),
        "worker" => opcode::Send::new(socket, start, length).build().flags(squeue::Flags::ASYNC),
        "file" => opcode::Write::new(socket, start, length).build(),
        "zero-copy" => opcode::SendZc::new(socket, start, length).build(),
        other => return Err(Failure::Usage(format!("kind={other} is no way to use a ring"))),
    })
}

/// An entry that writes to `buffer` until it is completed.
fn receiving(kind: &str, socket: &Socket, buffer: &mut [u8]) -> Result<squeue::Entry, Failure> {
    let (socket, start) = (types::Fd(socket.as_raw_fd()), buffer.as_mut_ptr());
    let length = u32::try_from(buffer.len()).map_err(io::Error::other)?;
    Ok(match kind {
        "inline" | "poll" | "zero-copy" => opcode::Recv::new(socket, start, length).build(),
        "worker" => opcode::Recv::new(socket, start, length).build().flags(squeue::Flags::ASYNC),
        "file" => opcode::Read::new(socket, start, length).build(),
        other => return Err(Failure::Usage(format!("kind={other} is no way to use a ring"))),
    })
}

/// Submits one entry and waits until the kernel is done with its buffer; what it returned.
fn complete(ring: &mut IoUring, entry: squeue::Entry) -> Result<usize, Failure> {
    // SAFETY: the buffer and the socket of the entry live in the caller, and nothing else uses the buffer before this returns,
    // which is after the last completion of the entry.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
    let mut result = None;
    loop {
        ring.submit_and_wait(1)?;
        let done = ring.completion().next();
        let done = done.ok_or_else(|| Failure::Missing("the ring completed nothing".to_owned()))?;
        // Without a copy there are two completions: what was sent, and that the buffer is free again.
        if !cqueue::notif(done.flags()) {
            result = Some(returned(&done)?);
        }
        if !cqueue::more(done.flags()) {
            return result.ok_or_else(|| Failure::Missing("the ring said no result".to_owned()));
        }
    }
}

fn returned(done: &cqueue::Entry) -> Result<usize, Failure> {
    let result = done.result();
    usize::try_from(result).map_err(|_| {
        Failure::of_feature("an operation of io_uring", io::Error::from_raw_os_error(result.saturating_neg()))
    })
}
