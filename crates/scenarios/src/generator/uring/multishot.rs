use std::{io, os::fd::AsRawFd as _};

use io_uring::{IoUring, cqueue, opcode, types};
use socket2::Socket;

use super::{complete, less, returned};
use crate::moved::{Failure, Moved};

const BUFFERS: u16 = 4;
const SIZE: usize = 16 * 1024;
const GROUP: u16 = 1;

/// Asks once for everything that comes, into buffers that the kernel chooses from; asks again when it ran out of them.
pub(super) fn receive(
    ring: &mut IoUring,
    socket: &Socket,
    down: u64,
    mut moved: Moved,
) -> Result<Moved, Failure> {
    let mut buffers = vec![0; SIZE * usize::from(BUFFERS)];
    let length = i32::try_from(SIZE).map_err(io::Error::other)?;
    let mut left = down;
    let mut is_asked = false;
    provide(ring, &mut buffers, 0, BUFFERS, length)?;
    while left > 0 {
        if !is_asked {
            let entry = opcode::RecvMulti::new(types::Fd(socket.as_raw_fd()), GROUP).build().user_data(1);
            // SAFETY: the socket and the buffers of the group live until the end of this function, and with it the ring's use.
            unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
            is_asked = true;
        }
        ring.submit_and_wait(1)?;
        let all: Vec<cqueue::Entry> = ring.completion().collect();
        for done in all {
            is_asked = is_asked && cqueue::more(done.flags());
            if done.result() == -libc::ENOBUFS {
                provide(ring, &mut buffers, 0, BUFFERS, length)?;
                continue;
            }
            let received = returned(&done)?;
            moved.received(received);
            left = less(left, received, "received")?;
        }
    }
    Ok(moved)
}

/// Gives buffers to the kernel. Only when it has none, so that no buffer is given twice.
fn provide(
    ring: &mut IoUring,
    buffers: &mut [u8],
    first: u16,
    count: u16,
    length: i32,
) -> Result<(), Failure> {
    let entry = opcode::ProvideBuffers::new(buffers.as_mut_ptr(), length, count, GROUP, first).build();
    complete(ring, entry).map(drop)
}
