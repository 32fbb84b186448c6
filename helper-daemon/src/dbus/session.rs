use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use portolan_bus::{BUS_NAME, OBJECT_PATH};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use zbus::{
    Connection, MatchRule, MessageStream,
    connection::Builder,
    fdo::RequestNameFlags,
    message::Type,
    names::{BusName, UniqueName},
};

use super::{
    Backend, BusState, archive::Archive1, asking::Questions, authorise, configuration::Config1,
    delivery::deliver, gate::Gate, history::History1, interface::Daemon1, subscribers::Subscribers,
};

/// How long the bus may take to let us in.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long calls under way may take to end at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// At most so often polkit is asked again for all subscribers.
const RECHECK_PAUSE: Duration = Duration::from_secs(1);
/// So often polkit is asked again for subscribers that may see nothing: polkitd says when rights change, not when it
/// comes back.
const SUSPENDED_PAUSE: Duration = Duration::from_secs(30);

/// Why a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was told to.
    Shutdown,
    /// It was serving, and the bus is gone.
    BusGone,
    /// It never served, and why.
    NeverServed(Problem),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error(
        "“{address}” is not a D-Bus address ({source}); expected for example unix:path=/run/dbus/system_bus_socket"
    )]
    Address { address: String, source: zbus::Error },
    #[error("another process has the name {BUS_NAME} on the bus")]
    NameTaken,
    #[error(
        "the bus does not let this process have the name {BUS_NAME}: {0}. Is its D-Bus policy installed, and does this \
         run as root?"
    )]
    NameRefused(zbus::Error),
    #[error("the bus cannot be reached: {0}")]
    Unreachable(zbus::Error),
    #[error("the bus did not answer within {} s", SETUP_TIMEOUT.as_secs())]
    Silent,
}

/// What the bus tells us without being asked.
struct Tidings {
    departures: MessageStream,
    right_changes: MessageStream,
}

/// Connects, takes the name and serves until the bus is gone or `shutdown` turns true.
pub(super) async fn run<B: Backend>(
    address: Option<&str>,
    backend: &Arc<B>,
    state: &watch::Sender<BusState>,
    shutdown: &mut watch::Receiver<bool>,
) -> End {
    let subscribers = Arc::new(Subscribers::default());
    let questions = Questions::default();
    let setup = timeout(SETUP_TIMEOUT, connect(address, backend, &subscribers, &questions));
    let (connection, tidings) = tokio::select! {
        biased;
        () = told_to_stop(shutdown) => return End::Shutdown,
        setup = setup => match setup.unwrap_or(Err(Problem::Silent)) {
            Ok(connected) => connected,
            Err(problem) => return End::NeverServed(problem),
        },
    };
    // Before anybody can subscribe, so that a subscriber misses nothing.
    let events = backend.events();
    if let Err(problem) = take_name(&connection).await {
        return End::NeverServed(problem);
    }
    state.send_replace(BusState::Serving);
    tracing::info!("clients can reach the daemon");
    let recheck = Notify::new();
    let end = tokio::select! {
        () = told_to_stop(shutdown) => End::Shutdown,
        () = connection.closed() => End::BusGone,
        () = listen(tidings, &subscribers, &questions, &recheck) => End::BusGone,
        () = deliver(&connection, backend.as_ref(), &subscribers, events) => End::BusGone,
        () = watch_rights(&connection, &subscribers, &recheck) => End::BusGone,
    };
    match end {
        End::Shutdown => leave(connection).await,
        // The object and all that it holds go with the connection's last reference, also while calls are under way.
        _ => drop(connection),
    }
    end
}

/// Resolves when `shutdown` is true or nobody can set it any more.
pub(super) async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone.
    shutdown.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
}

