//! A filesystem with one file, which a test serves.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::{fd::AsRawFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// Operations of the protocol (linux/fuse.h).
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
pub(crate) const OPEN: u32 = 14;
pub(crate) const READ: u32 = 15;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

const NOT_FOUND: i32 = -2;
const NOT_IMPLEMENTED: i32 = -38;
const ROOT: u64 = 1;
const PROGRAM: u64 = 2;

/// The mount, served by a thread of the test. Dropping it ends the connection, which answers everybody.
pub(crate) struct Mount {
    place: PathBuf,
    gone: Arc<AtomicBool>,
}

impl Mount {
    /// Serves a copy of `file`. Requests to which `is_answered` says no get no answer.
    pub(crate) fn of(
        folder: &Path,
        file: &Path,
        is_answered: impl Fn(&Request<'_>) -> bool + Send + 'static,
    ) -> Self {
        let place = folder.join("served");
        fs::create_dir(&place).unwrap();
        let connection = File::options().read(true).write(true).open("/dev/fuse").unwrap();
        let options =
            format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", connection.as_raw_fd());
        let options = std::ffi::CString::new(options).unwrap();
        mount("test", &place, "fuse", MountFlags::empty(), options.as_c_str()).unwrap();
        let file = File::open(file).unwrap();
        let gone = Arc::<AtomicBool>::default();
        let ending = Arc::clone(&gone);
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while !ending.load(Ordering::Relaxed)
                && let Ok(length) = (&connection).read(&mut buffer)
            {
                let request = Request(&buffer[..length]);
                if is_answered(&request)
                    && let Some((error, content)) = answer(&request, &file)
                {
                    let length = u32::try_from(16 + content.len()).unwrap();
                    let head = [length.to_ne_bytes(), error.to_ne_bytes()].concat();
                    // The request may have been given up.
                    drop((&connection).write(&[&head, request.number(), &content].concat()));
                }
            }
        });
        Self { place, gone }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.place.join("program")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        if let Err(error) = unmount(&self.place, UnmountFlags::FORCE | UnmountFlags::DETACH) {
            println!("{} stays mounted: {error}", self.place.display());
        }
    }
}

/// `fuse_in_header`, and what follows it.
pub(crate) struct Request<'a>(&'a [u8]);

impl Request<'_> {
    fn u32_at(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.0[offset..offset + 4].try_into().unwrap())
    }

    fn u64_at(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.0[offset..offset + 8].try_into().unwrap())
    }

    pub(crate) fn operation(&self) -> u32 {
        self.u32_at(4)
    }

    fn number(&self) -> &[u8] {
        &self.0[8..16]
    }

    fn node(&self) -> u64 {
        self.u64_at(16)
    }

    pub(crate) fn thread(&self) -> u32 {
        self.u32_at(32)
    }

    /// What the thread runs.
    pub(crate) fn program(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.thread())).ok()
    }
}

/// An error, or 0 and the content of the answer; `None` for what wants none.
fn answer(request: &Request<'_>, program: &File) -> Option<(i32, Vec<u8>)> {
    let size = program.metadata().unwrap().len();
    Some(match request.operation() {
        FORGET | BATCH_FORGET | INTERRUPT => return None,
        // Version 7.31, no extras; 64 bytes.
        INIT => {
            (0, words(&[7, 31, 1 << 16, 0, 12 | 9 << 16, 1 << 16, 1]).into_iter().chain([0; 36]).collect())
        }
        LOOKUP if request.0[40..].starts_with(b"program\0") => {
            let head = [PROGRAM, 0, 60, 60, 0];
            (0, [longs(&head), attributes(PROGRAM, size)].concat())
        }
        LOOKUP => (NOT_FOUND, Vec::new()),
        GETATTR => (0, [longs(&[60, 0]), attributes(request.node(), size)].concat()),
        OPEN => (0, longs(&[0, 0])),
        READ => {
            let mut content = vec![0; usize::try_from(request.u32_at(56)).unwrap()];
            let length = program.read_at(&mut content, request.u64_at(48)).unwrap();
            content.truncate(length);
            (0, content)
        }
        RELEASE => (0, Vec::new()),
        STATFS => (0, [longs(&[0; 5]), words(&[4096, 255, 4096]), vec![0; 28]].concat()),
        _ => (NOT_IMPLEMENTED, Vec::new()),
    })
}

/// `fuse_attr`.
fn attributes(node: u64, size: u64) -> Vec<u8> {
    let (mode, size) = if node == ROOT { (0o40_755, 0) } else { (0o100_755, size) };
    let times = words(&[0, 0, 0]);
    [longs(&[node, size, size / 512, 1, 1, 1]), times, words(&[mode, 1, 0, 0, 0, 4096, 0])].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn longs(longs: &[u64]) -> Vec<u8> {
    longs.iter().flat_map(|long| long.to_ne_bytes()).collect()
}
