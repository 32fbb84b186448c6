//! Frames below IP (`AF_PACKET`).

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
const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const LARGEST: usize = 65_536;

/// A socket that sends and receives whole frames of our type on a device.
pub(crate) fn socket(device: &str) -> Result<Socket, Failure> {
    let protocol = Protocol::from(i32::from(OURS.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))
        .map_err(|error| Failure::of_feature("socket() for AF_PACKET", error))?;
    let index = name_to_index(&socket, device)?;
    socket.bind(&address(index).map_err(Failure::Io)?)?;
    udp::widen(&socket)?;
    Ok(socket)
}

fn address(index: u32) -> io::Result<SockAddr> {
    let mut storage = SockAddrStorage::zeroed();
    let size = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: the storage is zeroed, larger than a sockaddr_ll and aligned for every address; zeroes are a sockaddr_ll.
    let link: &mut libc::sockaddr_ll = unsafe { storage.view_as() };
    link.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    link.sll_protocol = OURS.to_be();
    link.sll_ifindex = i32::try_from(index).map_err(io::Error::other)?;
    // SAFETY: the first `size` bytes are the address that was just written.
    Ok(unsafe { SockAddr::new(storage, size) })
}

/// `device= count= size=`: sends frames to everybody on the wire, and waits for each to come back.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let socket = socket(words.text("device")?)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut frame = vec![0x77; HEADER + words.size("size")?];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    frame[12..HEADER].copy_from_slice(&OURS.to_be_bytes());
    let mut buffer = vec![0; LARGEST];
    for _ in 0..words.number("count")? {
        moved.sent(send(&socket, &frame, SendFlags::empty())?);
        let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        moved.received(read);
    }
    Ok(moved)
}
