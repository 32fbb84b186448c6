//! 36: calls whose return value is not simply what was moved.
//!
//! The rule: a call moved what it returned, unless the bytes stay where they are (MSG_PEEK) or are the program's own coming
//! back (MSG_ERRQUEUE); then it moved nothing. So a datagram that is cut short counts as long as the buffer was, or, with
//! MSG_TRUNC, as long as it was itself; bytes that TCP throws away with MSG_TRUNC count, for they were asked for and are gone;
//! an urgent byte counts when it is read, and not at all when it is passed over. Both ends are this program's own, over loopback.

use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, AsRawFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{RecvAncillaryBuffer, RecvFlags, SendFlags, recv, recvmsg, send, sockopt},
};

use crate::{
    counted,
    moved::{Failure, Moved},
    stream,
    words::Words,
};

fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

fn udp_pair() -> io::Result<(UdpSocket, UdpSocket)> {
    let (one, other) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    one.connect(other.local_addr()?)?;
    other.connect(one.local_addr()?)?;
    Ok((one, other))
}

impl Moved {
    fn send(&mut self, socket: impl AsFd, data: &[u8], flags: SendFlags) -> io::Result<()> {
        self.tx += counted::count(send(socket, data, flags)?)?;
        Ok(())
    }

    fn receive(&mut self, socket: impl AsFd, size: usize, flags: RecvFlags) -> io::Result<u64> {
        let (_, returned) = recv(socket, &mut vec![0; size], flags)?;
        let returned = counted::count(returned)?;
        if !flags.contains(RecvFlags::PEEK) {
            self.rx += returned;
        }
        Ok(returned)
    }
}

/// `peek size=`: looks at everything three times before taking it, in other pieces than it came.
pub(crate) fn peek(words: &Words) -> Result<Moved, Failure> {
    let size = usize::try_from(words.number("size")?).map_err(io::Error::other)?;
    let mut moved = Moved::default();
    let (tcp, other) = tcp_pair()?;
    moved.send(&tcp, &vec![36; size], SendFlags::empty())?;
    moved.receive(&other, size, RecvFlags::PEEK | RecvFlags::WAITALL)?;
    let mut left = counted::count(size)?;
    while left > 0 {
        moved.receive(&other, size, RecvFlags::PEEK)?;
        moved.receive(&other, 7, RecvFlags::PEEK | RecvFlags::TRUNC)?;
        left -= moved.receive(&other, size / 3 + 1, RecvFlags::empty())?;
    }
    let (udp, other) = udp_pair()?;
    for size in [size, 1, size / 2 + 1] {
        moved.send(&udp, &vec![36; size], SendFlags::empty())?;
        moved.receive(&other, size, RecvFlags::PEEK)?;
        moved.receive(&other, 1, RecvFlags::PEEK)?;
        moved.receive(&other, 1, RecvFlags::PEEK | RecvFlags::TRUNC)?;
        moved.receive(&other, size, RecvFlags::empty())?;
    }
    Ok(moved)
}

/// `trunc size=`: takes less than came.
pub(crate) fn trunc(words: &Words) -> Result<Moved, Failure> {
    let size = usize::try_from(words.number("size")?).map_err(io::Error::other)?;
    let mut moved = Moved::default();
    let (udp, other) = udp_pair()?;
    for flags in [RecvFlags::empty(), RecvFlags::TRUNC] {
        for buffer in [size / 2, 1, 0, size] {
            moved.send(&udp, &vec![36; size], SendFlags::empty())?;
            moved.receive(&other, buffer, flags)?;
        }
    }
    let (tcp, other) = tcp_pair()?;
    moved.send(&tcp, &vec![36; size], SendFlags::empty())?;
    moved.receive(&other, size / 2, RecvFlags::TRUNC | RecvFlags::WAITALL)?;
    moved.receive(&other, size - size / 2, RecvFlags::WAITALL)?;
    Ok(moved)
}

