//! The thread that looks at processes.
//!
//! To read what a process has mapped waits for whoever changes that, and a program can make this take as long as it likes: while
//! it waits for a page from a server that never answers. Such a look is given up, and its thread is left to itself.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::{
    contents::Contents,
    look::{Look, Missed, Target},
};
use crate::resources;

const PATIENCE: Duration = Duration::from_secs(5);
/// Threads that wait. No process is looked at while there are as many.
const STUCK_MAX: usize = 4;

pub(super) struct Looker {
    contents: Arc<Contents>,
    thread: Option<Thread>,
    stuck: Arc<AtomicUsize>,
}

struct Thread {
    ask: mpsc::SyncSender<Target>,
    answer: mpsc::Receiver<Answer>,
}

type Answer = (Result<Look, Missed>, u64);

impl Looker {
    pub(super) fn new(contents: Arc<Contents>) -> Self {
        Self { contents, thread: None, stuck: Arc::default() }
    }

    /// A look at a process, and the CPU time that it took, in microseconds.
    pub(super) fn look(&mut self, target: Target) -> Answer {
        if self.stuck.load(Ordering::Relaxed) >= STUCK_MAX {
            return (Err(Missed::Stuck), 0);
        }
        let thread = match self.thread.take().map_or_else(|| self.start(), Ok) {
            Ok(thread) => thread,
            Err(error) => return (Err(Missed::Refused(error)), 0),
        };
        self.stuck.fetch_add(1, Ordering::Relaxed);
        if thread.ask.send(target).is_err() {
            return (Err(Missed::Stuck), 0);
        }
        match thread.answer.recv_timeout(PATIENCE) {
            Ok(answer) => {
                self.thread = Some(thread);
                answer
            }
            Err(_) => (Err(Missed::Stuck), 0),
        }
    }

    fn start(&self) -> io::Result<Thread> {
        let (ask, asked) = mpsc::sync_channel(1);
        let (give, answer) = mpsc::sync_channel(1);
        let (contents, stuck) = (Arc::clone(&self.contents), Arc::clone(&self.stuck));
        thread::Builder::new().name("looker".to_owned()).spawn(move || {
            resources::stand_back();
            for target in asked {
                let begun = resources::thread_cpu_us();
                let look = Look::at(&target, &contents);
                stuck.fetch_sub(1, Ordering::Relaxed);
                if give.send((look, resources::thread_cpu_us().saturating_sub(begun))).is_err() {
                    break; // given up
                }
            }
        })?;
        Ok(Thread { ask, answer })
    }
}
