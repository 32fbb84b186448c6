//! The pages of a damaged file, and whose they are (<https://sqlite.org/fileformat2.html>).

use std::{collections::HashMap, fs::File, io, os::unix::fs::FileExt, path::Path};

use super::log::Log;
use crate::set_aside::with_suffix;

/// All our files have pages of this size.
pub(super) const PAGE: usize = 4096;
/// Entries in a page that says whose pages follow it, and that page itself.
const MAPPED: u32 = 820;
/// The page that SQLite leaves out: its locks are there.
const LOCKS: u32 = 0x4000_0000 / 4096 + 1;
/// No tree is deeper.
const DEEPEST: usize = 20;

const ROOT: u8 = 1;
const NODE: u8 = 5;

/// A file and its log.
#[derive(Debug)]
pub(super) struct Pages {
    file: File,
    log: Log,
    count: u32,
    /// The root of each page that can be reached from one.
    roots: HashMap<u32, u32>,
}

impl Pages {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let log = Log::read(&with_suffix(path, "-wal"))?;
        let bytes = file.metadata()?.len().div_ceil(u64::try_from(PAGE).unwrap_or(u64::MAX));
        let count =
            u32::try_from(bytes).unwrap_or(u32::MAX).max(log.pages.keys().max().copied().unwrap_or(0));
        Ok(Self { file, log, count, roots: HashMap::new() })
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// A whole page; `None` where it is not there or the disk does not give it.
    pub(super) fn read(&self, number: u32) -> Option<Vec<u8>> {
        if let Some(page) = self.log.pages.get(&number) {
            return Some(page.clone());
        }
        let mut page = vec![0; PAGE];
        let at = u64::from(number.checked_sub(1)?) * u64::try_from(PAGE).ok()?;
        self.file.read_exact_at(&mut page, at).ok()?;
        Some(page)
    }

    /// Remembers which pages belong to the tree that begins at `root`.
    pub(super) fn walk(&mut self, root: u32) {
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            if number == 0 || number > self.count || self.roots.insert(number, root).is_some() {
                continue;
            }
            if let Some(page) = self.read(number) {
                waiting.extend(children(&page, number));
            }
        }
    }

    /// The root of the tree that a page belongs to: by the pages above it, or, where these are damaged, by what the file notes of it.
    pub(super) fn root_of(&self, number: u32) -> Option<u32> {
        if let Some(root) = self.roots.get(&number) {
            return Some(*root);
        }
        let mut page = number;
        for _ in 0..DEEPEST {
            match self.noted(page)? {
                (ROOT, _) => return Some(page),
                (NODE, parent) => page = parent,
                _ => return None,
            }
        }
        None
    }

    /// What the file notes of a page: what it is, and which page is above it.
    fn noted(&self, number: u32) -> Option<(u8, u32)> {
        let map = number.checked_sub(2)? / MAPPED * MAPPED + 2;
        let map = if map == LOCKS { map + 1 } else { map };
        let at = usize::try_from(number.checked_sub(map)?.checked_sub(1)?).ok()? * 5;
        let page = self.read(map)?;
        let entry = page.get(at..at + 5)?;
        Some((*entry.first()?, u32::from_be_bytes(entry.get(1..5)?.try_into().ok()?)))
    }
}

/// The pages below this one; none of a leaf.
fn children(page: &[u8], number: u32) -> Vec<u32> {
    let start = if number == 1 { 100 } else { 0 };
    let Some(header) = page.get(start..start + 12) else { return Vec::new() };
    if !matches!(header.first(), Some(2 | 5)) {
        return Vec::new();
    }
    let word =
        |at: usize| page.get(at..at + 4).and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    let cells = usize::from(u16::from_be_bytes([header[3], header[4]]));
    let pointers = page.get(start + 12..).unwrap_or_default().chunks_exact(2).take(cells);
    let below = pointers.filter_map(|at| word(usize::from(u16::from_be_bytes([at[0], at[1]]))));
    below.chain(word(start + 8)).collect()
}
