//! The database in rpm's own format: a file with a table of slots at its beginning, and headers.
//!
//! All numbers have four bytes, little-endian. The file begins with "RpmP", the version 0, a generation and
//! the number of pages of 4096 bytes that the slots take, the first 32 bytes of which are this beginning. A
//! slot is "Slot", the package's number, and where its header lies in blocks of 16 bytes: first and count;
//! first is 0 in an empty slot. A header has "BlbS", the package's number, a generation and its length before
//! it. Source: rpm, lib/backend/ndb/rpmpkg.c.
//!
//! rpm has an index of names besides, `Index.db`. All headers are read instead: the names of the files in
//! each, some 20 MB on a large machine.

use std::{cell::Cell, collections::HashMap, fs::File, io, os::unix::fs::FileExt as _, path::Path};

use super::{Bytes, Header, MOST_NAMESAKES, NAMESAKES_TEXT, Tag, answers, owner, split};
use crate::{Answers, OwnedFile, PackagesError};

const PAGE: usize = 4096;
const SLOT: usize = 16;
const BEGINNING: usize = 32;

/// 260 000 packages.
const MOST_PAGES: u32 = 1024;

/// More than the names of all files of any machine.
const MOST_BYTES: u64 = 512 << 20;

pub(super) fn find(file: &File, at: &Path, spellings: &[Vec<Vec<u8>>]) -> Result<Answers, PackagesError> {
    read(file, spellings).map(answers).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => PackagesError::broken(at, error.to_string()),
        io::ErrorKind::UnexpectedEof => PackagesError::broken(at, "it is cut off"),
        _ => PackagesError::read(at, error),
    })
}

fn read(file: &File, spellings: &[Vec<Vec<u8>>]) -> io::Result<Vec<Vec<OwnedFile>>> {
    let broken = |fault: &str| Err(io::Error::new(io::ErrorKind::InvalidData, fault));
    let bytes = InFile { file, left: Cell::new(MOST_BYTES) };
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, spellings) in spellings.iter().enumerate() {
        if let Some((_, name)) = spellings.first().and_then(|path| split(path)) {
            places.entry(name).or_default().push(place);
        }
    }
    let mut owners: Vec<Vec<OwnedFile>> = spellings.iter().map(|_| Vec::new()).collect();
    let mut page = [0; PAGE];
    bytes.read_at(&mut page, 0)?;
    let pages = little_endian(&page, 12);
    if !page.starts_with(b"RpmP") || little_endian(&page, 4) != 0 || pages > MOST_PAGES {
        return broken("it does not begin as rpm's database of version 0 does");
    }
    for number in 0..pages {
        bytes.read_at(&mut page, u64::from(number) * 4096)?;
        let first = if number == 0 { BEGINNING } else { 0 };
        for slot in page.get(first..).unwrap_or_default().chunks_exact(SLOT) {
            if !slot.starts_with(b"Slot") {
                return broken("a slot does not begin as one");
            }
            let (package, block, blocks) =
                (little_endian(slot, 4), little_endian(slot, 8), little_endian(slot, 12));
            if block == 0 {
                continue;
            }
            let mut before = [0; 16];
            let start = u64::from(block) * 16;
            bytes.read_at(&mut before, start)?;
            let length = u64::from(little_endian(&before, 12));
            if !before.starts_with(b"BlbS")
                || little_endian(&before, 4) != package
                || length > u64::from(blocks) * 16
            {
                return broken("a slot does not lead to its package");
            }
            owned(&Header::read(&bytes, start + 16, length)?, &places, spellings, &mut owners)?;
        }
    }
    Ok(owners)
}

/// Adds what one package owns of the wanted paths.
fn owned(
    header: &Header<'_>,
    places: &HashMap<&[u8], Vec<usize>>,
    spellings: &[Vec<Vec<u8>>],
    owners: &mut [Vec<OwnedFile>],
) -> io::Result<()> {
    let mut hits = Vec::new();
    header.texts(Tag::BASENAMES, |index, name| {
        hits.extend(places.get(name).into_iter().flatten().map(|place| (index, *place)));
        hits.len() <= MOST_NAMESAKES
    })?;
    if hits.len() > MOST_NAMESAKES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a package has more than {NAMESAKES_TEXT}"),
        ));
    }
    for (index, place) in hits {
        let found = spellings.get(place).map_or(Ok(None), |spellings| owner(header, index, spellings))?;
        if let Some(owners) = owners.get_mut(place) {
            owners.extend(found);
        }
    }
    Ok(())
}

struct InFile<'a> {
    file: &'a File,
    left: Cell<u64>,
}

impl Bytes for InFile<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        super::header::spend(&self.left, buffer.len())?;
        self.file.read_exact_at(buffer, offset)
    }
}

fn little_endian(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}
