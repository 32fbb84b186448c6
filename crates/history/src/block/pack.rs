//! Numbers as bytes, two at a time: a byte with the length of both (0 to 8, the first in its low half), then the first and the
//! second, little-endian, without the zeros at their end. So a number is read without a branch on its size.

use super::Damaged;

/// The longest pair.
const PAIR: usize = 17;

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
