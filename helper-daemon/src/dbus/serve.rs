use std::{sync::Arc, time::Duration};

use portolan_bus::BUS_NAME;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    Backend,
    session::{self, End, Problem, told_to_stop},
};

/// The first and the longest pause between two attempts to reach the bus.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where the service stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BusState {
    /// The first attempt to reach the bus is not decided.
    #[default]
    Starting,
    /// Clients reach the daemon.
    Serving,
    /// Clients do not reach it. It keeps trying.
    Away {
        /// A sentence: why.
        problem: String,
    },
}

/// Why the service ended although nobody told it to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The name was taken when the service first asked for it.
    #[error("Another portoland is running: {BUS_NAME} is taken on this bus. Stop that one first, or use it")]
    NameTaken,
    /// The address cannot be understood.
    #[error("{0}")]
    Address(String),
}

/// Serves [`portolan_bus::Daemon1Proxy`] until `shutdown` is true or its sender is gone.
///
/// `address` is a D-Bus address; `None` for the system bus (`DBUS_SYSTEM_BUS_ADDRESS`, else the well-known socket). A bus
/// that is not there, or goes away, is no error: the service tries again, after 100 ms and then ever more rarely up to
/// each 5 s, and says so in `state`. `state` leaves [`BusState::Starting`] when the first attempt is decided: that is
/// when a supervisor can be told that the daemon is ready.
///
/// # Errors
/// See [`ServeError`]. Once it has served, nothing ends it but `shutdown`.
pub async fn serve<B: Backend>(
    address: Option<&str>,
    backend: Arc<B>,
    state: watch::Sender<BusState>,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let mut has_served = false;
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let problem = match session::run(address, &backend, &state, &mut shutdown).await {
            End::Shutdown => return Ok(()),
            End::NeverServed(Problem::NameTaken) if !has_served => return Err(ServeError::NameTaken),
            End::NeverServed(problem @ Problem::Address { .. }) => {
                return Err(ServeError::Address(problem.to_string()));
            }
            End::NeverServed(problem) => problem.to_string(),
            End::BusGone => {
                has_served = true;
                // A bus that lets us in and throws us out at once is not tried ten times a second.
                if began.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                "the bus went away".to_owned()
            }
        };
        say(&state, &problem);
        tokio::select! {
            () = told_to_stop(&mut shutdown) => return Ok(()),
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Publishes a problem and logs it once, however often it is met.
fn say(state: &watch::Sender<BusState>, problem: &str) {
    let problem =
        format!("No client can reach the daemon: {problem}. Recording goes on; the bus is tried again.");
    state.send_if_modified(|state| {
        let away = BusState::Away { problem };
        let is_new = *state != away;
        if let (true, BusState::Away { problem }) = (is_new, &away) {
            tracing::warn!("{problem}");
        }
        *state = away;
        is_new
    });
}
