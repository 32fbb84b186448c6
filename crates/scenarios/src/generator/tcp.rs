//! Connections, in all sizes and numbers.

use std::{io, thread, time::Duration};

use socket2::{Domain, SockAddr};

use crate::{
    moved::{Failure, Moved},
    stream,
    words::Words,
};

/// `to= up= down= [protocol=tcp|sctp|mptcp]`: one connection, both ways at once.
pub(crate) fn transfer(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (up, down) = (words.number_or("up", 0)?, words.number_or("down", 0)?);
    let protocol = words.get("protocol").unwrap_or("tcp");
    let socket = stream::open(words.address("to")?, protocol, up, down, &mut moved)?;
    moved += stream::both_ways(&socket, up, down)?;
    Ok(moved)
}

/// `to= count= up= down=`: so many connections, one after the other.
pub(crate) fn many(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (up, down) = (words.number_or("up", 0)?, words.number_or("down", 0)?);
    for _ in 0..words.number("count")? {
        let socket = stream::open(words.address("to")?, "tcp", up, down, &mut moved)?;
        moved += stream::both_ways(&socket, up, down)?;
    }
    Ok(moved)
}

/// `to= rate= seconds= pause_after= pause=`: so many bytes a second in eight pieces; after `pause_after` seconds nothing for
/// `pause` seconds.
pub(crate) fn drip(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let (rate, seconds) = (words.number("rate")?, words.number("seconds")?);
    let (pause_after, pause) = (words.number("pause_after")?, words.number("pause")?);
    let piece = rate / 8;
    let socket = stream::open(words.address("to")?, "tcp", piece * 8 * seconds, 0, &mut moved)?;
    for second in 0..seconds {
        if second == pause_after {
            thread::sleep(Duration::from_secs(pause));
        }
        for _ in 0..8 {
            stream::write_bytes(&socket, piece, |count| moved.sent(count))?;
            thread::sleep(Duration::from_millis(125));
        }
    }
    Ok(moved)
}

/// `to= count=`: connections that end without a byte.
pub(crate) fn connect_only(words: &Words) -> Result<Moved, Failure> {
    let to = words.address("to")?;
    for _ in 0..words.number("count")? {
        stream::socket(Domain::for_address(to), "tcp")?.connect(&SockAddr::from(to))?;
    }
    Ok(Moved::default())
}

/// `to= count=`: connections that the other side refuses.
pub(crate) fn refused(words: &Words) -> Result<Moved, Failure> {
    let to = words.address("to")?;
    for _ in 0..words.number("count")? {
        match stream::socket(Domain::for_address(to), "tcp")?.connect(&SockAddr::from(to)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Err(Failure::Missing(format!("{to} does not refuse"))),
        }
    }
    Ok(Moved::default())
}
