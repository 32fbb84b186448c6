use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _};
use portolan_bus::{BUS_NAME, Daemon1Proxy, Error, Finding, LiveTick};
use tokio::{sync::mpsc, time::Instant};
use zbus::{
    Connection,
    fdo::{DBusProxy, NameOwnerChangedStream},
    names::BusName,
};

use super::{ask::Own, sentence};

/// What the link tells. The channel is bounded; when it is full the link waits, and the daemon's signals queue at zbus.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The daemon answers; these are its open findings.
    Up(Daemon1Proxy<'static>, Vec<Finding>),
    /// The bus or the daemon is not there: why, and what to do.
    Gone(String),
    /// The daemon does not let this user see anything.
    Denied(String),
    /// A finding is new or was answered.
    Finding(Box<Finding>),
    /// The ticks of the last five minutes; `Tick`s follow.
    History(Vec<LiveTick>),
    /// The counters were read.
    Tick(LiveTick),
}

/// What the link is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkCommand {
    /// Send history and ticks, from the beginning when it does so already.
    StartLive,
    /// Send no more ticks.
    StopLive,
    /// Do not wait for the next attempt.
    Retry,
}

/// How long to wait before the next attempt: doubles from `first` up to `longest`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// After the first failure.
    pub(crate) first: Duration,
    /// At most.
    pub(crate) longest: Duration,
}

type Signals<T> = Pin<Box<dyn Stream<Item = zbus::Result<T>> + Send>>;

/// Why a conversation with the daemon ended.
enum End {
    /// The name has another owner or none.
    OwnerChanged,
    /// The daemon answered with an error.
    Refused(Error),
    /// The bus is gone.
    BusLost(zbus::Error),
    /// The app ends.
    Stopped,
}

/// Keeps the app connected until the commands' or the events' other end is dropped.
///
/// `connect` gives a connection to the bus on which the daemon is expected.
pub(crate) async fn run<C, F>(
    connect: C,
    patience: Patience,
    own: Own,
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::Receiver<LinkCommand>,
) where
    C: Fn() -> F,
    F: Future<Output = zbus::Result<Connection>>,
{
    let mut link = Link { events, commands, own, live: false, patience, pause: patience.first };
    loop {
        let end = match connect().await {
            Ok(connection) => link.stay(&connection).await,
            Err(error) => End::BusLost(error),
        };
        let End::BusLost(error) = end else { return };
        tracing::info!(%error, "no connection to the bus");
        if link.tell(LinkEvent::Gone(sentence::no_bus(&error))).await.is_err()
            || link.rest(None).await.is_err()
        {
            return;
        }
    }
}

struct Link {
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::Receiver<LinkCommand>,
    own: Own,
    live: bool,
    patience: Patience,
    pause: Duration,
}

impl Link {
    /// Follows the daemon's name on one connection; ends with `BusLost` or `Stopped`.
    async fn stay(&mut self, connection: &Connection) -> End {
        let (mut owners, mut owner) = match watch_owner(connection).await {
            Ok(watch) => watch,
            Err(error) => return End::BusLost(error),
        };
        loop {
            let told = match owner.take() {
                None => LinkEvent::Gone(sentence::NO_DAEMON.to_owned()),
                Some(_) => match self.converse(connection, &mut owners).await {
                    End::OwnerChanged => {
                        owner = current_owner(connection).await;
                        continue;
                    }
                    End::Refused(error) => match sentence::denial(&error) {
                        Some(said) => LinkEvent::Denied(sentence::denied(&said)),
                        None => LinkEvent::Gone(sentence::of(&error)),
                    },
                    end => return end,
                },
            };
            // Without an owner only the bus's word counts. A refusal may end by itself: a session becomes active.
            let waits_for_owner = matches!(&told, LinkEvent::Gone(why) if why == sentence::NO_DAEMON);
            if self.tell(told).await.is_err() {
                return End::Stopped;
            }
            let rested = if waits_for_owner {
                self.rest_for_owner(&mut owners).await
            } else {
                self.rest(Some(&mut owners)).await
            };
            if let Err(end) = rested {
                return end;
            }
            owner = current_owner(connection).await;
        }
    }

    /// Subscribes and passes on what the daemon says.
    async fn converse(&mut self, connection: &Connection, owners: &mut NameOwnerChangedStream) -> End {
        match self.subscribe(connection).await {
            Ok((daemon, findings, ticks)) => self.listen(&daemon, findings, ticks, owners).await,
            Err(Error::Bus(zbus::Error::InputOutput(error))) if lost(&error) => {
                End::BusLost(zbus::Error::InputOutput(error))
            }
            Err(error) => End::Refused(error),
        }
    }

    async fn subscribe(
        &mut self,
        connection: &Connection,
    ) -> Result<(Daemon1Proxy<'static>, Signals<Finding>, Option<Signals<LiveTick>>), Error> {
        let daemon = Daemon1Proxy::new(connection).await?;
        // The signals' rules come before the call, so that nothing falls between.
        let findings = daemon.receive_finding_changed().await?;
        let findings = Box::pin(findings.map(|signal| signal.args().map(|args| args.finding)));
        let open = self.own.call(daemon.subscribe_findings()).await?;
        self.pause = self.patience.first;
        self.tell(LinkEvent::Up(daemon.clone(), open)).await.ok();
        let ticks = if self.live { Some(self.start_live(&daemon).await?) } else { None };
        Ok((daemon, findings, ticks))
    }

