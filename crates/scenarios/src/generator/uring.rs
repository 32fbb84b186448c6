//! io_uring: no call for each transfer.

use std::{io, os::fd::AsRawFd as _};

use io_uring::{IoUring, opcode, squeue, types};
use socket2::Socket;

use crate::{
    moved::{Failure, Moved},
    stream,
    words::Words,
};

const PIECE: usize = 32 * 1024;

/// `to= up= down= [kind=inline|worker|poll]`: `worker` lets the kernel's worker threads do it, `poll` its thread that polls.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (up, down) = (words.number_or("up", 0)?, words.number_or("down", 0)?);
    let mut builder = IoUring::builder();
    let flags = match words.get("kind") {
        None | Some("inline") => squeue::Flags::empty(),
        Some("worker") => squeue::Flags::ASYNC,
        Some("poll") => {
            builder.setup_sqpoll(100);
            squeue::Flags::empty()
        }
        Some(other) => return Err(Failure::Usage(format!("kind={other} is no way to use a ring"))),
    };
    let mut ring = builder.build(8).map_err(|error| Failure::of_feature("io_uring_setup()", error))?;
    let socket = stream::open(words.address("to")?, "tcp", up, down, &mut moved)?;
    let mut buffer = vec![0x21; PIECE];
    move_all(&mut ring, &socket, &mut buffer, up, flags, Way::Up, &mut moved)?;
    move_all(&mut ring, &socket, &mut buffer, down, flags, Way::Down, &mut moved)?;
    Ok(moved)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

fn move_all(
    ring: &mut IoUring,
    socket: &Socket,
    buffer: &mut [u8],
    bytes: u64,
    flags: squeue::Flags,
    way: Way,
    moved: &mut Moved,
) -> Result<(), Failure> {
    let mut left = bytes;
    while left > 0 {
        let piece = u32::try_from(left.min(u64::try_from(buffer.len()).unwrap_or(1))).unwrap_or(1);
        let socket = types::Fd(socket.as_raw_fd());
        let entry = match way {
            Way::Up => opcode::Send::new(socket, buffer.as_ptr(), piece).build(),
            Way::Down => opcode::Recv::new(socket, buffer.as_mut_ptr(), piece).build(),
        };
        // SAFETY: the buffer is at least `piece` long and is not touched until the entry is completed, just below; the socket
        // stays open for as long.
        unsafe { ring.submission().push(&entry.flags(flags)) }.map_err(io::Error::other)?;
        ring.submit_and_wait(1)?;
        let result = ring.completion().next().map(|entry| entry.result());
        let result = result.ok_or_else(|| Failure::Missing("the ring completed nothing".to_owned()))?;
        let count = usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))?;
        match (count, way) {
            (0, _) => return Err(Failure::Missing(format!("{left} bytes were not moved"))),
            (count, Way::Up) => moved.sent(count),
            (count, Way::Down) => moved.received(count),
        }
        left = left.saturating_sub(u64::try_from(count).unwrap_or(left));
    }
    Ok(())
}
