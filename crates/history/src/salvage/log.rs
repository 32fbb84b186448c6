//! The pages that stand in a write-ahead log (<https://sqlite.org/walformat.html>).

use std::{collections::HashMap, fs, io, path::Path};

use super::pages::PAGE;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const FRAME: usize = FRAME_HEADER + PAGE;

/// The newest committed content of each page that the log holds.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) pages: HashMap<u32, Vec<u8>>,
    /// Pages that cannot be what was written, although what was committed after them can be read: SQLite would drop all that follows.
    pub(super) damaged: u32,
}

impl Log {
    /// Nothing when there is no log, or nothing in it that was committed.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::of(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let (header, frames) = bytes.split_at_checked(HEADER)?;
        let is_big_endian = word(header, 0)? & 1 == 1;
        let salts = (word(header, 16)?, word(header, 20)?);
        let mut before = (word(header, 24)?, word(header, 28)?);
        let mut log = Self::default();
        let (mut waiting, mut broken): (Vec<(u32, &[u8])>, u32) = (Vec::new(), 0);
        for frame in frames.chunks_exact(FRAME) {
            let (head, page) = frame.split_at(FRAME_HEADER);
            let (number, committed) = (word(head, 0)?, word(head, 4)?);
            if (word(head, 8)?, word(head, 12)?) != salts {
                // Of an earlier turn of the log, or a header that is damaged; the next frame may tell.
                broken += 1;
                continue;
            }
            // The sum of each frame goes on from that of the frame before, as that says itself: one that is damaged costs no other.
            let said = (word(head, 16)?, word(head, 20)?);
            let sum = checksum(checksum(before, head.get(..8)?, is_big_endian)?, page, is_big_endian)?;
            before = said;
            if sum == said {
                waiting.push((number, page));
            } else {
                broken += 1;
            }
            if sum == said && committed != 0 {
                // A transaction begins when the one before it is on the disk: what lies before a commit was whole once.
                log.damaged += std::mem::take(&mut broken);
                log.pages.extend(waiting.drain(..).map(|(number, page)| (number, page.to_vec())));
            }
        }
        Some(log)
    }
}

fn checksum(sum: (u32, u32), bytes: &[u8], is_big_endian: bool) -> Option<(u32, u32)> {
    let number = |bytes: &[u8]| {
        let bytes = <[u8; 4]>::try_from(bytes).ok()?;
        Some(if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    bytes.chunks_exact(8).try_fold(sum, |(first, second), pair| {
        let first = first.wrapping_add(number(pair.get(..4)?)?).wrapping_add(second);
        Some((first, second.wrapping_add(number(pair.get(4..)?)?).wrapping_add(first)))
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
