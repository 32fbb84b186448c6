//! 28: sockets of every kind that are open, and have moved bytes, before the daemon starts. Only what they move from then
//! on is printed.

use std::{
    io::{self, Read},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use crate::{
    counted,
    moved::{Failure, Moved},
    stream,
    words::Words,
};

/// How long no datagram has to come before none is expected.
const QUIET: Duration = Duration::from_millis(400);

/// `before listen=ADDRESS tcp=PEER udp=PEER early= waiting= late=`
///
/// Prints `listening tcp=PORT` for the visitor, then `ready` when the early bytes have been moved, and goes on when stdin
/// ends. `waiting` bytes of the peer wait in the socket's buffer meanwhile.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let (early, waiting, late) = (words.number("early")?, words.number("waiting")?, words.number("late")?);
    let listener = TcpListener::bind(words.address("listen")?)?;
    println!("listening tcp={}", listener.local_addr()?.port());
    let mut outbound = TcpStream::connect(words.address("tcp")?)?;
    counted::send_all(&mut outbound, &stream::greeting(early + late, waiting))?;
    counted::send_all(&mut outbound, &filled(early)?)?;
    let (mut inbound, _) = listener.accept()?;
    counted::receive(&mut inbound, early)?;
    let udp = words.address("udp")?;
    let connected = UdpSocket::bind(counted::any(udp))?;
    connected.connect(udp)?;
    connected.send(&asking_for_answers(0))?;
    let unconnected = UdpSocket::bind(counted::any(udp))?;
    unconnected.send_to(&asking_for_answers(0), udp)?;
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new())?;

    let mut moved = Moved::default();
    moved.tx += counted::send_all(&mut outbound, &filled(late)?)?;
    outbound.shutdown(Shutdown::Write)?;
    moved.rx += counted::receive_all(&mut outbound)?;
    answer(inbound, &mut moved)?;
    answer(listener.accept()?.0, &mut moved)?;
    for size in [100, 1200, 8] {
        let mut request = asking_for_answers(2);
        request.resize(size, 28);
        moved.tx += counted::count(connected.send(&request)?)?;
        moved.tx += counted::count(unconnected.send_to(&request, udp)?)?;
    }
    for socket in [connected, unconnected] {
        socket.set_read_timeout(Some(QUIET))?;
        let mut buffer = [0; 2048];
        while let Ok((bytes, _)) = socket.recv_from(&mut buffer) {
            moved.rx += counted::count(bytes)?;
        }
    }
    Ok(moved)
}

/// `visitor to= early= late=`: the other end of the accepted connections. Prints `ready`, and goes on when stdin ends.
pub(crate) fn visitor(words: &Words) -> Result<Moved, Failure> {
    let (early, late) = (words.number("early")?, words.number("late")?);
    let mut first = TcpStream::connect(words.address("to")?)?;
    counted::send_all(&mut first, &filled(early)?)?;
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new())?;

    let mut moved = Moved::default();
    let second = TcpStream::connect(words.address("to")?)?;
    for mut connection in [first, second] {
        moved.tx += counted::send_all(&mut connection, &filled(late)?)?;
        connection.shutdown(Shutdown::Write)?;
        moved.rx += counted::receive_all(&mut connection)?;
    }
    Ok(moved)
}

/// Receives everything, sends half as much back, and closes.
fn answer(mut connection: TcpStream, moved: &mut Moved) -> io::Result<()> {
    let received = counted::receive_all(&mut connection)?;
    moved.rx += received;
    moved.tx += counted::send_all(&mut connection, &filled(received / 2)?)?;
    Ok(())
}

fn filled(bytes: u64) -> io::Result<Vec<u8>> {
    Ok(vec![28; usize::try_from(bytes).map_err(io::Error::other)?])
}

/// A request for datagrams of 333 bytes from the peer.
fn asking_for_answers(count: u32) -> Vec<u8> {
    [count.to_be_bytes(), 333_u32.to_be_bytes()].concat()
}