    async fn listen(
        &mut self,
        daemon: &Daemon1Proxy<'static>,
        mut findings: Signals<Finding>,
        mut ticks: Option<Signals<LiveTick>>,
        owners: &mut NameOwnerChangedStream,
    ) -> End {
        loop {
            let event = tokio::select! {
                changed = owners.next() => match changed {
                    Some(_) => return End::OwnerChanged,
                    None => return bus_lost(),
                },
                signal = findings.next() => match signal {
                    Some(finding) => finding.map(Box::new).map(LinkEvent::Finding),
                    None => return bus_lost(),
                },
                signal = next(&mut ticks) => match signal {
                    Some(tick) => tick.map(LinkEvent::Tick),
                    None => return bus_lost(),
                },
                command = self.commands.recv() => match self.obey(command, daemon, &mut ticks).await {
                    Ok(()) => continue,
                    Err(end) => return end,
                },
            };
            match event {
                Ok(event) => {
                    if self.tell(event).await.is_err() {
                        return End::Stopped;
                    }
                }
                Err(error) => tracing::warn!(%error, "a signal of the daemon cannot be read"),
            }
        }
    }

    async fn obey(
        &mut self,
        command: Option<LinkCommand>,
        daemon: &Daemon1Proxy<'static>,
        ticks: &mut Option<Signals<LiveTick>>,
    ) -> Result<(), End> {
        match command {
            None => return Err(End::Stopped),
            Some(LinkCommand::Retry) => {}
            Some(LinkCommand::StartLive) => {
                self.live = true;
                *ticks = Some(self.start_live(daemon).await.map_err(End::Refused)?);
            }
            Some(LinkCommand::StopLive) => {
                self.live = false;
                *ticks = None;
                if let Err(error) = self.own.call(daemon.unsubscribe_live()).await {
                    tracing::warn!(%error, "the daemon did not end the live view");
                }
            }
        }
        Ok(())
    }

    async fn start_live(&mut self, daemon: &Daemon1Proxy<'static>) -> Result<Signals<LiveTick>, Error> {
        let ticks = daemon.receive_ticked().await?;
        let history = self.own.call(daemon.subscribe_live()).await?;
        self.tell(LinkEvent::History(history)).await.ok();
        Ok(Box::pin(ticks.map(|signal| signal.args().map(|args| args.tick))))
    }

    /// Waits until it is time for the next attempt, the daemon's owner changes or a person asks.
    async fn rest(&mut self, owners: Option<&mut NameOwnerChangedStream>) -> Result<(), End> {
        let until = Instant::now() + self.pause;
        self.pause = self.patience.longest.min(self.pause * 2);
        self.wait(owners, Some(until)).await
    }

    async fn rest_for_owner(&mut self, owners: &mut NameOwnerChangedStream) -> Result<(), End> {
        self.wait(Some(owners), None).await
    }

    async fn wait(
        &mut self,
        mut owners: Option<&mut NameOwnerChangedStream>,
        until: Option<Instant>,
    ) -> Result<(), End> {
        loop {
            tokio::select! {
                () = at(until) => return Ok(()),
                changed = next(&mut owners) => return changed.map(|_| ()).ok_or_else(bus_lost),
                command = self.commands.recv() => match command {
                    None => return Err(End::Stopped),
                    Some(LinkCommand::Retry) => return Ok(()),
                    Some(LinkCommand::StartLive) => self.live = true,
                    Some(LinkCommand::StopLive) => self.live = false,
                },
            }
        }
    }

    async fn tell(&self, event: LinkEvent) -> Result<(), mpsc::error::SendError<LinkEvent>> {
        self.events.send(event).await
    }
}

async fn watch_owner(connection: &Connection) -> zbus::Result<(NameOwnerChangedStream, Option<String>)> {
    let bus = DBusProxy::new(connection).await?;
    let owners = bus.receive_name_owner_changed_with_args(&[(0, BUS_NAME)]).await?;
    Ok((owners, current_owner(connection).await))
}

/// The unique name behind the daemon's name; `None` when it has none or the bus is gone.
///
/// Asking does not start the daemon: when an administrator stopped it, it stays stopped.
async fn current_owner(connection: &Connection) -> Option<String> {
    let bus = DBusProxy::new(connection).await.ok()?;
    let name = BusName::try_from(BUS_NAME).ok()?;
    bus.get_name_owner(name).await.ok().map(|owner| owner.to_string())
}

/// The next item; waits for ever when there is no stream.
async fn next<S: Stream + Unpin>(stream: &mut Option<S>) -> Option<S::Item> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn bus_lost() -> End {
    End::BusLost(zbus::Error::Failure("the connection was closed".to_owned()))
}

/// A call that nobody answered in time is the daemon's fault, any other broken connection the bus's.
fn lost(error: &std::io::Error) -> bool {
    error.kind() != std::io::ErrorKind::TimedOut
}
