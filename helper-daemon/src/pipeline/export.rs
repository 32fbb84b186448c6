//! Rows of the history, on their way into a pipe.
//!
//! The pipe is made here, so that nobody else can make its writing end wait; its reader has only the other one. One thread for each,
//! few at a time: none waits for a reader longer than [`SILENCE`], nor lives longer than [`IN_ALL`]. A second thread ends the search when the
//! reader is gone, which nothing else would notice before something is found.

use std::{
    collections::HashMap,
    io::{self, Write},
    ops::ControlFlow,
    os::fd::OwnedFd,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portolan_bus::{Error, ExportEnd};
use portolan_core::Uid;
use portolan_history::{
    Limits, ReadError, Reader,
    language::Query,
    line::{FlowLine, Format, Lines},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
};

use super::archive::{Archive, FoundDamage};
use crate::{dbus::Viewer, resources, sentence};

/// How long a reader may read nothing.
const SILENCE: Duration = Duration::from_secs(20);
/// How long an export may take: a reader of the database keeps its log from being written back.
const IN_ALL: Duration = Duration::from_secs(600);
/// Exports of one user at a time, and of all.
const PER_UID: usize = 1;
const IN_TOTAL: usize = 3;
/// Bytes that are gathered before they are written, and that the pipe holds.
const PIECE: usize = 256 * 1024;

/// The exports that run.
#[derive(Debug, Clone, Default)]
pub(super) struct Exports(Arc<Mutex<HashMap<Uid, usize>>>);

/// The place of one of them.
struct Place {
    exports: Exports,
    uid: Uid,
}

impl Exports {
    fn enter(&self, uid: Uid) -> Result<Place, Error> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_this = running.get(&uid).copied().unwrap_or_default();
        if of_this >= PER_UID || running.values().sum::<usize>() >= IN_TOTAL {
            return Err(Error::LimitExceeded(
                "An export is under way already; wait for its end, which comes after ten minutes at the latest."
                    .to_owned(),
            ));
        }
        *running.entry(uid).or_default() += 1;
        Ok(Place { exports: self.clone(), uid })
    }

    fn start(
        &self,
        history: &Path,
        found_damage: FoundDamage,
        is_in_the_way: Arc<AtomicBool>,
        viewer: Viewer,
        query: Query,
    ) -> Result<OwnedFd, Error> {
        let place = self.enter(viewer.uid)?;
        let failed = |error: io::Error| Error::Internal(format!("An export cannot begin: {error}."));
        // Both ends are said not to wait, and the reader's is told to: that is a flag of each end alone.
        let (reading, writing) =
            pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        rustix::fs::fcntl_setfl(&reading, rustix::fs::OFlags::empty())
            .map_err(|error| failed(error.into()))?;
        // A smaller one is only slower.
        let _ = fcntl_setpipe_size(&writing, PIECE);
        let (over, end) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        let history = history.to_owned();
        let run = move || {
            let limits =
                Limits { deadline: Some(Instant::now() + IN_ALL), is_in_the_way, ..Limits::default() };
            thread::scope(|scope| {
                // Closed when this is over, however it ends.
                let _end = end;
                let watch = || watch(&writing, &over, &limits.cancelled);
                if let Err(error) =
                    thread::Builder::new().name("export-end".to_owned()).spawn_scoped(scope, watch)
                {
                    tracing::warn!("an export will not be ended early: {error}");
                }
                if let Err(error) = write(&history, &*found_damage, viewer, &query, &limits, &writing) {
                    tracing::debug!(uid = viewer.uid.0, "an export ended early: {error}");
                }
            });
            // Before the pipe, whose end the reader sees: who asks again then finds a place.
            drop(place);
            drop(writing);
            resources::give_back_much();
        };
        thread::Builder::new().name("export".to_owned()).spawn(run).map_err(failed)?;
        Ok(reading)
    }
}

impl Archive {
    /// Starts to write what a query means, for a viewer; the end to read from.
    ///
    /// # Errors
    /// An export of this viewer runs, or too many others do.
    pub fn export(&self, viewer: Viewer, query: Query) -> Result<OwnedFd, Error> {
        self.log.admit()?;
        self.exports.start(self.path(), self.found_damage(), self.log.is_too_long(), viewer, query)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.exports.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.uid) {
            *count = count.saturating_sub(1);
        }
        running.retain(|_, count| *count > 0);
    }
}

