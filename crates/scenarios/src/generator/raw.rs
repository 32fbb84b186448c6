//! Raw IP sockets.

use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{
    moved::{Failure, Moved},
    udp,
    words::{Words, parse},
};

/// What stands before the payload in what a raw socket receives over IPv4.
pub(crate) const IPV4_HEADER: usize = 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// `to=ADDRESS:0 protocol= count= size= [answers= answer_size=]`.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let protocol = Protocol::from(parse::<i32>("protocol", words.text("protocol")?)?);
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol))
        .map_err(|error| Failure::of_feature("socket() for raw IP", error))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let to = SockAddr::from(words.address("to")?);
    let (answers, answer_size) = (words.number_or("answers", 0)?, words.number_or("answer_size", 0)?);
    let data = udp::request(words.size("size")?, answers, answer_size);
    let mut buffer = vec![0; udp::LARGEST];
    for _ in 0..words.number("count")? {
        moved.sent(socket.send_to(&data, &to)?);
        for _ in 0..answers {
            let (_, read) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
            moved.received(read);
        }
    }
    Ok(moved)
}
