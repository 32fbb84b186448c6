//! A package's header: an index of tags, and their data.
//!
//! Two numbers (entries of the index, bytes of data), then for each entry a tag, a type, an offset into the
//! data and a count, all of four bytes, big-endian; then the data. A list of texts is one text after another,
//! each with a NUL at its end. Source: rpm, docs/manual/format_header.md; the limits are those of
//! `hdrchkTags` and `hdrchkData` in lib/header.cc.

use std::{cell::Cell, io};

/// Where a header is read from.
pub(super) trait Bytes {
    /// Fills `buffer` with what is at `offset`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// What is read of a header. Source: rpmtag.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u32, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byte,
    Number,
    Text,
}

impl Tag {
    pub(super) const NAME: Self = Self(1000, Kind::Text);
    pub(super) const VERSION: Self = Self(1001, Kind::Text);
    pub(super) const RELEASE: Self = Self(1002, Kind::Text);
    pub(super) const EPOCH: Self = Self(1003, Kind::Number);
    pub(super) const ARCH: Self = Self(1022, Kind::Text);
    pub(super) const FILESTATES: Self = Self(1029, Kind::Byte);
    pub(super) const FILEDIGESTS: Self = Self(1035, Kind::Text);
    pub(super) const FILEFLAGS: Self = Self(1037, Kind::Number);
    pub(super) const FILEVERIFYFLAGS: Self = Self(1045, Kind::Number);
    pub(super) const DIRINDEXES: Self = Self(1116, Kind::Number);
    pub(super) const BASENAMES: Self = Self(1117, Kind::Text);
    pub(super) const DIRNAMES: Self = Self(1118, Kind::Text);
    pub(super) const FILEDIGESTALGO: Self = Self(5011, Kind::Number);

    const ALL: [Self; 13] = [
        Self::NAME,
        Self::VERSION,
        Self::RELEASE,
        Self::EPOCH,
        Self::ARCH,
        Self::FILESTATES,
        Self::FILEDIGESTS,
        Self::FILEFLAGS,
        Self::FILEVERIFYFLAGS,
        Self::DIRINDEXES,
        Self::BASENAMES,
        Self::DIRNAMES,
        Self::FILEDIGESTALGO,
    ];

    /// Whether a list of this tag has the type `number` of rpmtag.h: 2 a byte (1 was a character), 4 a number
    /// of four bytes, 6 a text, 8 a list of texts, 9 a text in several languages.
    fn has_type(self, number: u32) -> bool {
        match self.1 {
            Kind::Byte => matches!(number, 1 | 2),
            Kind::Number => number == 4,
            Kind::Text => matches!(number, 6 | 8 | 9),
        }
    }
}

const MOST_ENTRIES: u32 = 0xffff;
const MOST_DATA_BYTES: u32 = 256 << 20;
const ENTRY: usize = 16;

/// Longer texts are no path's part.
const LONGEST_TEXT: usize = 4096;

/// The index of one header, as far as it is needed.
pub(super) struct Header<'a> {
    bytes: &'a dyn Bytes,
    /// Tag, first byte, count.
    entries: Vec<(Tag, u64, usize)>,
    end: u64,
}