/// `urgent size=`: an urgent byte that is read apart, one that is passed over, and one that is read with the others.
pub(crate) fn urgent(words: &Words) -> Result<Moved, Failure> {
    let size = usize::try_from(words.number("size")?).map_err(io::Error::other)?;
    let mut moved = Moved::default();
    for (inline, read) in [(false, true), (false, false), (true, false)] {
        let (tcp, mut other) = tcp_pair()?;
        sockopt::set_socket_oobinline(&other, inline).map_err(io::Error::from)?;
        moved.send(&tcp, &vec![36; size], SendFlags::OOB)?;
        poll(&mut [PollFd::new(&other, PollFlags::PRI)], None).map_err(io::Error::from)?;
        if read {
            moved.receive(&other, 1, RecvFlags::OOB | RecvFlags::PEEK)?;
            moved.receive(&other, 1, RecvFlags::OOB)?;
        }
        moved.send(&tcp, &vec![36; size], SendFlags::empty())?;
        drop(tcp);
        moved.rx += counted::receive_all(&mut other)?;
    }
    Ok(moved)
}

/// `zerocopy tcp= udp= size= count=`: sends without a copy, and reads the error queue's notes that the kernel is done.
pub(crate) fn zerocopy(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let size = usize::try_from(words.number("size")?).map_err(io::Error::other)?;
    let tcp = TcpStream::connect(words.address("tcp")?)?;
    let up = words.number("size")?.saturating_mul(words.number("count")?);
    moved.send(&tcp, &stream::greeting(up, 0), SendFlags::empty())?;
    let address: SocketAddr = words.address("udp")?;
    let udp = UdpSocket::bind(counted::any(address))?;
    udp.connect(address)?;
    // Eight zeros ask for no answer. The kernel reads the data until the notes have come, so it is not changed before.
    let data = vec![0; size];
    for (socket, data) in [(tcp.as_fd(), data.as_slice()), (udp.as_fd(), &data[..size.min(1400)])] {
        allow_zerocopy(socket)?;
        let mut noted = 0;
        for _ in 0..words.number("count")? {
            moved.send(socket, data, SendFlags::from_bits_retain(ZEROCOPY))?;
            noted += note(socket)?;
        }
        while noted == 0 {
            poll(&mut [PollFd::new(&socket, PollFlags::ERR)], None).map_err(io::Error::from)?;
            noted += note(socket)?;
        }
    }
    Ok(moved)
}

const ZEROCOPY: u32 = 0x400_0000;

fn allow_zerocopy(socket: impl AsFd) -> io::Result<()> {
    let one: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&one)).map_err(io::Error::other)?;
    let descriptor = socket.as_fd().as_raw_fd();
    let value = (&raw const one).cast();
    // SAFETY: the kernel reads `size` bytes at the pointer, which is to an integer of that size.
    match unsafe { libc::setsockopt(descriptor, libc::SOL_SOCKET, libc::SO_ZEROCOPY, value, size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reads one note of the error queue: 1, or 0 when there is none.
fn note(socket: impl AsFd) -> io::Result<u64> {
    let mut space = [MaybeUninit::uninit(); 512];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
    match recvmsg(socket, &mut [IoSliceMut::new(&mut [0; 64])], &mut control, flags) {
        Ok(_) => Ok(1),
        Err(rustix::io::Errno::AGAIN) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// `empty to= count=`: nothing but datagrams without a byte.
pub(crate) fn empty(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let socket = UdpSocket::bind(counted::any(words.address("to")?))?;
    for _ in 0..words.number("count")? {
        moved.tx += counted::count(socket.send_to(&[], words.address("to")?)?)?;
    }
    Ok(moved)
}

/// `mixed count=`: every other datagram is empty.
pub(crate) fn mixed(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (one, other) = udp_pair()?;
    for size in 0..usize::try_from(words.number("count")?).map_err(io::Error::other)? {
        moved.send(&one, &vec![36; size * (size % 2)], SendFlags::empty())?;
        moved.receive(&other, 2048, RecvFlags::empty())?;
    }
    Ok(moved)
}
