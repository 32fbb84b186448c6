//! A program that holds open sockets, for the daemon to read.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    net::sockopt::set_socket_linger,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use crate::connections::{MESSAGE, connect, loopback};

/// What it prints when all are open.
pub(crate) const OPEN: &str = "open";

/// Opens connections with itself, two sockets each, and holds them until stdin ends; when it is `moving`, each of them moves
/// a message both ways once a second.
pub(crate) fn hold(count: u32, is_moving: bool) -> anyhow::Result<()> {
    allow_descriptors(u64::from(count) + 100)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr()?.port();
    let mut pairs = Vec::new();
    for number in 0..count / 2 {
        // To another address now and then, because the ports of one are few.
        let client = connect(SocketAddr::from((loopback(std::process::id() + number / 512), port)))?;
        let (server, _) = listener.accept()?;
        // Closed without a minute of waiting, in which the kernel would keep them.
        set_socket_linger(&client, Some(Duration::ZERO))?;
        pairs.push((client, server));
    }
    move_once(&pairs)?;
    writeln!(io::stdout(), "{OPEN}")?;
    let (ended, end) = channel();
    thread::spawn(move || {
        // An error ends it as well as the end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        // Nobody waits any more when the program ends by itself.
        let _ = ended.send(());
    });
    while end.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        if is_moving {
            move_once(&pairs)?;
        }
    }
    Ok(())
}

fn move_once(pairs: &[(TcpStream, TcpStream)]) -> io::Result<()> {
    for (mut client, mut server) in pairs.iter().map(|(client, server)| (client, server)) {
        client.write_all(&MESSAGE)?;
        server.read_exact(&mut [0; MESSAGE.len()])?;
        server.write_all(&MESSAGE)?;
        client.read_exact(&mut [0; MESSAGE.len()])?;
    }
    Ok(())
}

/// As many as this may have; it may not need the right to have more than a shell gives.
fn allow_descriptors(count: u64) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    // None is no limit.
    let current = limit.maximum.map_or(count, |maximum| maximum.min(count));
    let limit = Rlimit { current: Some(current), maximum: limit.maximum };
    setrlimit(Resource::Nofile, limit).with_context(|| format!("this may not open {count} descriptors"))
}
