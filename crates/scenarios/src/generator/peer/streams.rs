use std::{io, net::SocketAddr, thread};

use rustix::event::{PollFd, PollFlags, poll};
use socket2::{Domain, SockAddr, Socket};

use super::{House, LOOK, Service};
use crate::{moved::Failure, stream};

/// A listener for IPv4 and IPv6, and its port.
pub(super) fn bind(protocol: &str, port: u16) -> Result<(u16, Service), Failure> {
    let listener = stream::socket(Domain::IPV6, protocol)?;
    listener.set_only_v6(false)?;
    listener.set_reuse_address(true)?;
    listener.bind(&SockAddr::from(SocketAddr::from(([0_u16; 8], port))))?;
    listener.listen(4096)?;
    let port = listener.local_addr()?.as_socket().map_or(0, |address| address.port());
    Ok((port, Box::new(move |house| accept(&listener, house))))
}

fn accept(listener: &Socket, house: &House) -> io::Result<()> {
    let look = LOOK.try_into().map_err(io::Error::other)?;
    thread::scope(|scope| {
        loop {
            let is_over = house.is_over();
            if poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&look))? > 0 {
                let (socket, _) = listener.accept()?;
                scope.spawn(move || serve(&socket, house));
            } else if is_over {
                return Ok(());
            }
        }
    })
}

/// Serves one connection to its end. How it ends is the business of who opened it; what was moved until then counts.
fn serve(socket: &Socket, house: &House) {
    let received = |count| house.tally.received(count);
    let Ok(Some((up, down))) = stream::read_greeting(socket, received) else { return };
    thread::scope(|scope| {
        if down > 0 {
            scope.spawn(|| stream::write_bytes(socket, down, |count| house.tally.sent(count)));
        }
        // One byte more than was announced, so that the end is read as well.
        stream::read_bytes(socket, up.saturating_add(1), received)
    })
    .unwrap_or_default();
}
