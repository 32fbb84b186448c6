//! Signals, one subscriber at a time.
//!
//! When full: events come through a broadcast channel that loses its oldest. Lost ticks are skipped and
//! counted: the next one is along in a second, and what they measured is in the history. Lost findings are made good: everybody who subscribed to
//! findings is sent all of them again, answered ones too, so that no client keeps one open that was answered. A client
//! tells a repetition by the finding's number and state. What a single subscriber does not fetch waits in the bus,
//! under the bus' limits, and delays nobody.

use std::{sync::Arc, time::Duration};

use portolan_bus::{Finding, LiveTick, OBJECT_PATH};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{MissedTickBehavior, interval},
};
use zbus::{
    Connection,
    names::{BusName, OwnedUniqueName},
    object_server::SignalEmitter,
};

use super::{
    Backend, Event, Skipped, Viewer,
    fit::{ANSWER_MAX_BYTES, fit},
    interface::Daemon1,
    subscribers::{Subscribers, Topic},
    texts::Texts,
    visibility,
};

/// How often findings that are due again, and could not be had, are asked for.
const RETRY: Duration = Duration::from_secs(5);

/// Delivers events on this connection. Never ends by itself.
pub(super) async fn deliver<B: Backend>(
    connection: &Connection,
    backend: &B,
    subscribers: &Arc<Subscribers>,
    mut events: broadcast::Receiver<Event>,
) {
    let mut retry = interval(RETRY);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let late = !subscribers.behind().is_empty();
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::Tick(tick)) => deliver_tick(connection, backend, subscribers, &tick).await,
                Ok(Event::Finding(finding)) => deliver_finding(connection, backend, subscribers, &finding).await,
                Err(RecvError::Lagged(count)) => {
                    tracing::warn!(count, "the bus is slow: ticks are skipped, findings are sent again");
                    backend.skipped(Skipped::Events, count);
                    subscribers.all_fell_behind();
                }
                // Nobody sends any more: the daemon is ending.
                Err(RecvError::Closed) => std::future::pending().await,
            },
            () = subscribers.catch_up.notified() => catch_up(connection, backend, subscribers).await,
            _ = retry.tick(), if late => catch_up(connection, backend, subscribers).await,
        }
    }
}

async fn deliver_tick<B: Backend>(
    connection: &Connection,
    backend: &B,
    subscribers: &Subscribers,
    tick: &LiveTick,
) {
    for (name, viewer) in subscribers.of(Topic::Live) {
        let mut visible = visibility::tick(viewer, tick);
        let left_out = fit(&mut visible.rows, ANSWER_MAX_BYTES);
        if left_out > 0 {
            tracing::warn!(left_out, "rows are left out of a tick: one message cannot hold them all");
            backend.skipped(Skipped::Rows, u64::try_from(left_out).unwrap_or(u64::MAX));
        }
        sent(&name, async { Daemon1::<B>::ticked(&emitter(connection, &name)?, &visible).await }).await;
    }
}

async fn deliver_finding<B: Backend>(
    connection: &Connection,
    backend: &B,
    subscribers: &Subscribers,
    finding: &Finding,
) {
    for (name, viewer) in subscribers.of(Topic::Findings) {
        send_finding(connection, backend, &name, viewer, finding).await;
    }
}

/// Sends all findings again to those who may have missed some.
async fn catch_up<B: Backend>(connection: &Connection, backend: &B, subscribers: &Subscribers) {
    for (name, viewer) in subscribers.behind() {
        match backend.findings(viewer, true).await {
            Ok(findings) => {
                // The oldest first, as they would have come.
                for finding in findings.iter().rev() {
                    send_finding(connection, backend, &name, viewer, finding).await;
                }
                subscribers.caught_up(&name);
            }
            Err(error) => {
                tracing::warn!(%error, "findings cannot be sent again yet");
                return;
            }
        }
    }
}

async fn send_finding<B: Backend>(
    connection: &Connection,
    backend: &B,
    name: &OwnedUniqueName,
    viewer: Viewer,
    finding: &Finding,
) {
    let mut finding = finding.clone();
    if visibility::show(viewer, &backend.notifications(), &mut finding) {
        finding.remove_zero_bytes();
        sent(name, async { Daemon1::<B>::finding_changed(&emitter(connection, name)?, &finding).await })
            .await;
    }
}

fn emitter<'c>(connection: &'c Connection, name: &'c OwnedUniqueName) -> zbus::Result<SignalEmitter<'c>> {
    Ok(SignalEmitter::new(connection, OBJECT_PATH)?.set_destination(BusName::Unique(name.as_ref())))
}

/// A connection that broke ends the session elsewhere; here it is only said.
async fn sent(name: &OwnedUniqueName, sending: impl Future<Output = zbus::Result<()>>) {
    if let Err(error) = sending.await {
        tracing::debug!(%name, %error, "a signal was not sent");
    }
}
