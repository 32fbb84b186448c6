//! What other threads find out for the recorder: one queue for all of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering, fence},
        mpsc,
    },
    time::Duration,
};

use super::{
    intake::take_events,
    recorder::{Recorder, RecorderError},
    waker::Waker,
};
use crate::{
    changes,
    clock::Now,
    foreign::Inspected,
    identity::{Answer, Hashed},
    names::Hosts,
};

/// What other threads found out.
pub(super) enum Learned {
    Hash(Hashed),
    Origin(Answer),
    Change(changes::Answer),
    Foreign(Inspected),
    Hosts(Hosts),
}

/// What is still to be taken in. Of a hash that nobody waits for, which is that of nearly each executed file, nobody is woken: it is there when
/// the recorder wakes for something else.
pub(super) struct Queue {
    learned: mpsc::Receiver<Learned>,
    is_awaited: Arc<AtomicBool>,
}

/// A queue, and how to put something into it.
pub(super) fn queue(waker: Waker) -> (impl Fn(Learned) + Clone + Send + 'static, Queue) {
    let (send, learned) = mpsc::channel();
    let is_awaited = Arc::new(AtomicBool::new(false));
    let awaited = Arc::clone(&is_awaited);
    let learn = move |what| {
        let may_wait = matches!(what, Learned::Hash(_));
        // Nobody listens any more at the end of the daemon.
        drop(send.send(what));
        fence(Ordering::SeqCst);
        if !may_wait || awaited.load(Ordering::Relaxed) {
            waker.wake();
        }
    };
    (learn, Queue { learned, is_awaited })
}

impl Queue {
    /// Notes whether somebody waits for a hash from now on. One that came before that is in the queue, and nobody was woken.
    pub(super) fn is_awaited_if(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Whether somebody waits for a hash.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::Relaxed)
    }
}

impl Recorder {
    /// `true` when there was anything.
    pub(super) fn take_learned(&mut self) -> bool {
        let mut any = false;
        while let Ok(learned) = self.learned.learned.try_recv() {
            self.learn(learned);
            any = true;
        }
        any
    }

    fn learn(&mut self, learned: Learned) {
        match learned {
            Learned::Hash(hashed) => self.processes.hashed(hashed),
            Learned::Origin(answer) => self.processes.answered(answer),
            Learned::Change(answer) => self.changes.answered(answer, Now::read()),
            Learned::Foreign(inspected) => self.tell_foreign_code(inspected, Now::read()),
            Learned::Hosts(hosts) => self.naming.names.set_hosts(hosts),
        }
    }

    /// Waits until everybody is identified, or nothing comes.
    pub(super) fn wait_for_identities(&mut self, patience: Duration) -> Result<(), RecorderError> {
        while self.rows.unidentified().next().is_some() {
            let Ok(learned) = self.learned.learned.recv_timeout(patience) else { break };
            self.learn(learned);
            // All at once: to ask whether who runs them still has its file is to ask for all processes.
            self.take_learned();
            // As in a step: who is asked for its identity was there when its file had been read, or is known to have ended.
            take_events(&mut self.monitor, &mut self.processes, &mut self.journal)?;
            self.identify_owners(Now::read().monotonic)?;
        }
        Ok(())
    }
}
