//! The way to the daemon, and sentences for what blocks it.

use std::{env, time::Duration};

use portolan_bus::{BUS_NAME, Daemon1Proxy, Error, History1Proxy, action};
use zbus::{Connection, connection::Builder, proxy::CacheProperties};

use crate::failure::{Failure, Kind};

/// How long an answer may take. A person who is asked for a password gets more, see [`crate::commands::review`].
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The address that zbus falls back to, for the sentence about it.
const DEFAULT_ADDRESS: &str = "unix:path=/var/run/dbus/system_bus_socket";
const ADDRESS_VARIABLE: &str = "DBUS_SYSTEM_BUS_ADDRESS";

/// Connects to the system bus, or to the one that `DBUS_SYSTEM_BUS_ADDRESS` names.
pub(crate) async fn connect() -> Result<Connection, Failure> {
    let build = async { Builder::system()?.method_timeout(ANSWER_WITHIN).build().await };
    match tokio::time::timeout(ANSWER_WITHIN, build).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(unreachable_bus(&cause(&error))),
        Err(_) => Err(unreachable_bus("no answer within 60 seconds")),
    }
}

/// The daemon on that bus; it is not asked anything yet.
pub(crate) async fn daemon(connection: &Connection) -> Result<Daemon1Proxy<'static>, Failure> {
    let builder = Daemon1Proxy::builder(connection).cache_properties(CacheProperties::No);
    builder.build().await.map_err(|error| failed_call(error.into()))
}

/// What asks the daemon's history on that bus.
pub(crate) async fn history(connection: &Connection) -> Result<History1Proxy<'static>, Failure> {
    let builder = History1Proxy::builder(connection).cache_properties(CacheProperties::No);
    builder.build().await.map_err(|error| failed_call(error.into()))
}

/// The sentence for a call that the daemon or the bus refused.
pub(crate) fn failed_call(error: Error) -> Failure {
    match error {
        Error::AccessDenied(reason) => access_denied(&reason),
        Error::InvalidArgument(reason) => Failure::new(Kind::Usage, reason),
        Error::WrongQuery(wrong) => Failure::new(Kind::Usage, wrong.message),
        Error::NotFound(reason) => Failure::new(Kind::NotFound, reason),
        Error::TookTooLong(reason) => Failure::new(Kind::TimedOut, reason),
        Error::Cancelled(reason) => Failure::new(Kind::Failed, reason),
        Error::LimitExceeded(reason) => Failure::new(Kind::LimitExceeded, reason),
        Error::HistoryUnavailable(reason) => Failure::new(
            Kind::HistoryUnavailable,
            format!(
                "the history is not available: {}. Recording goes on; see `portolan status`",
                clause(&reason)
            ),
        ),
        Error::Internal(reason) => Failure::new(
            Kind::Failed,
            format!("portoland failed: {}. Its journal says more: journalctl -u portoland", clause(&reason)),
        ),
        Error::Bus(error) => bus_failed(&error),
    }
}

fn bus_failed(error: &zbus::Error) -> Failure {
    if let Some((name, text)) = named(error) {
        return match name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(&name) {
            "ServiceUnknown" | "NameHasNoOwner" => no_daemon("it is not on the bus"),
            "NoReply" | "Disconnected" => no_daemon("it left the bus before it answered"),
            // The bus' own text is about its rules and of no use to a person.
            "AccessDenied" | "AuthFailed" => {
                access_denied("the policy of the bus does not let this user call portoland")
            }
            "TimedOut" | "Timeout" => timed_out(),
            "UnknownMethod" | "UnknownInterface" | "UnknownObject" | "InvalidArgs" => incompatible(&text),
            short if short.starts_with("Spawn.") || name.starts_with("org.freedesktop.systemd1.") => {
                no_daemon(&format!("the bus could not start it: {text}"))
            }
            _ => Failure::new(Kind::Failed, format!("the call to portoland failed: {text} ({name})")),
        };
    }
    match error {
        zbus::Error::InputOutput(io) if io.kind() == std::io::ErrorKind::TimedOut => timed_out(),
        zbus::Error::InputOutput(io) => unreachable_bus(&io.to_string()),
        zbus::Error::Variant(_) | zbus::Error::InvalidReply => incompatible(&error.to_string()),
        _ => Failure::new(Kind::Failed, format!("the call to portoland failed: {error}")),
    }
}

/// The name and text of an error that came as a message; `None` for errors of this side.
fn named(error: &zbus::Error) -> Option<(String, String)> {
    match error {
        zbus::Error::MethodError(name, text, _) => {
            Some((name.to_string(), text.clone().unwrap_or_else(|| "no reason given".to_owned())))
        }
        zbus::Error::FDO(error) => match error.as_ref() {
            zbus::fdo::Error::ZBus(inner) => named(inner),
            other => {
                use zbus::DBusError;
                let text = other.description().unwrap_or("no reason given").to_owned();
                Some((other.name().to_string(), text))
            }
        },
        _ => None,
    }
}

fn cause(error: &zbus::Error) -> String {
    match error {
        zbus::Error::Connection(io, _) => io.to_string(),
        zbus::Error::InputOutput(io) => format!("{io} (a bus also hangs up on users that it does not know)"),
        other => other.to_string(),
    }
}

/// The sentence for a bus that is not there.
pub(crate) fn unreachable_bus(cause: &str) -> Failure {
    let (address, advice) = match env::var(ADDRESS_VARIABLE) {
        Ok(address) => {
            let advice =
                format!("The address comes from {ADDRESS_VARIABLE}: unset it, or set it to portoland's bus");
            (address, advice)
        }
        Err(_) => (
            DEFAULT_ADDRESS.to_owned(),
            format!(
                "Start the bus with `systemctl start dbus`, or set {ADDRESS_VARIABLE} to the bus that portoland is on"
            ),
        ),
    };
    Failure::new(
        Kind::BusUnavailable,
        format!("cannot reach the D-Bus system bus at {address}: {}. {advice}", clause(cause)),
    )
}

/// The sentence for a daemon that is not there.
pub(crate) fn no_daemon(why: &str) -> Failure {
    Failure::new(
        Kind::DaemonUnavailable,
        format!(
            "cannot reach portoland ({BUS_NAME}): {}. Start it with `systemctl start portoland`, or from a source \
             tree with `cargo xtask run`",
            clause(why)
        ),
    )
}

/// The sentence for a caller without the right.
pub(crate) fn access_denied(reason: &str) -> Failure {
    // Members of the group may not configure, either.
    let advice = if reason.contains(action::CONFIGURE) {
        "Run the command as root"
    } else {
        "Ask to be added to the group portolan (`adduser USER portolan`, then log in again), or run the command as root"
    };
    Failure::new(Kind::AccessDenied, format!("access denied: {}. {advice}", clause(reason)))
}

/// The sentence for a daemon that does not answer.
pub(crate) fn timed_out() -> Failure {
    Failure::new(
        Kind::TimedOut,
        "portoland did not answer in time. Try again; if it stays so, its journal says more: journalctl -u portoland",
    )
}

fn incompatible(text: &str) -> Failure {
    Failure::new(
        Kind::Incompatible,
        format!(
            "portoland and this portolan {} do not understand each other: {}. Install both from the same version \
             and restart portoland",
            env!("CARGO_PKG_VERSION"),
            clause(text)
        ),
    )
}

/// A sentence of the other side without its full stop, to go on after it.
fn clause(sentence: &str) -> &str {
    sentence.trim_end_matches(['.', ' ', '\n'])
}
