//! One task that stays subscribed to the daemon, also over its restarts and those of the bus.

use std::time::Duration;

use futures_util::StreamExt;
use portolan_bus::{BUS_NAME, Daemon1Proxy, LiveTick, Status};
use tokio::{sync::mpsc, task::JoinSet, time};
use zbus::{Connection, fdo::DBusProxy, proxy::CacheProperties};

use crate::{
    bus,
    failure::{Failure, Kind},
};

/// How often the status is asked for.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// How long after a failure the bus is tried again. Nothing tells when a bus comes back.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Events that wait for a slow reader. When it is full, readings are dropped and counted: to let them wait on the bus
/// would fill the bus' own queue, and the bus would end the connection.
const WAITING_EVENTS: usize = 256;

/// What a reader gets to know.
#[derive(Debug)]
pub(crate) enum Event {
    /// The daemon is there; these are the readings of its last minutes, oldest first.
    Connected(Vec<LiveTick>),
    /// The counters were read.
    Tick(LiveTick),
    /// How the daemon does.
    Status(Box<Status>),
    /// The daemon is gone, and why; the feed waits for it.
    Waiting(String),
    /// So many readings were dropped, because the reader is too slow.
    Dropped(u64),
    /// The feed has ended.
    Failed(Failure),
}

/// What the feed asks the daemon for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Readings.
    Ticks,
    /// Readings, and the status every few seconds.
    Everything,
}

/// Starts the feed. It ends when the receiver is dropped, and with [`Event::Failed`].
pub(crate) fn start(wants: Wants) -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
    tokio::spawn(async move {
        let mut feed = Feed { sender, wants, dropped: 0, met: false };
        let failure = feed.run().await;
        let _ = feed.sender.send(Event::Failed(failure)).await;
    });
    receiver
}

struct Feed {
    sender: mpsc::Sender<Event>,
    wants: Wants,
    /// Readings dropped since the reader was told.
    dropped: u64,
    /// Whether the daemon was there once: only then is it waited for.
    met: bool,
}

impl Feed {
    /// Tries until something happens that waiting does not heal.
    async fn run(&mut self) -> Failure {
        loop {
            let Err(failure) = self.session().await;
            if !self.met || failure.kind == Kind::AccessDenied || self.sender.is_closed() {
                return failure;
            }
            self.tell(Event::Waiting(failure.message().to_owned())).await;
            time::sleep(RETRY_AFTER).await;
        }
    }

    /// One connection to the bus, over any number of starts of the daemon.
    async fn session(&mut self) -> Result<std::convert::Infallible, Failure> {
        let gone = || bus::unreachable_bus("it closed the connection");
        let failed = |error: zbus::Error| bus::failed_call(error.into());
        let connection = bus::connect().await?;
        let daemon = bus::daemon(&connection).await?;
        let mut owners = daemon.inner().receive_owner_changed().await.map_err(failed)?;
        let mut ticks = daemon.receive_ticked().await.map_err(failed)?;
        let mut status_due = time::interval(STATUS_EVERY);
        status_due.set_missed_tick_behavior(time::MissedTickBehavior::Skip);
        let mut asking = JoinSet::new();

        // A daemon that an administrator has stopped is waited for, not started by the bus.
        let mut there = !self.met || is_owned(&connection).await?;
        let mut known = if there { self.subscribe(&daemon).await? } else { Vec::new() };
        if !there {
            self.tell(Event::Waiting("it is not on the bus".to_owned())).await;
        }
        loop {
            tokio::select! {
                tick = ticks.next() => {
                    let tick = tick.ok_or_else(gone)?.args().map_err(failed)?.tick;
                    // A reading may come both in the backlog and as a signal.
                    if !known.contains(&tick.unix_ms) {
                        self.offer(tick);
                    }
                }
                owner = owners.next() => {
                    there = owner.ok_or_else(gone)?.is_some();
                    asking.abort_all();
                    if there {
                        known = self.subscribe(&daemon).await?;
                        status_due.reset_immediately();
                    } else {
                        self.tell(Event::Waiting("it left the bus".to_owned())).await;
                    }
                }
                _ = status_due.tick(), if there && self.wants == Wants::Everything => {
                    if asking.is_empty() {
                        let daemon = daemon.clone();
                        asking.spawn(async move { daemon.status().await });
                    }
                }
                Some(answer) = asking.join_next() => {
                    // A status that fails says nothing that the readings, or their end, do not say.
                    if let Ok(Ok(status)) = answer {
                        self.tell(Event::Status(Box::new(status))).await;
                    }
                }
                () = self.sender.closed() => return Err(gone()),
            }
        }
    }

    /// Subscribes and passes the backlog on. Returns when its readings were made.
    async fn subscribe(&mut self, daemon: &Daemon1Proxy<'_>) -> Result<Vec<i64>, Failure> {
        let backlog = daemon.subscribe_live().await.map_err(bus::failed_call)?;
        self.met = true;
        let known = backlog.iter().map(|tick| tick.unix_ms).collect();
        self.tell(Event::Connected(backlog)).await;
        Ok(known)
    }

    /// Passes a reading on, or counts it as dropped.
    fn offer(&mut self, tick: LiveTick) {
        if self.dropped > 0 && self.sender.try_send(Event::Dropped(self.dropped)).is_ok() {
            self.dropped = 0;
        }
        if self.sender.try_send(Event::Tick(tick)).is_err() {
            self.dropped += 1;
        }
    }

    /// Rare events wait for room. A reader that has gone is noticed by the session.
    async fn tell(&self, event: Event) {
        let _ = self.sender.send(event).await;
    }
}

async fn is_owned(connection: &Connection) -> Result<bool, Failure> {
    let failed = |error: zbus::Error| bus::failed_call(error.into());
    let builder = DBusProxy::builder(connection).cache_properties(CacheProperties::No);
    let bus = builder.build().await.map_err(failed)?;
    let name = BUS_NAME.try_into().map_err(|error: zbus::names::Error| failed(error.into()))?;
    bus.name_has_owner(name).await.map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_is_too_slow_learns_how_many_readings_it_missed() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut feed = Feed { sender, wants: Wants::Ticks, dropped: 0, met: true };
        let mut offer = |unix_ms| feed.offer(LiveTick { unix_ms, interval_ms: 1000, rows: Vec::new() });
        (1..=5).for_each(&mut offer);
        assert!(matches!(receiver.try_recv(), Ok(Event::Tick(tick)) if tick.unix_ms == 1));
        assert!(matches!(receiver.try_recv(), Ok(Event::Tick(tick)) if tick.unix_ms == 2));
        offer(6);
        assert!(matches!(receiver.try_recv(), Ok(Event::Dropped(3))));
        assert!(matches!(receiver.try_recv(), Ok(Event::Tick(tick)) if tick.unix_ms == 6));
    }
}