impl<'a> Header<'a> {
    /// Reads the index of the header at `start`, which has at most `room` bytes.
    pub(super) fn read(bytes: &'a dyn Bytes, start: u64, room: u64) -> io::Result<Self> {
        let mut counts = [0; 8];
        if room < 8 {
            return Err(broken("a header is cut off"));
        }
        bytes.read_at(&mut counts, start)?;
        let (entry_count, data_bytes) = (big_endian(&counts, 0), big_endian(&counts, 4));
        let index_bytes = u64::from(entry_count) * 16;
        if entry_count > MOST_ENTRIES || data_bytes > MOST_DATA_BYTES {
            return Err(broken("a header is larger than rpm allows"));
        }
        if 8 + index_bytes + u64::from(data_bytes) > room {
            return Err(broken("a header is cut off"));
        }
        let data = start + 8 + index_bytes;
        let mut entries: Vec<(Tag, u64, usize)> = Vec::new();
        let mut chunk = [0; 64 * ENTRY];
        let mut offset = start + 8;
        while offset < data {
            let length = usize::try_from(data - offset).unwrap_or(usize::MAX).min(chunk.len());
            let chunk = chunk.get_mut(..length).unwrap_or_default();
            bytes.read_at(chunk, offset)?;
            offset += u64::try_from(length).unwrap_or(u64::MAX);
            for entry in chunk.chunks_exact(ENTRY) {
                let Some(tag) = Tag::ALL.into_iter().find(|tag| tag.0 == big_endian(entry, 0)) else {
                    continue;
                };
                let (offset, count) = (big_endian(entry, 8), big_endian(entry, 12));
                if !tag.has_type(big_endian(entry, 4)) || offset > data_bytes || count > data_bytes {
                    return Err(broken("the index of a header does not fit its data"));
                }
                // What was added at the installation comes last and counts. Source: headerImport.
                entries.retain(|(known, ..)| *known != tag);
                entries.push((tag, data + u64::from(offset), usize::try_from(count).unwrap_or(usize::MAX)));
            }
        }
        Ok(Self { bytes, entries, end: data + u64::from(data_bytes) })
    }

    /// The byte with the number `index` of a list; `None` when there is none.
    pub(super) fn byte(&self, tag: Tag, index: usize) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok(self.fixed(tag, index, &mut byte)?.then_some(byte[0]))
    }

    /// The number at the place `index` of a list; `None` when there is none.
    pub(super) fn number(&self, tag: Tag, index: usize) -> io::Result<Option<u32>> {
        let mut bytes = [0; 4];
        Ok(self.fixed(tag, index, &mut bytes)?.then_some(u32::from_be_bytes(bytes)))
    }

    fn fixed(&self, tag: Tag, index: usize, into: &mut [u8]) -> io::Result<bool> {
        let Some((_, start, _)) = self.entry(tag).filter(|(.., count)| index < *count) else {
            return Ok(false);
        };
        let length = u64::try_from(into.len()).unwrap_or(u64::MAX);
        let offset =
            u64::try_from(index).ok().and_then(|index| index.checked_mul(length)?.checked_add(*start));
        let Some(offset) = offset.filter(|offset| offset.saturating_add(length) <= self.end) else {
            return Err(broken("a list goes beyond the end of its header"));
        };
        self.bytes.read_at(into, offset)?;
        Ok(true)
    }

    /// The text with the number `index` of a list; `None` when there is none.
    pub(super) fn text(&self, tag: Tag, index: usize) -> io::Result<Option<Vec<u8>>> {
        let mut found = None;
        let Some((.., count)) = self.entry(tag) else { return Ok(None) };
        if index < *count {
            self.texts(tag, |place, text| {
                found = (place == index).then(|| text.to_vec());
                found.is_none()
            })?;
        }
        Ok(found)
    }

    /// Calls `text` with each text of a list and its number, until it says "no more".
    pub(super) fn texts(&self, tag: Tag, mut text: impl FnMut(usize, &[u8]) -> bool) -> io::Result<()> {
        let Some((_, start, count)) = self.entry(tag) else { return Ok(()) };
        let mut chunk = [0; 2 * LONGEST_TEXT];
        let (mut offset, mut kept, mut place) = (*start, 0, 0);
        while place < *count {
            let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
            let length = left.min(chunk.len() - kept);
            if length == 0 {
                return Err(broken("a text is longer than any path, or goes beyond the end of its header"));
            }
            self.bytes.read_at(chunk.get_mut(kept..kept + length).unwrap_or_default(), offset)?;
            offset += u64::try_from(length).unwrap_or(u64::MAX);
            let filled = kept + length;
            let mut from = 0;
            for end in memchr::memchr_iter(0, chunk.get(..filled).unwrap_or_default()) {
                if place == *count || !text(place, chunk.get(from..end).unwrap_or_default()) {
                    return Ok(());
                }
                from = end + 1;
                place += 1;
            }
            chunk.copy_within(from..filled, 0);
            kept = filled - from;
        }
        Ok(())
    }

    fn entry(&self, tag: Tag) -> Option<&(Tag, u64, usize)> {
        self.entries.iter().find(|(known, ..)| *known == tag)
    }
}

