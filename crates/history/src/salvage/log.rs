//! The pages that stand in a write-ahead log (<https://sqlite.org/walformat.html>).

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use super::pages::PAGE;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const FRAME: usize = FRAME_HEADER + PAGE;

/// The newest committed content of each page that the log holds.
#[derive(Debug)]
pub(super) struct Log<Page = Vec<u8>> {
    pub(super) pages: HashMap<u32, Page>,
    /// Pages that cannot be what was written, although what was committed after them can be read: SQLite would drop all that follows.
    pub(super) damaged: u32,
}

impl<Page> Default for Log<Page> {
    fn default() -> Self {
        Self { pages: HashMap::new(), damaged: 0 }
    }
}

impl Log {
    /// Nothing when there is no log, or nothing in it that was committed.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Self::of(path, <[u8]>::to_vec)
    }
}

impl Log<()> {
    /// The same without the contents.
    pub(super) fn look(path: &Path) -> io::Result<Self> {
        Self::of(path, |_| ())
    }
}

impl<Page> Log<Page> {
    fn of(path: &Path, keep: impl Fn(&[u8]) -> Page) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => {
                let mut log = Self::default();
                log.take(BufReader::with_capacity(64 * FRAME, file), keep)?;
                Ok(log)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Takes in what a log holds, up to its end.
    fn take(&mut self, mut log: impl Read, keep: impl Fn(&[u8]) -> Page) -> io::Result<()> {
        let (mut header, mut frame) = ([0; HEADER], vec![0; FRAME]);
        if !fill(&mut log, &mut header)? {
            return Ok(());
        }
        let is_big_endian = word(&header, 0) & 1 == 1;
        let salts = (word(&header, 16), word(&header, 20));
        let mut before = (word(&header, 24), word(&header, 28));
        let (mut waiting, mut broken): (Vec<(u32, Page)>, u32) = (Vec::new(), 0);
        let mut in_doubt: Option<(Vec<(u32, Page)>, u32)> = None;
        while fill(&mut log, &mut frame)? {
            let (head, page) = frame.split_at(FRAME_HEADER);
            let (number, committed) = (word(head, 0), word(head, 4));
            if (word(head, 8), word(head, 12)) != salts {
                // Of an earlier turn of the log, or a header that is damaged; the next frame may tell.
                broken += 1;
                continue;
            }
            // The sum of each frame goes on from that of the frame before, as that says itself: one that is damaged costs no other.
            let said = (word(head, 16), word(head, 20));
            let sum = checksum(checksum(before, &head[..8], is_big_endian), page, is_big_endian);
            before = said;
            if sum != said {
                broken += 1;
                continue;
            }
            // A transaction begins when the one before it is on the disk: that was whole once.
            if let Some((pages, damaged)) = in_doubt.take() {
                self.pages.extend(pages);
                self.damaged += damaged;
            }
            waiting.push((number, keep(page)));
            if committed != 0 {
                let (pages, damaged) = (std::mem::take(&mut waiting), std::mem::take(&mut broken));
                if damaged == 0 {
                    self.pages.extend(pages);
                } else {
                    // The last one may have lost its power before all of it was there: then it never was.
                    in_doubt = Some((pages, damaged));
                }
            }
        }
        Ok(())
    }
}

/// Reads so much; `false` when there is not so much left.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum(sum: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    let number = |bytes: [u8; 4]| {
        if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    let (numbers, _) = bytes.as_chunks::<4>();
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs.iter().fold(sum, |(first, second), [one, other]| {
        let first = first.wrapping_add(number(*one)).wrapping_add(second);
        (first, second.wrapping_add(number(*other)).wrapping_add(first))
    })
}

/// A number of a header; 0 behind its end.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
