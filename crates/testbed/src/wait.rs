use std::{panic, path::Path, thread, time::Duration};

use futures_util::StreamExt;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use zbus::{
    Connection,
    fdo::{self, DBusProxy},
    names::BusName,
};

use crate::{Error, Program};

/// How a wait for a name ended.
enum Outcome {
    Owned,
    ProgramEnded,
    TimeOut,
}

/// Waits until somebody owns `name` on the bus at `address`; gives up at once when `program` ends before.
///
/// # Errors
/// The bus does not answer, the program ended, or the time was over.
pub fn wait_for_name(
    address: &str,
    name: &str,
    program: &mut Program,
    timeout: Duration,
) -> Result<(), Error> {
    let pid = Pid::from_raw(i32::try_from(program.pid()).unwrap_or(0));
    match on_own_thread(address, async |connection| owned(connection, name, pid, timeout).await)? {
        Outcome::Owned => Ok(()),
        Outcome::ProgramEnded => Err(program
            .ended(Duration::from_secs(1))
            .map_or_else(|error| error, |status| program.ended_error(status))),
        Outcome::TimeOut => Err(Error::Timeout {
            what: format!("{name} on the bus"),
            seconds: timeout.as_secs(),
            output: program.output(),
        }),
    }
}

async fn owned(
    connection: Connection,
    name: &str,
    pid: Option<Pid>,
    timeout: Duration,
) -> zbus::Result<Outcome> {
    let bus = DBusProxy::new(&connection).await?;
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, name)]).await?;
    let name = BusName::try_from(name)?;
    let waited = tokio::time::timeout(timeout, async {
        while !has_living_owner(&bus, &name).await? {
            tokio::select! {
                _ = changes.next() => {}
                () = end_of(pid) => return Ok(Outcome::ProgramEnded),
            }
        }
        Ok(Outcome::Owned)
    });
    waited.await.unwrap_or(Ok(Outcome::TimeOut))
}

/// Whether somebody owns the name who is still there: a busy bus learns late that a program was killed.
async fn has_living_owner(bus: &DBusProxy<'_>, name: &BusName<'_>) -> zbus::Result<bool> {
    match bus.get_connection_unix_process_id(name.clone()).await {
        Ok(pid) => Ok(Path::new(&format!("/proc/{pid}")).exists()),
        Err(fdo::Error::NameHasNoOwner(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Returns when the process has ended, or never when it cannot be watched. Looks ten times a second: only the news of a
/// failure is late by that.
async fn end_of(pid: Option<Pid>) {
    let Some(pidfd) = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return std::future::pending().await;
    };
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    while poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&at_once)) == Ok(0) {
        looks.tick().await;
    }
}

/// Asks the bus at `address` to start the program that answers to `name`; returns when it does.
///
/// # Errors
/// The bus does not answer, or knows no such program.
pub fn start_service(address: &str, name: &str) -> Result<(), Error> {
    on_own_thread(address, async |connection| {
        DBusProxy::new(&connection).await?.start_service_by_name(name.try_into()?, 0).await?;
        Ok(())
    })
}

/// Whether somebody owns `name` on the bus at `address`.
///
/// # Errors
/// The bus does not answer.
pub fn is_owned(address: &str, name: &str) -> Result<bool, Error> {
    on_own_thread(address, async |connection| {
        Ok(DBusProxy::new(&connection).await?.name_has_owner(BusName::try_from(name)?).await?)
    })
}

/// [`on_this_thread`], on a thread of its own, so that it may be called from inside another runtime.
pub(crate) fn on_own_thread<T: Send>(
    address: &str,
    work: impl AsyncFnOnce(Connection) -> zbus::Result<T> + Send,
) -> Result<T, Error> {
    thread::scope(|scope| scope.spawn(|| on_this_thread(address, work)).join())
        .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// Runs `work` with a connection to the bus at `address` in a runtime of its own. Blocks until it is done.
pub(crate) fn on_this_thread<T>(
    address: &str,
    work: impl AsyncFnOnce(Connection) -> zbus::Result<T>,
) -> Result<T, Error> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let connection = zbus::connection::Builder::address(address)?.build().await?;
            work(connection).await
        })
    };
    run().map_err(|source| Error::Bus { address: address.to_owned(), source: Box::new(source) })
}
