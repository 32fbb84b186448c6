//! The child's work.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::ExitCode,
    time::Duration,
};

use portolan_core::{Flow, Protocol};

const WAIT: Duration = Duration::from_secs(5);
const DATAGRAMS: usize = 10;

/// The exit code for: all done, but this machine has no IPv6 on its loopback.
pub(super) const WITHOUT_IPV6: u8 = 66;

/// What the child waits for; without it, it moves nothing.
pub(super) const GO: &[u8] = b"go";

/// One protocol over one version of IP.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) ipv6: bool,
    protocol: Protocol,
    /// Of the stream, or of each datagram. All four differ, so that no mix-up goes unseen.
    size: usize,
}

pub(super) const PARTS: [Part; 4] = [
    Part { name: "tcp-ipv4", ipv6: false, protocol: Protocol::Tcp, size: 100_003 },
    Part { name: "udp-ipv4", ipv6: false, protocol: Protocol::Udp, size: 997 },
    Part { name: "tcp-ipv6", ipv6: true, protocol: Protocol::Tcp, size: 70_001 },
    Part { name: "udp-ipv6", ipv6: true, protocol: Protocol::Udp, size: 499 },
];

impl Part {
    /// Everything that is sent is received.
    pub(super) fn bytes(&self) -> u64 {
        let count = if self.protocol == Protocol::Tcp { 1 } else { DATAGRAMS };
        u64::try_from(self.size * count).unwrap_or_default()
    }

    fn run(&self) -> io::Result<()> {
        let address: IpAddr = if self.ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let address = SocketAddr::from((address, 0));
        if self.protocol == Protocol::Tcp {
            stream(address, self.size)
        } else {
            datagrams(address, self.size)
        }
    }
}

/// The part that a flow of the child belongs to.
pub(super) fn part_of(flow: &Flow) -> Option<usize> {
    let is_ipv6 = flow.local.or(flow.remote)?.address.is_ipv6();
    PARTS.iter().position(|part| part.protocol == flow.protocol && part.ipv6 == is_ipv6)
}

/// Moves the bytes of every part. The exit code says whether it could.
#[must_use]
pub fn move_known_bytes() -> ExitCode {
    let is_missing = |error: &io::Error| {
        error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
    };
    if io::stdin().read_exact(&mut [0; GO.len()]).is_err() {
        return ExitCode::FAILURE;
    }
    let mut code = ExitCode::SUCCESS;
    for part in &PARTS {
        match part.run() {
            Ok(()) => {}
            Err(error) if part.ipv6 && is_missing(&error) => code = ExitCode::from(WITHOUT_IPV6),
            Err(_) => return ExitCode::FAILURE,
        }
    }
    code
}

fn stream(address: SocketAddr, size: usize) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    server.set_read_timeout(Some(WAIT))?;
    let sender = std::thread::spawn(move || client.write_all(&vec![1; size]));
    server.read_exact(&mut vec![0; size])?;
    sender.join().map_err(|_| io::Error::other("the sending thread panicked"))?
}

fn datagrams(address: SocketAddr, size: usize) -> io::Result<()> {
    let receiver = UdpSocket::bind(address)?;
    receiver.set_read_timeout(Some(WAIT))?;
    let sender = UdpSocket::bind(address)?;
    for _ in 0..DATAGRAMS {
        sender.send_to(&vec![2; size], receiver.local_addr()?)?;
        receiver.recv_from(&mut vec![0; size])?;
    }
    Ok(())
}
