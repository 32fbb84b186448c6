//! What is recorded, as lines of a file, for those who want that: one for each flow and interval, and in JSON one for each finding.
//!
//! A thread of its own writes it. Whoever records only offers: where the disk does not keep up, lines are dropped and counted.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use portolan_bus::Finding;
use portolan_core::harmless_json;
use portolan_history::{
    Record,
    line::{FlowLine, Format, Lines},
};
use rustix::fs::{Mode, OFlags};

/// What a person can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The file, in a folder that only root can write to; `None`: no log.
    pub file: Option<PathBuf>,
    /// How it is written. CSV has no lines for findings.
    pub format: Format,
    /// A file of this size is put aside as `FILE.1`, and a new one begun.
    pub rotate_bytes: u64,
    /// So many of those are kept.
    pub keep: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { file: None, format: Format::Json, rotate_bytes: 64 * 1024 * 1024, keep: 5 }
    }
}

/// Offers that may wait.
const QUEUE: usize = 64;

enum Offer {
    Flows(Vec<Record>),
    Finding(Box<Finding>),
}

/// The way to the log; dropping it ends the thread when all is written.
#[derive(Debug)]
pub struct TextLog {
    offers: mpsc::SyncSender<Offer>,
    dropped: Arc<AtomicU64>,
}

