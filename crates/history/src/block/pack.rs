//! Numbers as bytes, little-endian without the zeros at their end. Their lengths (0 to 8) stand before them, two in a byte, the first in its
//! low half. So where a number begins is a sum, and reading it needs no branch on its size.
//!
//! A list has all of its lengths first; a pair has both of its own, and pairs follow each other.

use super::Damaged;

/// The longest pair.
const PAIR: usize = 17;
/// As many bytes as two numbers of any length that half a byte can say.
const WINDOW: usize = 24;

/// Which bits of eight bytes belong to a number of that length. Longer than 8 is damage, and found elsewhere.
const MASKS: [u64; 16] = {
    let mut masks = [u64::MAX; 16];
    let mut length = 0;
    while length < 8 {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

/// Appends a pair.
pub(super) fn pack(first: u64, second: u64, into: &mut Vec<u8>) {
    let (low, high) = (length(first), length(second));
    into.push(low | high << 4);
    into.extend(first.to_le_bytes().iter().take(low.into()));
    into.extend(second.to_le_bytes().iter().take(high.into()));
}

/// Appends a list.
pub(super) fn pack_list(numbers: impl ExactSizeIterator<Item = u64>, into: &mut Vec<u8>) {
    let mut lengths = into.len();
    into.resize(lengths + numbers.len().div_ceil(2), 0);
    let mut is_second = false;
    for number in numbers {
        let length = length(number);
        if let Some(lengths) = into.get_mut(lengths) {
            *lengths |= if is_second { length << 4 } else { length };
        }
        into.extend(number.to_le_bytes().iter().take(length.into()));
        lengths += usize::from(is_second);
        is_second = !is_second;
    }
}

/// How many bytes a number has without the zeros at its end.
fn length(number: u64) -> u8 {
    let zeros = u8::try_from(number.leading_zeros() / 8).unwrap_or_default();
    8 - zeros
}

/// Reads pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs<'b> {
    /// From the next pair to the end of the block: what follows the column is looked at, and has no effect.
    rest: &'b [u8],
    /// How many of these bytes are the column's.
    left: usize,
}

impl<'b> Pairs<'b> {
    /// The first `length` bytes of `rest`.
    pub(super) fn new(rest: &'b [u8], length: usize) -> Self {
        Self { rest, left: length }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// All of it as a list that fills `numbers`.
    pub(super) fn list(self, numbers: &mut [u64]) -> Result<(), Damaged> {
        let (lengths, data) = self.rest.split_at_checked(numbers.len().div_ceil(2)).ok_or(Damaged)?;
        let (mut at, mut is_damaged) = (0, false);
        for (two, length) in numbers.chunks_mut(2).zip(lengths) {
            let (low, high) = (usize::from(length & 15), usize::from(length >> 4));
            is_damaged |= (low > 8) | (high > 8);
            let rest = data.get(at..).unwrap_or_default();
            let near_the_end = |rest: &[u8]| {
                let mut window = [0; WINDOW];
                window.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                window
            };
            let window = rest.first_chunk::<WINDOW>().copied().unwrap_or_else(|| near_the_end(rest));
            let eight = |at: usize| {
                window
                    .get(at..at + 8)
                    .and_then(|bytes| bytes.first_chunk())
                    .map_or(0, |bytes| u64::from_le_bytes(*bytes))
            };
            let (first, second) = (eight(0) & MASKS[low], eight(low) & MASKS[high]);
            at += low + high;
            match two {
                [one, other] => (*one, *other) = (first, second),
                [one] => *one = first,
                _ => {}
            }
        }
        if is_damaged || lengths.len() + at != self.left { Err(Damaged) } else { Ok(()) }
    }

    /// The next pair.
    #[inline]
    pub(super) fn next(&mut self) -> Result<(u64, u64), Damaged> {
        let Some(bytes) = self.rest.first_chunk::<PAIR>() else { return self.last() };
        let (first, second, used) = pair(bytes)?;
        self.left = self.left.checked_sub(used).ok_or(Damaged)?;
        self.rest = self.rest.get(used..).ok_or(Damaged)?;
        Ok((first, second))
    }

    /// The same where fewer bytes are left than a pair can have.
    #[cold]
    fn last(&mut self) -> Result<(u64, u64), Damaged> {
        let mut bytes = [0; PAIR];
        for (to, from) in bytes.iter_mut().zip(self.rest) {
            *to = *from;
        }
        let (first, second, used) = pair(&bytes)?;
        self.left = self.left.checked_sub(used).ok_or(Damaged)?;
        self.rest = self.rest.get(used..).ok_or(Damaged)?;
        Ok((first, second))
    }
}

/// A pair, and how many bytes it has.
#[inline]
fn pair(bytes: &[u8; PAIR]) -> Result<(u64, u64, usize), Damaged> {
    let [lengths, rest @ ..] = bytes;
    let (low, high) = (usize::from(lengths & 15), usize::from(lengths >> 4));
    if low > 8 || high > 8 {
        return Err(Damaged);
    }
    let eight = |at: usize| {
        rest.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes))
    };
    let (first, second) = (eight(0).ok_or(Damaged)?, eight(low).ok_or(Damaged)?);
    Ok((first & MASKS[low], second & MASKS[high], 1 + low + high))
}

/// Appends a count (LEB128).
pub(super) fn put_count(mut count: usize, into: &mut Vec<u8>) {
    while count > 127 {
        into.push(u8::try_from(count & 127).unwrap_or_default() | 128);
        count >>= 7;
    }
    into.push(u8::try_from(count).unwrap_or_default());
}

/// Takes a count from the front.
pub(super) fn take_count(bytes: &mut &[u8]) -> Result<usize, Damaged> {
    let mut count = 0_usize;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Damaged)?;
        *bytes = rest;
        count |= usize::from(byte & 127) << shift;
        if *byte < 128 {
            return Ok(count);
        }
    }
    Err(Damaged)
}
