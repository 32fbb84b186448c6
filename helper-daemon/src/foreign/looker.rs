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
    look: Looking,
    patience: Duration,
    thread: Option<Thread>,
    stuck: Arc<AtomicUsize>,
}

struct Thread {
    ask: mpsc::SyncSender<Target>,
    answer: mpsc::Receiver<Answer>,
}

type Looking = fn(&Target, &Contents) -> Result<Look, Missed>;
type Answer = (Result<Look, Missed>, u64);

impl Looker {
    pub(super) fn new(contents: Arc<Contents>) -> Self {
        Self { contents, look: Look::at, patience: PATIENCE, thread: None, stuck: Arc::default() }
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
        match thread.answer.recv_timeout(self.patience) {
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
        let (contents, stuck, look) = (Arc::clone(&self.contents), Arc::clone(&self.stuck), self.look);
        thread::Builder::new().name("looker".to_owned()).spawn(move || {
            resources::stand_back();
            for target in asked {
                let begun = resources::thread_cpu_us();
                let look = look(&target, &contents);
                stuck.fetch_sub(1, Ordering::Relaxed);
                if give.send((look, resources::thread_cpu_us().saturating_sub(begun))).is_err() {
                    break; // given up
                }
            }
        })?;
        Ok(Thread { ask, answer })
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::{MonotonicNs, Pid};

    use super::*;

    /// Hangs as long as this process is not gone.
    fn hang(target: &Target, _: &Contents) -> Result<Look, Missed> {
        while std::path::Path::new(&format!("/proc/{}/stat", target.pid.0)).exists() {
            thread::sleep(Duration::from_millis(1));
        }
        Err(Missed::Gone)
    }

    #[test]
    fn a_look_that_does_not_end_is_given_up_and_keeps_no_other_waiting() {
        let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let target = |pid| Target { pid: Pid(pid), started: MonotonicNs(0), names: Vec::new() };
        let mut looker = Looker::new(Arc::default());
        (looker.look, looker.patience) = (hang, Duration::from_millis(50));
        for _ in 0..STUCK_MAX - 1 {
            assert!(matches!(looker.look(target(sleeper.id())).0, Err(Missed::Stuck)));
        }
        looker.patience = PATIENCE;
        assert!(matches!(looker.look(target(u32::MAX)).0, Err(Missed::Gone)), "there is one thread left");
        looker.patience = Duration::from_millis(50);
        for _ in 0..2 {
            assert!(matches!(looker.look(target(sleeper.id())).0, Err(Missed::Stuck)));
        }
        assert_eq!(looker.stuck.load(Ordering::Relaxed), STUCK_MAX);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        while looker.stuck.load(Ordering::Relaxed) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
        looker.patience = PATIENCE;
        assert!(matches!(looker.look(target(u32::MAX)).0, Err(Missed::Gone)), "all have come back");
    }
}
