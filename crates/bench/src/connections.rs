//! 64-byte messages over loopback, between two threads that are each bound to a core.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    panic, thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::cores::{Cores, pin};

pub(crate) const MESSAGE: [u8; 64] = [7; 64];
/// Nothing on loopback takes so long; a bench that hangs ends with an error.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections go to one address: a closed one keeps its port for a minute.
const OF_ONE_ADDRESS: u32 = 4096;

/// How long one of `count` took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paced {
    pub(crate) count: u32,
    pub(crate) elapsed: Duration,
}

impl Paced {
    /// Microseconds of one.
    pub(crate) fn micros(self) -> f64 {
        self.elapsed.as_secs_f64() * 1e6 / f64::from(self.count.max(1))
    }

    pub(crate) fn per_second(self) -> f64 {
        f64::from(self.count) / self.elapsed.as_secs_f64()
    }
}

/// Round trips of datagrams. An empty one tells the server to end.
pub(crate) fn udp(cores: Cores, time: Duration, any: Ipv4OrV6) -> anyhow::Result<Paced> {
    let (server, client) = (UdpSocket::bind(any.loopback(0))?, UdpSocket::bind(any.loopback(0))?);
    let to = server.local_addr()?;
    let serve = move || {
        server.set_read_timeout(Some(PATIENCE))?;
        let mut buffer = [0; 128];
        loop {
            match server.recv_from(&mut buffer)? {
                (0, _) => return Ok(()),
                (count, from) => server.send_to(buffer.get(..count).unwrap_or(&[]), from)?,
            };
        }
    };
    let call = move || {
        client.set_read_timeout(Some(PATIENCE))?;
        let mut buffer = [0; 128];
        let paced = repeat(time, |_| {
            client.send_to(&MESSAGE, to)?;
            client.recv_from(&mut buffer).map(drop)
        });
        client.send_to(&[], to)?;
        paced
    };
    between(cores, serve, call).context("the echo over UDP failed")
}

/// Round trips over one connection.
pub(crate) fn tcp(cores: Cores, time: Duration) -> anyhow::Result<Paced> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let to = listener.local_addr()?;
    let serve = move || echo(&listener.accept()?.0);
    let call = move || {
        let stream = connect(to)?;
        repeat(time, |_| exchange(&stream))
    };
    between(cores, serve, call).context("the echo over TCP failed")
}

/// Connections, each with one round trip, as fast as they come.
pub(crate) fn connections(cores: Cores, time: Duration) -> anyhow::Result<Paced> {
    connections_at(cores, time, Duration::ZERO)
}

/// Connections, each with one round trip, and at least `apart`. One without a byte tells the server to end.
pub(crate) fn connections_at(cores: Cores, time: Duration, apart: Duration) -> anyhow::Result<Paced> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr()?.port();
    let serve = move || {
        loop {
            let (stream, _) = listener.accept()?;
            if echo_first(&stream)? == 0 {
                return Ok(());
            }
        }
    };
    let call = move || {
        let began = Instant::now();
        let paced = repeat(time, |number| {
            thread::sleep((apart * number).saturating_sub(began.elapsed()));
            exchange(&connect(SocketAddr::from((loopback(number / OF_ONE_ADDRESS), port)))?)
        });
        drop(connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?);
        paced
    };
    between(cores, serve, call).context("the connections failed")
}

/// Which family.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ipv4OrV6 {
    V4,
    V6,
}

impl Ipv4OrV6 {
    fn loopback(self, port: u16) -> SocketAddr {
        match self {
            Self::V4 => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            Self::V6 => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
        }
    }
}

/// 127.0.0.1 and those that follow it.
pub(crate) fn loopback(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + number % 0xff_0000)
}

pub(crate) fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends a message and waits until all of it is back.
pub(crate) fn exchange(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(&MESSAGE)?;
    stream.read_exact(&mut [0; MESSAGE.len()])
}

/// Sends back what comes, until the other side closes.
fn echo(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while echo_first(stream)? > 0 {}
    Ok(())
}

/// Sends back one piece; how many bytes it was.
pub(crate) fn echo_first(mut stream: &TcpStream) -> io::Result<usize> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = [0; 128];
    let count = stream.read(&mut buffer)?;
    stream.write_all(buffer.get(..count).unwrap_or(&[]))?;
    Ok(count)
}

fn repeat(time: Duration, mut once: impl FnMut(u32) -> io::Result<()>) -> io::Result<Paced> {
    let began = Instant::now();
    for number in 0..u32::MAX {
        once(number)?;
        let elapsed = began.elapsed();
        if elapsed >= time {
            return Ok(Paced { count: number + 1, elapsed });
        }
    }
    Err(io::Error::other("the time is too long"))
}

/// Runs both, each on its core, and waits for both.
fn between(
    cores: Cores,
    serve: impl FnOnce() -> io::Result<()> + Send,
    call: impl FnOnce() -> io::Result<Paced> + Send,
) -> anyhow::Result<Paced> {
    thread::scope(|scope| {
        let server = scope.spawn(move || pin(cores.server).and_then(|()| Ok(serve()?)));
        let client = scope.spawn(move || pin(cores.client).and_then(|()| Ok(call()?)));
        let paced = client.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        server.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))?;
        paced
    })
}