impl TextLog {
    /// Starts the thread; `None` where no log is wanted. A file that cannot be opened is tried again with each offer.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(settings: &LogSettings) -> io::Result<Option<Self>> {
        let Some(path) = settings.file.clone() else { return Ok(None) };
        let (offers, queue) = mpsc::sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            path,
            keep: settings.keep,
            rotate_bytes: settings.rotate_bytes,
            format: settings.format,
            lines: Lines::new(settings.format),
            file: None,
            is_failing: false,
            dropped: Arc::clone(&dropped),
        };
        thread::Builder::new().name("text-log".to_owned()).spawn(move || writer.run(&queue))?;
        Ok(Some(Self { offers, dropped }))
    }

    /// Offers rows. Never waits.
    pub fn flows(&self, records: &[Record]) {
        self.offer(Offer::Flows(records.to_vec()), records.len());
    }

    /// Offers a finding. Never waits.
    pub fn finding(&self, finding: &Finding) {
        self.offer(Offer::Finding(Box::new(finding.clone())), 1);
    }

    /// Lines that are in no file, ever.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn offer(&self, offer: Offer, lines: usize) {
        if self.offers.try_send(offer).is_err() {
            self.dropped.fetch_add(u64::try_from(lines).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

struct Writer {
    path: PathBuf,
    keep: u32,
    rotate_bytes: u64,
    format: Format,
    lines: Lines,
    file: Option<File>,
    /// Whether it was said that nothing can be written.
    is_failing: bool,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, queue: &mpsc::Receiver<Offer>) {
        for offer in queue {
            let lines = match &offer {
                Offer::Flows(records) => records.len(),
                Offer::Finding(_) => 1,
            };
            let result = self.write(&offer);
            if let Err(error) = &result {
                self.dropped.fetch_add(u64::try_from(lines).unwrap_or(u64::MAX), Ordering::Relaxed);
                self.file = None;
                if !self.is_failing {
                    tracing::warn!(
                        "the log {} cannot be written: {error}. Its lines are dropped",
                        self.path.display()
                    );
                }
            }
            self.is_failing = result.is_err();
        }
    }

    /// Writes an offer in one piece.
    fn write(&mut self, offer: &Offer) -> io::Result<()> {
        let mut text = Vec::new();
        match offer {
            Offer::Flows(records) => {
                for record in records {
                    self.lines.write(&mut text, &FlowLine::from(record))?;
                }
            }
            Offer::Finding(finding) if self.format == Format::Json => {
                let finding = serde_json::to_string(&serde_json::json!({ "finding": finding }))?;
                text.extend((harmless_json(&finding) + "\n").into_bytes());
            }
            Offer::Finding(_) => {}
        }
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.file()?;
        let size = self.file.as_ref().map_or(Ok(0), |file| file.metadata().map(|metadata| metadata.len()))?;
        if size > 0 && size.saturating_add(length) > self.rotate_bytes {
            self.rotate()?;
            self.file()?;
        }
        match &mut self.file {
            Some(file) => file.write_all(&text),
            None => Ok(()),
        }
    }

    /// Opens the file, again when another stands in its place or none.
    fn file(&mut self) -> io::Result<()> {
        let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
        let open = self.file.as_ref().map(File::metadata).transpose()?;
        let there = fs::symlink_metadata(&self.path).ok();
        if open.is_some() && open.as_ref().map(place) == there.as_ref().map(place) {
            return Ok(());
        }
        let mut file = open_safely(&self.path)?;
        if file.metadata()?.len() == 0 {
            self.lines.write_headings(&mut file)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Puts the file aside, and the oldest of those away.
    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        let numbered = |number: u32| {
            let mut name = OsString::from(&self.path);
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        fs::rename(&self.path, numbered(1))
    }
}

/// Opens a file to append to (mode 0600 where it is made), in a folder in which nobody but root can put anything in its place.
fn open_safely(path: &Path) -> io::Result<File> {
    let refused = |why: &str| Err(io::Error::other(why.to_owned()));
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return refused("its path names no file");
    };
    let folder =
        rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    let metadata = rustix::fs::fstat(&folder)?;
    if metadata.st_uid != 0 || metadata.st_mode & 0o022 != 0 {
        return refused("others than root can write to its folder");
    }
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::CLOEXEC
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(&folder, name, flags, Mode::RUSR | Mode::WUSR)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 || metadata.uid() != 0 {
        return refused("it is no file of root's own");
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use portolan_core::{Bytes, Direction, Owner, Protocol, Uid, UnixMillis};

    use super::*;

    fn record(command: &str) -> Record {
        Record {
            bucket_start: UnixMillis(1_700_000_000_000),
            bucket_ms: 10_000,
            owner: Owner::Kernel,
            command_line: Some(command.into()),
            placement: Arc::default(),
            uid: Uid(0),
            protocol: Protocol::Tcp,
            direction: Direction::Outbound,
            local: None,
            remote: None,
            name: None,
            place: None,
            service_port: None,
            recognised: None,
            network_namespace: 0,
            bytes: Bytes { tx: 3, rx: 5 },
            flows_opened: 1,
            first: UnixMillis(1_700_000_000_000),
            last: UnixMillis(1_700_000_000_001),
        }
    }

    fn writer(path: &Path, format: Format) -> Writer {
        let (lines, dropped) = (Lines::new(format), Arc::default());
        let path = path.to_owned();
        Writer { path, keep: 2, rotate_bytes: 3_000, format, lines, file: None, is_failing: false, dropped }
    }

    fn count(path: &Path) -> usize {
        fs::read_to_string(path).map_or(0, |text| text.lines().count())
    }

    #[test]
    fn it_is_rotated_and_begun_again_when_somebody_takes_it_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut writer = writer(&path, Format::Json);
        for _ in 0..20 {
            writer.write(&Offer::Flows(vec![record("x")])).unwrap();
        }
        let names: Vec<_> = dir.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(fs::metadata(&path).unwrap().len() <= 3_000);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        writer.write(&Offer::Flows(vec![record("x")])).unwrap();
        assert_eq!(count(&path), 1);
    }

    #[test]
    fn no_line_is_a_formula_or_an_order_to_a_terminal() {
        let dir = tempfile::tempdir().unwrap();
        for format in [Format::Json, Format::Csv] {
            let path = dir.path().join(format!("{format:?}"));
            writer(&path, format).write(&Offer::Flows(vec![record("=1\x1b[2J\n\u{202e}")])).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                !text.replace(['\r', '\n'], "").chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{text}"
            );
            assert!(format == Format::Json || text.contains(",'=1\\u{1b}"), "{text}");
        }
    }

    #[test]
    fn what_others_could_have_put_there_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        symlink("/dev/null", &path).unwrap();
        assert!(open_safely(&path).is_err());
        fs::remove_file(&path).unwrap();
        fs::write(dir.path().join("other"), "").unwrap();
        fs::hard_link(dir.path().join("other"), &path).unwrap();
        assert!(open_safely(&path).is_err());
        fs::remove_file(&path).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(open_safely(&path).is_err());
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (offers, _queue) = mpsc::sync_channel(1);
        let log = TextLog { offers, dropped: Arc::default() };
        for _ in 0..4 {
            log.flows(&[record("x"), record("y")]);
        }
        assert_eq!(log.dropped(), 6);
    }
}
