//! What is recorded, as lines of a file, for those who want that: one for each flow and interval, and one for each finding.
//!
//! A thread of its own writes it. Whoever records only offers: where the disk does not keep up, lines are dropped and counted.

mod file;
mod writer;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use portolan_bus::Finding;
use portolan_config::Log;
use portolan_history::Record;

use writer::Writer;

/// Offers that may wait.
const QUEUE: usize = 64;
/// Lines that may wait, all offers together; a single offer may have more.
const LINES_MAX: usize = 50_000;

/// What is to become of the log.
enum Offer {
    Flows(Vec<Record>),
    Finding(Box<Finding>),
    /// Other settings may be there.
    Look,
    /// All before this was written or dropped.
    End(mpsc::SyncSender<()>),
}

impl Offer {
    fn lines(&self) -> usize {
        match self {
            Self::Flows(records) => records.len(),
            Self::Finding(_) => 1,
            Self::Look | Self::End(_) => 0,
        }
    }
}

/// What the thread and the others both know.
#[derive(Debug, Default)]
struct Shared {
    /// Settings that the thread has not seen.
    next: Mutex<Option<Log>>,
    is_wanted: AtomicBool,
    waiting: AtomicUsize,
    dropped: AtomicU64,
    /// Why nothing can be written at the moment: a sentence.
    problem: Mutex<Option<String>>,
}

impl Shared {
    fn drop_lines(&self, lines: usize) {
        self.dropped.fetch_add(u64::try_from(lines).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The way to the log.
#[derive(Debug)]
pub struct TextLog {
    offers: mpsc::SyncSender<Offer>,
    shared: Arc<Shared>,
}

impl TextLog {
    /// Starts the thread. A file that cannot be opened is tried again with each offer.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(settings: &Log) -> io::Result<Self> {
        let (offers, queue) = mpsc::sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let writer = Writer::new(Log::default(), Arc::clone(&shared));
        thread::Builder::new().name("text-log".to_owned()).spawn(move || writer.run(&queue))?;
        let log = Self { offers, shared };
        log.configure(settings);
        Ok(log)
    }

    /// Goes on with other settings, from the next line that is offered on.
    pub fn configure(&self, settings: &Log) {
        lock(&self.shared.next).replace(settings.clone());
        self.shared.is_wanted.store(settings.file.is_some(), Ordering::Relaxed);
        // With a full queue, the thread looks with what is in it.
        drop(self.offers.try_send(Offer::Look));
    }

    /// Offers rows. Never waits.
    pub fn flows(&self, records: &[Record]) {
        if self.is_wanted() && !records.is_empty() {
            if self.has_room_for(records.len()) {
                self.offer(Offer::Flows(records.to_vec()));
            } else {
                self.shared.drop_lines(records.len());
            }
        }
    }

    /// Offers a finding. Never waits.
    pub fn finding(&self, finding: &Finding) {
        if self.is_wanted() {
            self.offer(Offer::Finding(Box::new(finding.clone())));
        }
    }

    /// Sentences on what is not as it should be.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let dropped = match self.shared.dropped.load(Ordering::Relaxed) {
            0 => None,
            1 => {
                Some("1 line is missing in the text log, because it could not be written in time".to_owned())
            }
            lines => Some(format!(
                "{lines} lines are missing in the text log, because they could not be written in time"
            )),
        };
        lock(&self.shared.problem).iter().cloned().chain(dropped).collect()
    }

    /// Waits until all that was offered is written, or the time is over.
    pub fn end(&self, patience: Duration) {
        let (done, ended) = mpsc::sync_channel(1);
        if self.offers.try_send(Offer::End(done)).is_err() || ended.recv_timeout(patience).is_err() {
            tracing::warn!("the text log's disk does not keep up: its last lines may be missing");
        }
    }

    fn is_wanted(&self) -> bool {
        self.shared.is_wanted.load(Ordering::Relaxed)
    }

    fn has_room_for(&self, lines: usize) -> bool {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        waiting == 0 || waiting.saturating_add(lines) <= LINES_MAX
    }

    fn offer(&self, offer: Offer) {
        let lines = offer.lines();
        self.shared.waiting.fetch_add(lines, Ordering::Relaxed);
        if self.offers.try_send(offer).is_err() {
            self.shared.waiting.fetch_sub(lines, Ordering::Relaxed);
            self.shared.drop_lines(lines);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