/// Writes all rows and the last line. An error means that nobody reads.
fn write(
    history: &Path,
    found_damage: &dyn Fn(&ReadError),
    viewer: Viewer,
    query: &Query,
    limits: &Limits,
    pipe: &OwnedFd,
) -> io::Result<()> {
    let output =
        Patient { pipe, silence: SILENCE, until: limits.deadline, is_in_the_way: &limits.is_in_the_way };
    let mut output = io::BufWriter::with_capacity(PIECE, output);
    let mut lines = Lines::new(Format::Json);
    let (mut rows, mut gone) = (0, None);
    let told = Reader::open(history)
        .and_then(|reader| reader.naming_services(portolan_names::service))
        .map_err(|error| sentence::of(&error));
    let told = told.and_then(|reader| {
        let mut tell = |row| match lines.write(&mut output, &FlowLine::from(&row)) {
            Ok(()) => {
                rows += 1;
                ControlFlow::Continue(())
            }
            Err(error) => {
                gone = Some(error);
                ControlFlow::Break(())
            }
        };
        reader.flows(query, viewer.only(), limits, &mut tell).map_err(|error| match error {
            ReadError::TookTooLong => {
                format!("the export took longer than {} s; ask for a shorter time", IN_ALL.as_secs())
            }
            error => {
                found_damage(&error);
                sentence::of(&error)
            }
        })
    });
    if let Some(gone) = gone {
        return Err(gone);
    }
    let end = ExportEnd { problem: told.err(), rows };
    output.write_all(&serde_json::to_vec(&end)?)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Waits until the reader of a pipe is gone, and says so; or until `over` is closed.
fn watch(pipe: &OwnedFd, over: &OwnedFd, is_gone: &AtomicBool) {
    // Nothing is asked for: that an end is closed is told all the same.
    let mut ends = [PollFd::new(pipe, PollFlags::empty()), PollFd::new(over, PollFlags::empty())];
    while matches!(poll(&mut ends, None), Ok(0) | Err(rustix::io::Errno::INTR)) {}
    let [pipe, _] = &ends;
    is_gone.store(pipe.revents().contains(PollFlags::ERR), Ordering::Relaxed);
}

/// So often who waits for a reader looks whether it may go on.
const LOOK: Duration = Duration::from_secs(1);

/// The writing end of a pipe whose reader may be slow.
struct Patient<'a> {
    pipe: &'a OwnedFd,
    silence: Duration,
    /// How long it is waited for in all.
    until: Option<Instant>,
    /// Whether the history's log waits for who reads here.
    is_in_the_way: &'a AtomicBool,
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begun = Instant::now();
        loop {
            match rustix::io::write(self.pipe, bytes) {
                Err(rustix::io::Errno::AGAIN) => {}
                written => return Ok(written?),
            }
            let left =
                self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            let left = left.min(self.silence.saturating_sub(begun.elapsed()));
            if left.is_zero() || self.is_in_the_way.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let timeout = Timespec::try_from(left.min(LOOK)).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(self.pipe, PollFlags::OUT)], Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use portolan_bus::Access;

    use super::*;

    fn viewer(uid: u32) -> Viewer {
        Viewer { uid: Uid(uid), access: Access::Own }
    }

    #[test]
    fn a_history_that_is_not_there_is_told_in_the_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let exports = Exports::default();
        let pipe = exports
            .start(&dir.path().join("none"), Arc::new(|_| ()), Arc::default(), viewer(1), Query::default())
            .unwrap();
        let mut text = String::new();
        std::fs::File::from(pipe).read_to_string(&mut text).unwrap();
        let end: ExportEnd = serde_json::from_str(&text).unwrap();
        assert!(end.rows == 0 && end.problem.unwrap().contains("there is no history"), "{text}");
    }

    #[test]
    fn who_reads_nothing_is_given_up_and_who_is_gone_too() {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let until = Instant::now() + IN_ALL;
        let mut patient = Patient {
            pipe: &writing,
            silence: Duration::from_millis(20),
            until: Some(until),
            is_in_the_way: &AtomicBool::new(false),
        };
        let full = io::copy(&mut io::repeat(7), &mut patient).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::TimedOut);
        drop(reading);
        assert_eq!(patient.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn who_reads_a_little_now_and_then_is_given_up_when_the_time_is_over() {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let until = Instant::now() + Duration::from_millis(300);
        let mut patient = Patient {
            pipe: &writing,
            silence: SILENCE,
            until: Some(until),
            is_in_the_way: &AtomicBool::new(false),
        };
        let reader = std::thread::spawn(move || {
            // As slowly as one that wants to keep the place.
            while Instant::now() < until + Duration::from_secs(3) {
                rustix::io::read(&reading, &mut [0; 16384]).ok();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let late = io::copy(&mut io::repeat(7), &mut patient).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert!(Instant::now() < until + Duration::from_secs(2));
        reader.join().unwrap();
    }

    #[test]
    fn the_search_ends_when_its_reader_is_gone() {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let (over, end) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let is_gone = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| watch(&writing, &over, &is_gone));
            drop(reading);
        });
        assert!(is_gone.load(Ordering::Relaxed));
        let (_reading, writing) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| watch(&writing, &over, &is_gone));
            drop(end);
        });
        assert!(!is_gone.load(Ordering::Relaxed), "it is over");
    }

    #[test]
    fn a_user_has_one_place_and_gets_it_back() {
        let exports = Exports::default();
        let place = exports.enter(Uid(1)).unwrap();
        assert!(matches!(exports.enter(Uid(1)), Err(Error::LimitExceeded(_))));
        let others: Vec<Place> = (2..4).map(|uid| exports.enter(Uid(uid)).unwrap()).collect();
        assert!(exports.enter(Uid(9)).is_err());
        drop((place, others));
        exports.enter(Uid(1)).unwrap();
        assert!(exports.0.lock().unwrap().is_empty());
    }
}
