//! Bytes that come in pieces, each with its place.

/// Pieces that lie apart from each other; a further one is left out.
const MOST_PARTS: usize = 64;

/// The first bytes of a stream, up to `most` of them, whatever the order in which its pieces come.
///
/// Where pieces overlap, the later one counts: honest ones say the same.
pub(crate) struct Pieces {
    most: usize,
    bytes: Vec<u8>,
    /// What of `bytes` has come: in order, apart from each other.
    parts: Vec<(usize, usize)>,
}

impl Pieces {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, bytes: Vec::new(), parts: Vec::new() }
    }

    /// Adds what stands at `offset`; what is beyond the end is left out.
    pub(crate) fn add(&mut self, offset: u64, piece: &[u8]) {
        let Some(start) = usize::try_from(offset).ok().filter(|start| *start < self.most) else { return };
        let piece = piece.get(..self.most - start).unwrap_or(piece);
        let end = start + piece.len();
        let first = self.parts.partition_point(|part| part.1 < start);
        let behind = self.parts.partition_point(|part| part.0 <= end);
        if piece.is_empty() || (first == behind && self.parts.len() == MOST_PARTS) {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(piece);
        let joined = self.parts[first..behind]
            .iter()
            .fold((start, end), |joined, part| (joined.0.min(part.0), joined.1.max(part.1)));
        self.parts.splice(first..behind, [joined]);
    }

    /// What is there from the first byte on, without a hole.
    pub(crate) fn beginning(&self) -> &[u8] {
        match self.parts.first() {
            Some((0, end)) => &self.bytes[..*end],
            _ => &[],
        }
    }

    /// Whether nothing can be added any more.
    pub(crate) fn is_full(&self) -> bool {
        self.beginning().len() == self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_any_order_twice_and_overlapping() {
        let mut pieces = Pieces::new(10);
        for (offset, piece, beginning) in [
            (4, &b"efg"[..], &b""[..]),
            (8, b"ijklm", b""),
            (2, b"", b""),
            (1, b"bcd", b""),
            (0, b"a", b"abcdefg"),
            (0, b"ab", b"abcdefg"),
            (u64::MAX, b"z", b"abcdefg"),
            (10, b"z", b"abcdefg"),
            (6, b"ghi", b"abcdefghij"),
        ] {
            pieces.add(offset, piece);
            assert_eq!(pieces.beginning(), beginning, "after {piece:?} at {offset}");
        }
        assert!(pieces.is_full() && pieces.parts == [(0, 10)]);
    }

    #[test]
    fn holes_are_bounded() {
        let mut pieces = Pieces::new(1000);
        (0..500).rev().for_each(|at| pieces.add(at * 2, b"x"));
        assert_eq!(pieces.parts.len(), MOST_PARTS);
        pieces.add(0, &[b'y'; 1000]);
        assert!(pieces.is_full());
    }
}
