//! Frames below IP (`AF_PACKET`).

mod ring;

use std::{io, time::Duration};

use rustix::net::{RecvFlags, SendFlags, netdevice::name_to_index, recv, send};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::{
    moved::{Failure, Moved},
    udp,
    words::Words,
};

/// The EtherType for experiments.
const OURS: u16 = 0x88b5;
const HEADER: usize = 14;
const EVERYBODY: [u8; 6] = [0xff; 6];
const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const LARGEST: usize = 65_536;

/// A socket that sends and receives frames of our type on a device: whole ones (`RAW`), or what is in them (`DGRAM`).
pub(crate) fn socket(device: &str, kind: Type) -> Result<Socket, Failure> {
    let protocol = Protocol::from(i32::from(OURS.to_be()));
    let socket = Socket::new(Domain::PACKET, kind, Some(protocol))
        .map_err(|error| Failure::of_feature("socket() for AF_PACKET", error))?;
    let index = name_to_index(&socket, device)?;
    socket.bind(&address(index)?)?;
    udp::widen(&socket)?;
    Ok(socket)
}

/// Everybody on a device.
fn address(index: u32) -> io::Result<SockAddr> {
    let mut storage = SockAddrStorage::zeroed();
    let size = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: the storage is zeroed, larger than a sockaddr_ll and aligned for every address; zeroes are a sockaddr_ll.
    let link: &mut libc::sockaddr_ll = unsafe { storage.view_as() };
    link.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    link.sll_protocol = OURS.to_be();
    link.sll_ifindex = i32::try_from(index).map_err(io::Error::other)?;
    link.sll_halen = 6;
    link.sll_addr[..6].copy_from_slice(&EVERYBODY);
    // SAFETY: the first `size` bytes are the address that was just written.
    Ok(unsafe { SockAddr::new(storage, size) })
}

/// `device= count= size= [kind=whole|content|ring]`: sends frames to everybody on the wire, and waits for each to come back.
/// `content` leaves the header to the kernel, `ring` puts the frames into memory that is shared with the kernel.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let kind = words.get("kind").unwrap_or("whole");
    let device = words.text("device")?;
    let socket = socket(device, if kind == "content" { Type::DGRAM } else { Type::RAW })?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let everybody = address(name_to_index(&socket, device)?)?;
    let frame = frame(words.size("size")?);
    let mut ring = if kind == "ring" { Some(ring::Ring::new(&socket)?) } else { None };
    let mut buffer = vec![0; LARGEST];
    for _ in 0..words.number("count")? {
        moved.sent(match (&mut ring, kind) {
            (Some(ring), _) => ring.send(&socket, &frame)?,
            (None, "content") => socket.send_to(&frame[HEADER..], &everybody)?,
            (None, _) => send(&socket, &frame, SendFlags::empty())?,
        });
        let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        moved.received(read);
    }
    Ok(moved)
}

fn frame(size: usize) -> Vec<u8> {
    let mut frame = vec![0x77; HEADER + size];
    frame[..6].copy_from_slice(&EVERYBODY);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    frame[12..HEADER].copy_from_slice(&OURS.to_be_bytes());
    frame
}
