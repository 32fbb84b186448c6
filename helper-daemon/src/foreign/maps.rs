//! The lines of /proc/PID/maps that stand for executable memory.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
};

/// More than the 65 530 mappings that a process may have, with paths as programs have them.
const BYTES_MAX: u64 = 64 << 20;
/// Files that are looked at in one process.
pub(super) const FILES_MAX: usize = 1024;
/// A line's fields before its path; the path is not read.
const HEAD_MAX: usize = 128;

/// What the kernel itself maps into every process; a name that a program gives begins with `[anon`.
const KERNEL: [&[u8]; 6] = [b"[vdso]", b"[vsyscall]", b"[uprobes]", b"[vectors]", b"[sigpage]", b"[vvar]"];

/// The executable mappings of a process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Maps {
    /// Of each file, by device and inode, one mapping as /proc/PID/map_files names it.
    pub(super) files: HashMap<(Vec<u8>, u64), String>,
    /// Whether there is executable memory that no file is behind.
    pub(super) has_anonymous: bool,
    /// Whether there is more than was read.
    pub(super) is_cut_off: bool,
}

impl Maps {
    /// Reads an open /proc/PID/maps.
    pub(super) fn read(file: &mut File) -> io::Result<Self> {
        let mut maps = Self::default();
        let mut head = Vec::with_capacity(HEAD_MAX);
        let mut buffer = vec![0; 64 << 10];
        let mut total = 0;
        loop {
            let length = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for piece in buffer.get(..length).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                let (text, is_end) = match piece.split_last() {
                    Some((b'\n', text)) => (text, true),
                    _ => (piece, false),
                };
                head.extend(text.iter().take(HEAD_MAX - head.len()));
                if is_end {
                    maps.add(&head);
                    head.clear();
                }
            }
            total += u64::try_from(length).map_err(io::Error::other)?;
            if total > BYTES_MAX {
                maps.is_cut_off = true;
                break;
            }
        }
        Ok(maps)
    }

    /// A line: `7f4e-7f4f r-xp 00026000 fe:00 326279   /path` (Documentation/filesystems/proc.rst, 1.1). The path is what a
    /// program likes; the inode is 0 where no file is mapped.
    fn add(&mut self, line: &[u8]) {
        let mut fields = line.split(|byte| *byte == b' ').filter(|field| !field.is_empty());
        let mut next = || fields.next();
        let (Some(range), Some(rights), Some(_offset), Some(device), Some(inode)) =
            (next(), next(), next(), next(), next())
        else {
            return;
        };
        if rights.get(2) != Some(&b'x') {
            return;
        }
        let (Some(range), Some(inode)) = (map_file(range), number(inode, 10)) else { return };
        if inode == 0 {
            self.has_anonymous |= !next().is_some_and(|name| KERNEL.contains(&name));
        } else if self.files.len() < FILES_MAX {
            self.files.entry((device.to_vec(), inode)).or_insert(range);
        } else if !self.files.contains_key(&(device.to_vec(), inode)) {
            self.is_cut_off = true;
        }
    }
}

/// The name in map_files: without the zeros that maps puts before a small address.
fn map_file(range: &[u8]) -> Option<String> {
    let middle = range.iter().position(|byte| *byte == b'-')?;
    let (start, end) = (number(range.get(..middle)?, 16)?, number(range.get(middle + 1..)?, 16)?);
    Some(format!("{start:x}-{end:x}"))
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(lines: &[&[u8]]) -> Maps {
        let mut maps = Maps::default();
        lines.iter().for_each(|line| maps.add(line));
        maps
    }

    #[test]
    fn only_executable_mappings_count_and_each_file_once() {
        let read = maps(&[
            b"00400000-00401000 r--p 00000000 fe:00 7                          /usr/bin/true",
            b"00401000-00402000 r-xp 00001000 fe:00 7                          /usr/bin/true",
            b"00403000-00404000 r-xp 00001000 fe:00 7                          /usr/bin/true",
            b"7f0000000000-7f0000001000 rwxs 00000000 00:01 7                  /memfd:x (deleted)",
        ]);
        let file = |device: &[u8], range: &str| ((device.to_vec(), 7), range.to_owned());
        assert_eq!(
            read.files,
            [file(b"fe:00", "401000-402000"), file(b"00:01", "7f0000000000-7f0000001000")].into()
        );
        assert!(!read.has_anonymous);
    }

    #[test]
    fn a_name_that_a_program_gives_to_its_memory_is_not_the_kernels() {
        let kernel: &[u8] = b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0      [vsyscall]";
        assert!(!maps(&[kernel]).has_anonymous);
        let vdso: &[u8] = b"7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0              [vdso]";
        assert!(!maps(&[vdso]).has_anonymous);
        for name in [&b""[..], b"[anon:[vdso]]", b"[stack]", b"[heap]"] {
            let line = [&b"7f0000000000-7f0000001000 rwxp 00000000 00:00 0      "[..], name].concat();
            assert!(maps(&[&line]).has_anonymous);
        }
    }

    #[test]
    fn what_is_no_line_is_left_out() {
        assert_eq!(maps(&[b"", b"nonsense", b"x-y r-xp 0 0:0 z", b"1-2 r"]), Maps::default());
    }
}
