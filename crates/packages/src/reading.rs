//! Reading line by line with a fixed amount of memory, and never more than a fixed amount of bytes for one
//! question.

use std::{io::Read, ops::ControlFlow, path::PathBuf};

use crate::PackagesError;

/// More than the lists of any machine: four million files.
const MOST_BYTES: u64 = 256 << 20;
const MOST_BYTES_TEXT: &str = "256 MiB of text";

/// Longer lines are skipped: no path is that long (PATH_MAX is 4096), and no field that is needed.
const BUFFER: usize = 64 << 10;

/// A buffer, and what may still be read for this question.
#[derive(Debug)]
pub(crate) struct Reading {
    buffer: Box<[u8]>,
    left: u64,
}

impl Reading {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; BUFFER].into(), left: MOST_BYTES }
    }

    /// Calls `line` with each line, without its end, until it breaks. `at` says which file it is, for
    /// sentences.
    ///
    /// A last line without an end is an error: all that is read here ends with one, so the file was cut off.
    pub(crate) fn lines(
        &mut self,
        mut from: impl Read,
        at: impl Fn() -> PathBuf,
        mut line: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), PackagesError> {
        let mut kept = 0;
        let mut is_skipping = false;
        loop {
            let room = self.buffer.get_mut(kept..).unwrap_or_default();
            let count = match from.read(room) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(PackagesError::read(at(), error)),
            };
            let is_end = count == 0;
            if is_end && (kept > 0 || is_skipping) {
                return Err(PackagesError::broken(at(), "it ends in the middle of a line"));
            }
            if is_end {
                return Ok(());
            }
            self.left = u64::try_from(count)
                .ok()
                .and_then(|count| self.left.checked_sub(count))
                .ok_or_else(|| PackagesError::TooLarge { path: at(), limit: MOST_BYTES_TEXT })?;
            let filled = kept + count;
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', self.buffer.get(..filled).unwrap_or_default()) {
                let found = self.buffer.get(start..end).unwrap_or_default();
                start = end + 1;
                if std::mem::take(&mut is_skipping) {
                    continue;
                }
                if line(found).is_break() {
                    return Ok(());
                }
            }
            self.buffer.copy_within(start..filled, 0);
            kept = filled - start;
            if is_skipping || kept == self.buffer.len() {
                is_skipping = true;
                kept = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(from: impl Read) -> (Vec<Vec<u8>>, Result<(), PackagesError>) {
        let mut lines = Vec::new();
        let result = Reading::new().lines(from, PathBuf::new, |line| {
            lines.push(line.to_vec());
            ControlFlow::Continue(())
        });
        (lines, result)
    }

    /// Gives what it has in pieces of `piece` bytes.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let piece = self.1.min(buffer.len());
            self.0.read(&mut buffer[..piece])
        }
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let long = vec![b'x'; 3 * BUFFER];
        let text =
            [b"one\n\n", &long[..BUFFER - 1], b"\n", &long[..], b"\ntwo\n", &long[..BUFFER], b"\nthree\n"]
                .concat();
        for piece in [1, 7, BUFFER - 1, BUFFER, text.len()] {
            let (lines, result) = all(Pieces(&text, piece));
            assert!(result.is_ok());
            assert_eq!(lines, [b"one".as_slice(), b"", &long[..BUFFER - 1], b"two", b"three"], "{piece}");
        }
    }

    #[test]
    fn a_cut_off_file_and_an_endless_one_are_errors() {
        assert!(matches!(all(b"one\ntwo".as_slice()).1, Err(PackagesError::Broken { .. })));
        assert!(matches!(all(vec![b'x'; BUFFER].as_slice()).1, Err(PackagesError::Broken { .. })));
        assert!(matches!(all(std::io::repeat(b'x')).1, Err(PackagesError::TooLarge { .. })));
    }
}