fn broken(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Takes the bytes of one reading from what may still be read.
pub(super) fn spend(left: &Cell<u64>, bytes: usize) -> io::Result<()> {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let rest = left.get().checked_sub(bytes).ok_or_else(|| broken("it is larger than any machine's"))?;
    left.set(rest);
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    impl Bytes for Vec<u8> {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let from = usize::try_from(offset).unwrap();
            buffer.copy_from_slice(self.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }

    /// The bytes of a header with these tags: type, count and data of each.
    pub(in super::super) fn made(tags: &[(Tag, u32, u32, &[u8])]) -> Vec<u8> {
        let big = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, kind, count, bytes) in tags {
            index.extend(
                [tag.0.to_be_bytes(), kind.to_be_bytes(), big(data.len()), count.to_be_bytes()].concat(),
            );
            data.extend_from_slice(bytes);
        }
        [big(tags.len()).as_slice(), &big(data.len()), &index, &data].concat()
    }

    fn room(bytes: &[u8]) -> u64 {
        u64::try_from(bytes.len()).unwrap()
    }

    #[test]
    fn what_was_added_last_counts() {
        let bytes =
            made(&[(Tag::NAME, 6, 1, b"old\0"), (Tag::ARCH, 6, 1, b"noarch\0"), (Tag::NAME, 6, 1, b"new\0")]);
        let header = Header::read(&bytes, 0, room(&bytes)).unwrap();
        assert_eq!(header.text(Tag::NAME, 0).unwrap().as_deref(), Some(b"new".as_slice()));
        assert_eq!(header.text(Tag::NAME, 1).unwrap(), None);
        assert_eq!(header.text(Tag::VERSION, 0).unwrap(), None);
    }

    #[test]
    fn texts_are_found_across_the_pieces_that_are_read() {
        let texts: Vec<String> = (0..5_000).map(|number| format!("{number:x}")).collect();
        let data: String = texts.iter().map(|text| format!("{text}\0")).collect();
        let bytes = made(&[(Tag::BASENAMES, 8, 5_000, data.as_bytes())]);
        let header = Header::read(&bytes, 0, room(&bytes)).unwrap();
        for (place, text) in texts.iter().enumerate().step_by(37) {
            assert_eq!(header.text(Tag::BASENAMES, place).unwrap().as_deref(), Some(text.as_bytes()));
        }
    }

    #[test]
    fn lists_end_with_their_header() {
        // What follows a header belongs to another package.
        let followed = |tags: &[(Tag, u32, u32, &[u8])]| {
            let bytes = made(tags);
            (room(&bytes), [bytes.as_slice(), b"two\0three\0\0\0\0\0"].concat())
        };
        let (end, bytes) = followed(&[(Tag::FILEFLAGS, 4, 2, &[0; 4])]);
        let header = Header::read(&bytes, 0, end).unwrap();
        assert_eq!(header.number(Tag::FILEFLAGS, 0).unwrap(), Some(0));
        assert!(header.number(Tag::FILEFLAGS, 1).is_err());
        let (end, bytes) = followed(&[(Tag::BASENAMES, 8, 2, b"one\0x")]);
        let header = Header::read(&bytes, 0, end).unwrap();
        assert_eq!(header.text(Tag::BASENAMES, 0).unwrap().as_deref(), Some(b"one".as_slice()));
        assert!(header.text(Tag::BASENAMES, 1).is_err());
        let long = made(&[(Tag::NAME, 6, 1, &[b'x'; 3 * LONGEST_TEXT])]);
        assert!(Header::read(&long, 0, room(&long)).unwrap().text(Tag::NAME, 0).is_err());
    }

    #[test]
    fn a_header_larger_than_rpm_allows_is_refused() {
        for counts in [[MOST_ENTRIES + 1, 0], [0, MOST_DATA_BYTES + 1]] {
            let bytes: Vec<u8> = counts.iter().flat_map(|count| count.to_be_bytes()).collect();
            let error = Header::read(&bytes, 0, u64::MAX).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("larger than rpm allows"), "{error}");
        }
        let mistyped = made(&[(Tag::NAME, 4, 1, b"old\0")]);
        assert!(Header::read(&mistyped, 0, room(&mistyped)).is_err());
    }
}
