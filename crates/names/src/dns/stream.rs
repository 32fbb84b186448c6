use std::mem;

use super::{Answered, answer};

/// Bytes that are kept of a message; an answer with addresses has less.
const MOST_BYTES: usize = 16 * 1024;
/// Bytes before each message that say how long it is.
const PREFIX: usize = 2;

/// DNS answers that are received over TCP.
#[derive(Debug, Default)]
pub struct Stream {
    /// Bytes of the stream before the message that is being received.
    start: u64,
    /// How much of it, with its length, has come or is lost.
    length: u64,
    /// Its first bytes, without a hole.
    bytes: Vec<u8>,
    has_hole: bool,
    /// It is not known where the next message begins.
    is_lost: bool,
}

impl Stream {
    /// Of a connection that is listened to from here on: behind `offset` bytes, where a message begins.
    #[must_use]
    pub fn at(offset: u64) -> Self {
        Self { start: offset, ..Self::default() }
    }

    /// Whether it is not known any more where a message begins.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Adds what was received after `offset` other bytes; the answers that end with it.
    ///
    /// What came before is left out; after a hole it goes on with the next message, unless the hole hides where that begins.
    pub fn add(&mut self, offset: u64, piece: &[u8]) -> Vec<Answered> {
        let mut answers = Vec::new();
        let known = (self.start + self.length).saturating_sub(offset);
        let mut rest = usize::try_from(known).ok().and_then(|known| piece.get(known..)).unwrap_or_default();
        if !rest.is_empty() {
            self.skip_to(offset, &mut answers);
        }
        while !rest.is_empty() && !self.is_lost {
            let wanted = self.missing().unwrap_or(1);
            let taken = rest.split_off(..wanted.min(rest.len())).unwrap_or_default();
            if !self.has_hole {
                let room = MOST_BYTES.saturating_sub(self.bytes.len());
                self.bytes.extend_from_slice(taken.get(..room).unwrap_or(taken));
            }
            self.length = self.length.saturating_add(u64::try_from(taken.len()).unwrap_or(u64::MAX));
            self.take_whole(&mut answers);
        }
        answers
    }

    /// Bytes until the end of the message, when it is known.
    fn missing(&self) -> Option<usize> {
        let length = usize::from(u16::from_be_bytes(*self.bytes.first_chunk()?));
        let had = usize::try_from(self.length).ok()?;
        Some((PREFIX + length).saturating_sub(had))
    }

    /// Bytes are lost where the stream goes on at `offset`.
    fn skip_to(&mut self, offset: u64, answers: &mut Vec<Answered>) {
        let lost = offset.saturating_sub(self.start + self.length);
        if lost == 0 {
            return;
        }
        match self.missing().and_then(|missing| u64::try_from(missing).ok()) {
            Some(missing) if lost <= missing => {
                self.has_hole = true;
                self.length += lost;
                self.take_whole(answers);
            }
            _ => self.is_lost = true,
        }
    }

    fn take_whole(&mut self, answers: &mut Vec<Answered>) {
        if self.missing() == Some(0) {
            answers.extend(answer(&self.bytes[PREFIX..]));
            let bytes = mem::take(&mut self.bytes);
            *self = Self { start: self.start + self.length, bytes, ..Self::default() };
            self.bytes.clear();
        }
    }
}
