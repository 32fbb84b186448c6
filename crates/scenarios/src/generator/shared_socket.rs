//! 27: one socket that several programs use at the same time, each charged for its own use.
//!
//! The first opens it and hands it to the second by fork and exec, and to the third, which it did not start, by SCM_RIGHTS.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::{TcpStream, UdpSocket},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    process::Stdio,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recv, recvmsg, send, sendmsg,
    },
};

use crate::{
    counted,
    launch::Launched,
    moved::{Failure, Moved},
    stream,
    words::Words,
};

/// How long nothing has to come before nothing more is expected.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 400_000_000 };

/// `share to= kind=tcp|udp heir=PROGRAM door=UNIX-SOCKET up= down= heir-up= heir-down= guest-up= guest-down=`
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let sum =
        |keys: [&str; 3]| keys.iter().try_fold(0, |sum, key| words.number(key).map(|number| sum + number));
    let up = sum(["up", "heir-up", "guest-up"])?;
    let down = sum(["down", "heir-down", "guest-down"])?;
    let mut moved = Moved::default();
    let socket: OwnedFd = if words.text("kind")? == "tcp" {
        let mut stream = TcpStream::connect(words.address("to")?)?;
        moved.tx += counted::send_all(&mut stream, &stream::greeting(up, down))?;
        stream.into()
    } else {
        let socket = UdpSocket::bind(counted::any(words.address("to")?))?;
        socket.connect(words.address("to")?)?;
        socket.into()
    };
    let use_of = |up: &str, down: &str| -> Result<Vec<String>, Failure> {
        Ok(vec![
            "heir".to_owned(),
            format!("kind={}", words.text("kind")?),
            format!("up={}", words.number(up)?),
            format!("down={}", words.number(down)?),
        ])
    };
    let heir = words.text("heir")?;
    let heir =
        Launched::start(heir, heir, &use_of("heir-up", "heir-down")?, Stdio::from(socket.try_clone()?))?;
    let mut door = UnixStream::connect(words.text("door")?)?;
    give(&door, &socket)?;
    use_socket(words, &socket, &mut moved)?;
    heir.finish()?;
    // Closed by the guest when it is done.
    door.read_to_end(&mut Vec::new())?;
    if words.text("kind")? == "tcp" {
        rustix::net::shutdown(&socket, rustix::net::Shutdown::Write).map_err(io::Error::from)?;
        moved.rx += counted::receive_all(&mut TcpStream::from(socket))?;
    }
    Ok(moved)
}

/// `heir kind= up= down=`: uses the socket that is its stdin.
pub(crate) fn heir(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    use_socket(words, &io::stdin().as_fd().try_clone_to_owned()?, &mut moved)?;
    Ok(moved)
}

/// `guest door= kind= up= down=`: uses the socket that it is handed through a Unix socket.
pub(crate) fn guest(words: &Words) -> Result<Moved, Failure> {
    let door = UnixListener::bind(words.text("door")?)?;
    println!("ready");
    let (visitor, _) = door.accept()?;
    let mut moved = Moved::default();
    use_socket(words, &take(&visitor)?, &mut moved)?;
    Ok(moved)
}

/// Sends `up` bytes and receives `down` bytes, both in small pieces so that the programs take turns.
fn use_socket(words: &Words, socket: &OwnedFd, moved: &mut Moved) -> Result<(), Failure> {
    let (up, down) = (words.number("up")?, words.number("down")?);
    if words.text("kind")? == "tcp" {
        let mut tcp = TcpStream::from(socket.try_clone()?);
        for piece in pieces(up, 1400) {
            moved.tx += counted::send_all(&mut tcp, &vec![27; piece])?;
        }
        moved.rx += counted::receive(&mut tcp, down)?;
        tcp.flush()?;
        return Ok(());
    }
    // The peer answers each request with one datagram of 100 bytes; who of the three gets it is up to the kernel.
    let mut request = [27; 64];
    request[..8].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 100]);
    for piece in pieces(up, 64) {
        let sent = send(socket, &request[..piece.max(8)], SendFlags::empty()).map_err(io::Error::from)?;
        moved.tx += counted::count(sent)?;
    }
    let mut buffer = [0; 2048];
    while poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&QUIET)).map_err(io::Error::from)? > 0 {
        match recv(socket, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((_, received)) => moved.rx += counted::count(received)?,
            Err(rustix::io::Errno::AGAIN) => {} // another one was first
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(())
}

/// `total` in pieces of `size`, the last one smaller.
fn pieces(total: u64, size: usize) -> impl Iterator<Item = usize> {
    let mut left = usize::try_from(total).unwrap_or(usize::MAX);
    std::iter::from_fn(move || {
        let piece = left.min(size);
        left -= piece;
        (piece > 0).then_some(piece)
    })
}

fn give(door: &UnixStream, socket: &OwnedFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    message.push(SendAncillaryMessage::ScmRights(&sockets));
    sendmsg(door, &[IoSlice::new(b"!")], &mut message, SendFlags::empty())?;
    Ok(())
}

fn take(door: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    recvmsg(door, &mut [IoSliceMut::new(&mut [0])], &mut message, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets = message.drain().filter_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    sockets.next().ok_or_else(|| io::Error::other("no socket was handed over"))
}
