use std::io;

use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Socket, Type};

use super::{House, LOOK, Service};
use crate::{moved::Failure, packet};

/// A packet socket that sends every frame of our type back.
pub(super) fn bind(device: &str) -> Result<Service, Failure> {
    let socket = packet::socket(device, Type::RAW)?;
    Ok(Box::new(move |house| serve(&socket, house)))
}

fn serve(socket: &Socket, house: &House) -> io::Result<()> {
    socket.set_read_timeout(Some(LOOK))?;
    let mut buffer = vec![0; packet::LARGEST];
    loop {
        let is_over = house.is_over();
        match recv(socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((_, read)) => {
                house.tally.received(read);
                house.tally.sent(send(socket, &buffer[..read], SendFlags::empty())?);
            }
            Err(rustix::io::Errno::AGAIN) if is_over => return Ok(()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
