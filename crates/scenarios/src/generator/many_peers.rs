//! 26: one socket that is not connected and talks to very many peers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use crate::{
    moved::{Failure, Moved},
    words::Words,
};

/// `many-peers first= count= port= largest=`: a datagram of 1 to `largest` bytes to each of `count` addresses in a row.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let first: IpAddr = words.text("first")?.parse().map_err(io::Error::other)?;
    let (count, largest) = (words.number("count")?, words.number("largest")?);
    let port = u16::try_from(words.number("port")?).map_err(io::Error::other)?;
    let any = if first.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    let data = vec![26; usize::try_from(largest).map_err(io::Error::other)?];
    let mut moved = Moved::default();
    for index in 0..count {
        // Sizes that differ from peer to peer, so that no count can be mistaken for another.
        let size =
            usize::try_from(1 + index.wrapping_mul(2_654_435_761) % largest).map_err(io::Error::other)?;
        let sent = socket.send_to(&data[..size], SocketAddr::new(nth(first, index)?, port))?;
        moved.tx += u64::try_from(sent).map_err(io::Error::other)?;
    }
    Ok(moved)
}

fn nth(first: IpAddr, index: u64) -> io::Result<IpAddr> {
    Ok(match first {
        IpAddr::V4(first) => {
            let index = u32::try_from(index).map_err(io::Error::other)?;
            Ipv4Addr::from_bits(first.to_bits() + index).into()
        }
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() + u128::from(index)).into(),
    })
}