async fn connect<B: Backend>(
    address: Option<&str>,
    backend: &Arc<B>,
    subscribers: &Arc<Subscribers>,
    questions: &Questions,
) -> Result<(Connection, Tidings), Problem> {
    let builder = match address {
        Some(address) => Builder::address(address),
        None => Builder::system(),
    };
    let builder = builder.map_err(|source| Problem::Address {
        address: address.unwrap_or("DBUS_SYSTEM_BUS_ADDRESS").to_owned(),
        source,
    })?;
    let gate = Gate::default();
    let daemon = Daemon1::new(backend.clone(), subscribers.clone(), gate.clone());
    let archive = Archive1::new(backend.clone(), gate.clone());
    let history = History1::new(backend.clone(), gate.clone(), questions.clone());
    let configuration = Config1::new(backend.clone(), gate);
    let connection = builder
        .serve_at(OBJECT_PATH, daemon)
        .and_then(|builder| builder.serve_at(OBJECT_PATH, history))
        .and_then(|builder| builder.serve_at(OBJECT_PATH, archive))
        .and_then(|builder| builder.serve_at(OBJECT_PATH, configuration))
        .map_err(Problem::Unreachable)?
        .build()
        .await
        .map_err(Problem::Unreachable)?;
    let tidings = Tidings::subscribe(&connection).await.map_err(Problem::Unreachable)?;
    Ok((connection, tidings))
}

/// Takes the name for as long as the connection lives: nobody can replace us, and we replace nobody.
async fn take_name(connection: &Connection) -> Result<(), Problem> {
    let request = connection.request_name_with_flags(BUS_NAME, RequestNameFlags::DoNotQueue.into());
    match timeout(SETUP_TIMEOUT, request).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(zbus::Error::NameTaken)) => Err(Problem::NameTaken),
        Ok(Err(error @ (zbus::Error::MethodError(..) | zbus::Error::FDO(_)))) => {
            Err(Problem::NameRefused(error))
        }
        Ok(Err(error)) => Err(Problem::Unreachable(error)),
        Err(_) => Err(Problem::Silent),
    }
}

/// Gives the name back, so that no new call comes in, and lets those under way end.
async fn leave(connection: Connection) {
    let leaving = async {
        if let Err(error) = connection.release_name(BUS_NAME).await {
            tracing::debug!(%error, "the name could not be given back");
        }
        connection.graceful_shutdown().await;
    };
    if timeout(SHUTDOWN_TIMEOUT, leaving).await.is_err() {
        tracing::warn!("calls were still under way at the end");
    }
}

impl Tidings {
    async fn subscribe(connection: &Connection) -> zbus::Result<Self> {
        let departures = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender("org.freedesktop.DBus")?
            .interface("org.freedesktop.DBus")?
            .member("NameOwnerChanged")?
            .arg(2, "")?
            .build();
        let right_changes = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender("org.freedesktop.PolicyKit1")?
            .interface("org.freedesktop.PolicyKit1.Authority")?
            .member("Changed")?
            .build();
        Ok(Self {
            departures: MessageStream::for_match_rule(departures, connection, None).await?,
            right_changes: MessageStream::for_match_rule(right_changes, connection, None).await?,
        })
    }
}

/// Hears who left and that rights changed. Does nothing that waits: an unread stream would hold up the whole connection.
/// Ends with the connection.
async fn listen(mut tidings: Tidings, subscribers: &Subscribers, questions: &Questions, recheck: &Notify) {
    loop {
        tokio::select! {
            message = tidings.departures.next() => {
                let Some(Ok(message)) = message else { return };
                let body = message.body();
                if let Ok((BusName::Unique(name), _, _)) = body.deserialize::<(BusName<'_>, &str, &str)>() {
                    subscribers.forget(&name);
                    questions.forget(&name);
                }
            }
            message = tidings.right_changes.next() => {
                let Some(Ok(_)) = message else { return };
                recheck.notify_one();
            }
        }
    }
}

/// Asks polkit again about subscribers when rights changed (a session became inactive, a rule was edited).
async fn watch_rights(connection: &Connection, subscribers: &Subscribers, recheck: &Notify) {
    loop {
        let suspended = subscribers.any_suspended();
        tokio::select! {
            () = recheck.notified() => (),
            () = sleep(SUSPENDED_PAUSE), if suspended => (),
        }
        for name in subscribers.names() {
            let name: &UniqueName<'_> = &name;
            subscribers.set_access(name, authorise::access(connection, name).await);
        }
        sleep(RECHECK_PAUSE).await;
    }
}
