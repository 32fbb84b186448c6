//! Whether a caller may: polkit says, asked by the caller's name on the bus.
//!
//! Invariants: the subject is always `system-bus-name`; whatever goes wrong is a "no"; a person is asked for a password
//! only when the caller's message allows it.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use portolan_bus::{Access, Error, action};
use portolan_core::Uid;
use tokio::time::timeout;
use zbus::{
    Connection,
    message::{Flags, Header},
    names::UniqueName,
    proxy::CacheProperties,
    zvariant::{OwnedValue, Str},
};
use zbus_polkit::policykit1::{AuthorityProxy, CheckAuthorizationFlags, Subject};

use super::Viewer;

/// How long polkit may think; its first answer may include its own start.
const SILENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a person may take for the password.
const INTERACTIVE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the bus may take to say who a caller is.
const BUS_TIMEOUT: Duration = Duration::from_secs(5);

/// polkit's answer.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// It could not be asked or did not answer, and why. A "no", with another sentence for the caller.
    Unknown(String),
}

/// The user behind a name on the bus, as the bus knows it.
pub(super) async fn uid_of(connection: &Connection, name: &UniqueName<'_>) -> Result<Uid, Error> {
    let asked = async {
        let bus = zbus::fdo::DBusProxy::builder(connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|error| error.to_string())?;
        bus.get_connection_unix_user(name.to_owned().into()).await.map_err(|error| error.to_string())
    };
    match timeout(BUS_TIMEOUT, asked).await {
        Ok(Ok(uid)) => Ok(Uid(uid)),
        Ok(Err(error)) => Err(Error::AccessDenied(format!("The bus does not say who is calling: {error}."))),
        Err(_) => Err(Error::AccessDenied("The bus did not say in time who is calling.".to_owned())),
    }
}

/// Whether a call's sender agreed to a person being asked for a password.
pub(super) fn allows_interaction(header: &Header<'_>) -> bool {
    header.primary().flags().contains(Flags::AllowInteractiveAuth)
}

/// How much a caller may see: all, else their own, else nothing.
///
/// With `interactive` a person may be asked for a password for each of the two: a client that allows it asks for as much as
/// can be had. Without, what needs a password is not had.
pub(super) async fn viewer(
    connection: &Connection,
    name: &UniqueName<'_>,
    uid: Uid,
    interactive: bool,
) -> Result<Viewer, Error> {
    let mut answer = Answer::No;
    for (action, access) in [(action::VIEW_ALL, Access::All), (action::VIEW_OWN, Access::Own)] {
        answer = ask(connection, name, action, interactive).await;
        match answer {
            Answer::Yes => return Ok(Viewer { uid, access }),
            Answer::No => (),
            // No use in waiting a second time for one that does not answer.
            Answer::Unknown(_) => break,
        }
    }
    Err(denied(answer, uid, "see network traffic", action::VIEW_OWN))
}

/// How much a subscriber may still see; `None` for nothing.
pub(super) async fn access(connection: &Connection, name: &UniqueName<'_>) -> Option<Access> {
    // The uid is not part of the question.
    viewer(connection, name, Uid(u32::MAX), false).await.ok().map(|viewer| viewer.access)
}

/// Whether a caller may see everybody's traffic, and so what is done for all.
pub(super) async fn overseer(
    connection: &Connection,
    name: &UniqueName<'_>,
    uid: Uid,
    interactive: bool,
) -> Result<(), Error> {
    match ask(connection, name, action::VIEW_ALL, interactive).await {
        Answer::Yes => Ok(()),
        answer => Err(denied(answer, uid, "run the self-test", action::VIEW_ALL)),
    }
}

/// Whether a caller may review applications.
pub(super) async fn reviewer(
    connection: &Connection,
    name: &UniqueName<'_>,
    uid: Uid,
    interactive: bool,
) -> Result<(), Error> {
    match ask(connection, name, action::REVIEW, interactive).await {
        Answer::Yes => Ok(()),
        answer => Err(denied(answer, uid, "review applications", action::REVIEW)),
    }
}

/// Whether a caller may change what is recorded: do `what`.
pub(super) async fn keeper(
    connection: &Connection,
    name: &UniqueName<'_>,
    uid: Uid,
    interactive: bool,
    what: &str,
) -> Result<(), Error> {
    match ask(connection, name, action::CONFIGURE, interactive).await {
        Answer::Yes => Ok(()),
        answer => Err(denied(answer, uid, what, action::CONFIGURE)),
    }
}

fn denied(answer: Answer, uid: Uid, what: &str, action: &str) -> Error {
    let uid = uid.0;
    Error::AccessDenied(match answer {
        Answer::Unknown(why) => {
            format!("Nobody may {what} as long as polkit does not answer: {why}. Is polkitd running?")
        }
        Answer::Yes | Answer::No if action == portolan_bus::action::CONFIGURE => format!(
            "polkit does not allow user {uid} to {what} ({action}). Who gives an administrator's password in a local \
             session may, and root."
        ),
        Answer::Yes | Answer::No => format!(
            "polkit does not allow user {uid} to {what} ({action}). Members of the group portolan in a local session \
             may, and root."
        ),
    })
}

/// Whether polkit's last answer was none.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Logs why polkit gave no answer once until it gives one: anybody can make us ask, and nobody may fill the log.
fn unknown(why: String) -> Answer {
    if !SILENT.swap(true, Ordering::Relaxed) {
        tracing::warn!("polkit gives no answer, so nobody may anything: {why}");
    }
    Answer::Unknown(why)
}

async fn ask(connection: &Connection, name: &UniqueName<'_>, action: &str, interactive: bool) -> Answer {
    static QUESTIONS: AtomicU64 = AtomicU64::new(0);

    let authority =
        match AuthorityProxy::builder(connection).cache_properties(CacheProperties::No).build().await {
            Ok(authority) => authority,
            Err(error) => return unknown(error.to_string()),
        };
    let subject = Subject {
        subject_kind: "system-bus-name".to_owned(),
        subject_details: HashMap::from([(
            "name".to_owned(),
            OwnedValue::from(Str::from(name.as_str().to_owned())),
        )]),
    };
    let (flags, limit, cancellation_id) = if interactive {
        let number = QUESTIONS.fetch_add(1, Ordering::Relaxed);
        (
            CheckAuthorizationFlags::AllowUserInteraction.into(),
            INTERACTIVE_TIMEOUT,
            format!("portolan-{number}"),
        )
    } else {
        (Default::default(), SILENT_TIMEOUT, String::new())
    };
    let details = HashMap::new();
    let question = authority.check_authorization(&subject, action, &details, flags, &cancellation_id);
    match timeout(limit, question).await {
        Ok(Ok(result)) => {
            SILENT.store(false, Ordering::Relaxed);
            if result.is_authorized { Answer::Yes } else { Answer::No }
        }
        Ok(Err(error)) => unknown(error.to_string()),
        Err(_) => {
            if interactive {
                // The dialog must not stay on the screen for a call that has its answer.
                let cancelled = authority.cancel_check_authorization(&cancellation_id);
                if !matches!(timeout(SILENT_TIMEOUT, cancelled).await, Ok(Ok(()))) {
                    tracing::debug!(action, "a question that nobody answered could not be taken back");
                }
                return Answer::No;
            }
            unknown(format!("no answer within {} s", limit.as_secs()))
        }
    }
}
