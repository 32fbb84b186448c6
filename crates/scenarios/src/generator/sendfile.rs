//! A file into a connection, or into datagrams, without a copy through user space.

use std::{fs::File, io::Write as _};

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use socket2::{Domain, SockAddr};

use crate::{
    moved::{Failure, Moved},
    stream, udp,
    words::Words,
};

/// `to= up=`: the greeting is written, the rest comes out of a file in memory.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let up = words.size("up")?;
    let mut file = File::from(memfd_create("portolan-generator", MemfdFlags::CLOEXEC)?);
    file.write_all(&vec![0x42; up])?;
    let socket = stream::open(words.address("to")?, "tcp", words.number("up")?, 0, &mut moved)?;
    let mut offset = 0;
    let mut left = up;
    while left > 0 {
        match sendfile(&socket, &file, Some(&mut offset), left)? {
            0 => return Err(Failure::Missing(format!("{left} bytes did not go into the connection"))),
            sent => {
                moved.sent(sent);
                left -= sent;
            }
        }
    }
    Ok(moved)
}

/// `to= count= size=`: each piece of a file is a datagram.
pub(crate) fn datagrams(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let size = words.size("size")?;
    let mut file = File::from(memfd_create("portolan-generator", MemfdFlags::CLOEXEC)?);
    // Nothing but zeroes asks for no answer.
    file.write_all(&vec![0; size])?;
    let to = words.address("to")?;
    let socket = udp::socket(Domain::for_address(to))?;
    socket.connect(&SockAddr::from(to))?;
    for _ in 0..words.number("count")? {
        moved.sent(sendfile(&socket, &file, Some(&mut 0), size)?);
    }
    Ok(moved)
}
