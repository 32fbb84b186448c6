use std::sync::atomic::{AtomicU64, Ordering};

use portolan_bus::Error;
use tokio::sync::Mutex;

/// Makes one flush of those that many questions want at the same time: each wants one that begins after it was asked.
#[derive(Debug)]
pub(super) struct Flushing {
    begun: AtomicU64,
    /// The last one that ended, and how.
    done: Mutex<(u64, Result<(), Error>)>,
}

impl Default for Flushing {
    fn default() -> Self {
        Self { begun: AtomicU64::default(), done: Mutex::new((0, Ok(()))) }
    }
}

impl Flushing {
    pub(super) async fn once(&self, flush: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut done = self.done.lock().await;
        if done.0 > begun_before {
            return done.1.clone();
        }
        let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        *done = (this, flush.await);
        done.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn questions_that_wait_together_want_one_flush_that_begins_after_they_did() {
        let (flushing, flushes) = (Flushing::default(), AtomicU64::new(0));
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let count = async {
            flushes.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let first = flushing.once(async {
            gone.await.ok();
            flushes.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        let others = async {
            tokio::join!(flushing.once(count), flushing.once(async { panic!("one is enough") }), async {
                go.send(()).ok();
            })
        };
        let (first, (second, third, ())) = tokio::join!(first, others);
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(flushes.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_flush_that_fails_is_told_to_all_who_waited_for_it() {
        let flushing = Flushing::default();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let first = flushing.once(async {
            gone.await.ok();
            Ok(())
        });
        let fail = async { Err(Error::HistoryUnavailable("full".to_owned())) };
        let others = async {
            tokio::join!(flushing.once(fail), flushing.once(async { panic!("one is enough") }), async {
                go.send(()).ok();
            })
        };
        let (first, (second, third, ())) = tokio::join!(first, others);
        assert!(first.is_ok());
        for told in [second, third] {
            assert!(matches!(told, Err(Error::HistoryUnavailable(text)) if text == "full"));
        }
        assert!(flushing.once(async { Ok(()) }).await.is_ok(), "who asks later has another");
    }
}
