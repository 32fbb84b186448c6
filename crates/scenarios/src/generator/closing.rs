//! 35: every way in which a connection can end.
//!
//! The client says in its first nine bytes which one: a letter, and how many bytes go each way (big endian). Both sides count
//! what their calls returned, so what a reset throws away is counted by nobody.

use std::{
    io::{self, Read},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt},
};

use crate::{
    counted,
    moved::{Failure, Moved},
    words::Words,
};

/// The shutdowns of the client, in order; what follows a letter of `ORDERS`.
const ORDERS: [(u8, &[Shutdown]); 7] = [
    (b'0', &[]),
    (b'1', &[Shutdown::Write]),
    (b'2', &[Shutdown::Read]),
    (b'3', &[Shutdown::Write, Shutdown::Read]),
    (b'4', &[Shutdown::Read, Shutdown::Write]),
    (b'5', &[Shutdown::Both]),
    (b'6', &[Shutdown::Write, Shutdown::Both]),
];

/// `close how=LETTER to= up= down=`
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let [how] = words.text("how")?.as_bytes() else {
        return Err(io::Error::other("how= is one letter").into());
    };
    let (up, down) = (words.number("up")?, words.number("down")?);
    let mut connection = TcpStream::connect(words.address("to")?)?;
    let mut first = vec![*how];
    for bytes in [up, down] {
        first.extend(u32::try_from(bytes).map_err(io::Error::other)?.to_be_bytes());
    }
    let mut moved = Moved { tx: counted::send_all(&mut connection, &first)?, rx: 0 };
    let data = vec![35; usize::try_from(up).map_err(io::Error::other)?];
    match how {
        // The server ends its half first.
        b's' => {
            moved.rx += counted::receive_all(&mut connection)?;
            moved.tx += counted::send_all(&mut connection, &data)?;
        }
        // Reset by the client with unread bytes in its buffer, by SO_LINGER or by closing all the same.
        b'l' | b'u' => {
            moved.tx += counted::send_all(&mut connection, &data)?;
            moved.rx += counted::receive(&mut connection, down / 2)?;
            wait_readable(&connection)?;
            if *how == b'l' {
                sockopt::set_socket_linger(&connection, Some(Duration::ZERO)).map_err(io::Error::from)?;
            }
        }
        // Reset by the server.
        b'L' => {
            moved.tx += counted::send_until_refused(&mut connection, &data)?;
            moved.rx += counted::receive_all(&mut connection)?;
        }
        _ => {
            let (_, order) = ORDERS
                .iter()
                .find(|(letter, _)| letter == how)
                .ok_or_else(|| io::Error::other("how= is a letter that this program does not know"))?;
            moved.tx += counted::send_all(&mut connection, &data)?;
            if down > 0 {
                wait_readable(&connection)?; // so that a shutdown for reading finds something
            }
            for half in *order {
                match connection.shutdown(*half) {
                    Err(error) if error.kind() != io::ErrorKind::NotConnected => return Err(error.into()),
                    _ => {}
                }
            }
            if order.iter().any(|half| *half != Shutdown::Read) {
                moved.rx += counted::receive_all(&mut connection)?;
            } else {
                moved.rx += counted::receive(&mut connection, down.min(1))?;
            }
        }
    }
    Ok(moved)
}

fn wait_readable(connection: &TcpStream) -> io::Result<()> {
    poll(&mut [PollFd::new(connection, PollFlags::IN)], None)?;
    Ok(())
}

/// `close-peer listen= connections=`: the other end, prints `ready tcp=PORT`.
pub(crate) fn peer(words: &Words) -> Result<Moved, Failure> {
    let listener = TcpListener::bind(words.address("listen")?)?;
    println!("ready tcp={}", listener.local_addr()?.port());
    let mut moved = Moved::default();
    for _ in 0..words.number("connections")? {
        let (connection, _) = listener.accept()?;
        serve(connection, &mut moved)?;
    }
    Ok(moved)
}

fn serve(mut connection: TcpStream, moved: &mut Moved) -> io::Result<()> {
    let mut first = [0; 9];
    connection.read_exact(&mut first)?;
    moved.rx += counted::count(first.len())?;
    let [how, numbers @ ..] = first;
    let up = u32::from_be_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]);
    let down = u32::from_be_bytes([numbers[4], numbers[5], numbers[6], numbers[7]]);
    let data = vec![53; usize::try_from(down).map_err(io::Error::other)?];
    match how {
        b's' => {
            moved.tx += counted::send_all(&mut connection, &data)?;
            connection.shutdown(Shutdown::Write)?;
            moved.rx += counted::receive_all(&mut connection)?;
        }
        b'L' => {
            moved.tx += counted::send_all(&mut connection, &data)?;
            moved.rx += counted::receive(&mut connection, u64::from(up / 2))?;
            sockopt::set_socket_linger(&connection, Some(Duration::ZERO))?;
        }
        b'l' | b'u' => {
            moved.tx += counted::send_until_refused(&mut connection, &data)?;
            moved.rx += counted::receive_all(&mut connection)?;
        }
        _ => {
            moved.rx += counted::receive(&mut connection, u64::from(up))?;
            moved.tx += counted::send_until_refused(&mut connection, &data)?;
            // When nothing more comes from here, the client's receiving ends.
            match connection.shutdown(Shutdown::Write) {
                Err(error) if error.kind() != io::ErrorKind::NotConnected => return Err(error),
                _ => {}
            }
            moved.rx += counted::receive_all(&mut connection)?;
        }
    }
    Ok(())
}

/// `swallowed to=`: connects to an address that answers nothing, once until the program gives up and once until the kernel
/// does.
pub(crate) fn swallowed(words: &Words) -> Result<Moved, Failure> {
    let address = words.address("to")?;
    let attempt = socket(address, SocketFlags::NONBLOCK)?;
    match connect(&attempt, &address) {
        Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(io::Error::from(error).into()),
        Ok(()) => return Err(io::Error::other("somebody answered").into()),
    }
    let patience = Timespec { tv_sec: 0, tv_nsec: 300_000_000 };
    if poll(&mut [PollFd::new(&attempt, PollFlags::OUT)], Some(&patience)).map_err(io::Error::from)? > 0 {
        return Err(io::Error::other("somebody answered").into());
    }
    let attempt = socket(address, SocketFlags::empty())?;
    sockopt::set_tcp_user_timeout(&attempt, 500).map_err(io::Error::from)?;
    match connect(&attempt, &address) {
        Err(rustix::io::Errno::TIMEDOUT) => Ok(Moved::default()),
        result => Err(io::Error::other(format!("the connection did not time out: {result:?}")).into()),
    }
}

fn socket(address: SocketAddr, flags: SocketFlags) -> io::Result<std::os::fd::OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, SocketType::STREAM, flags | SocketFlags::CLOEXEC, None)?)
}
