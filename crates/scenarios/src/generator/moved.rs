use std::{
    env, fmt, io,
    ops::AddAssign,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// What calls returned, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Bytes sent.
    pub(crate) tx: u64,
    /// Bytes received.
    pub(crate) rx: u64,
}

impl Moved {
    /// Adds what a call returned that sends.
    pub(crate) fn sent(&mut self, count: usize) {
        self.tx += wide(count);
    }

    /// Adds what a call returned that receives.
    pub(crate) fn received(&mut self, count: usize) {
        self.rx += wide(count);
    }

    /// Prints it for this program, by the name that it was started by: the kernel's is no path when the file is gone.
    pub(crate) fn print(self) -> io::Result<()> {
        let name = env::args_os().next().ok_or(io::ErrorKind::InvalidInput)?;
        self.print_for(Path::new(&name));
        Ok(())
    }

    /// Prints it for the program at `path`. Lines for the same path are added up by who reads them.
    pub(crate) fn print_for(self, path: &Path) {
        println!("moved path={} tx={} rx={}", path.display(), self.tx, self.rx);
    }
}

impl AddAssign for Moved {
    fn add_assign(&mut self, other: Self) {
        self.tx += other.tx;
        self.rx += other.rx;
    }
}

/// The sums of several threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    tx: AtomicU64,
    rx: AtomicU64,
}

impl Tally {
    pub(crate) fn sent(&self, count: usize) {
        self.tx.fetch_add(wide(count), Ordering::Relaxed);
    }

    pub(crate) fn received(&self, count: usize) {
        self.rx.fetch_add(wide(count), Ordering::Relaxed);
    }

    /// The sums, once the threads have ended.
    pub(crate) fn moved(&self) -> Moved {
        Moved { tx: self.tx.load(Ordering::Relaxed), rx: self.rx.load(Ordering::Relaxed) }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Why nothing, or not everything, was moved.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The words make no sense.
    Usage(String),
    /// The kernel does not have what is asked for; the text is what it said.
    Unsupported(String),
    /// A call failed.
    Io(io::Error),
    /// Bytes did not come that were to come.
    Missing(String),
}

impl Failure {
    /// What a call answered that the kernel may not have: `Unsupported` for the answers that say so.
    pub(crate) fn of_feature(what: &str, error: io::Error) -> Self {
        let refusals = [
            libc::EPROTONOSUPPORT,
            libc::EAFNOSUPPORT,
            libc::ESOCKTNOSUPPORT,
            libc::ENOSYS,
            libc::EOPNOTSUPP,
            libc::ENOPROTOOPT,
        ];
        match error.raw_os_error() {
            Some(code) if refusals.contains(&code) => Self::Unsupported(format!("{what}: {error}")),
            _ => Self::Io(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Unsupported(text) | Self::Missing(text) => f.write_str(text),
            Self::Io(error) => write!(f, "a call failed: {error}"),
        }
    }
}
