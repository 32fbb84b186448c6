//! A connection into a pipe, without a copy through user space.

use std::fs::File;

use rustix::pipe::{SpliceFlags, pipe, splice};

use crate::{
    moved::{Failure, Moved},
    stream,
    words::Words,
};

const PIECE: usize = 65_536;

/// `to= down=`: what comes goes through a pipe into nothing.
pub(crate) fn run(words: &Words) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    let mut left = words.size("down")?;
    let socket = stream::open(words.address("to")?, "tcp", 0, words.number("down")?, &mut moved)?;
    let (read_end, write_end) = pipe()?;
    let nothing = File::options().write(true).open("/dev/null")?;
    while left > 0 {
        let count = splice(&socket, None, &write_end, None, left.min(PIECE), SpliceFlags::empty())?;
        if count == 0 {
            return Err(Failure::Missing(format!("{left} bytes did not come down")));
        }
        moved.received(count);
        left -= count;
        let mut waiting = count;
        while waiting > 0 {
            waiting -= splice(&read_end, None, &nothing, None, waiting, SpliceFlags::empty())?;
        }
    }
    Ok(moved)
}
