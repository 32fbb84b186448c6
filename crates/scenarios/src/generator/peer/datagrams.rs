use std::{io, net::SocketAddr};

use rustix::net::{RecvFlags, SendFlags, SocketAddrAny, recvfrom, sendto};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{House, LOOK, Service};
use crate::{moved::Failure, option, raw, udp};

/// A socket for IPv4 and IPv6, and its port. With `merged`, datagrams that were cut from one are read as one.
pub(super) fn bind(port: u16, merged: bool) -> Result<(u16, Service), Failure> {
    let socket = udp::socket(Domain::IPV6)?;
    socket.set_only_v6(false)?;
    if merged {
        option::set(&socket, libc::SOL_UDP, libc::UDP_GRO, 1_i32, "UDP_GRO")?;
    }
    socket.bind(&SockAddr::from(SocketAddr::from(([0_u16; 8], port))))?;
    let port = socket.local_addr()?.as_socket().map_or(0, |address| address.port());
    Ok((port, Box::new(move |house| serve(&socket, house, 0))))
}

/// A raw socket for an IP protocol, which gets every packet with its IPv4 header.
pub(super) fn raw(protocol: i32) -> Result<Service, Failure> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(protocol)))?;
    udp::widen(&socket)?;
    Ok(Box::new(move |house| serve(&socket, house, raw::IPV4_HEADER)))
}

fn serve(socket: &Socket, house: &House, header: usize) -> io::Result<()> {
    socket.set_read_timeout(Some(LOOK))?;
    let mut buffer = vec![0; udp::LARGEST];
    let answer = vec![0x3c; udp::LARGEST];
    loop {
        let is_over = house.is_over();
        match recvfrom(socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((_, read, from)) => {
                house.tally.received(read);
                let data = buffer.get(header..read).unwrap_or_default();
                let (count, size) = udp::asked(data);
                for _ in 0..count {
                    answer_to(socket, house, &answer[..size], from.as_ref())?;
                }
            }
            Err(rustix::io::Errno::AGAIN) if is_over => return Ok(()),
            // An ICMP error of a datagram that was sent before comes back here.
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR | rustix::io::Errno::CONNREFUSED) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn answer_to(socket: &Socket, house: &House, data: &[u8], to: Option<&SocketAddrAny>) -> io::Result<()> {
    let Some(to) = to else { return Ok(()) };
    match sendto(socket, data, SendFlags::empty(), to) {
        Ok(sent) => house.tally.sent(sent),
        // Who asked is gone.
        Err(rustix::io::Errno::CONNREFUSED) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(())
}
