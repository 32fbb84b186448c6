//! What the app does, without any window system.
//!
//! One task owns all state. It hears persons and pages (`Request`), the daemon (`LinkEvent`) and the ends of calls that
//! it started (`Outcome`), and speaks to a [`Gui`].
//!
//! Invariant: nothing here knows Tauri, GTK or the session bus.

mod ask;
mod gui;
mod inbox;
mod link;
mod popup;
mod sentence;
mod state;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
mod tray;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use crate::{
    preferences::Store,
    question::{Answer, Question},
};

pub(crate) use gui::{Gui, LinkState, Outside, WindowEvent, WindowTab};
pub(crate) use link::Patience;
pub(crate) use popup::{Button, Popup, PopupKey};
use state::Controller;
pub(crate) use tray::{Choice, Icon, Tray, Until};

/// What a person or the page asks of the app.
#[derive(Debug)]
pub(crate) enum Request {
    /// An entry of the tray's menu was chosen, or the app was started again (`Open`).
    Chosen(Choice),
    /// A button of a notification was pressed.
    Pressed(PopupKey, Button),
    /// A notification left the screen.
    PopupClosed(PopupKey),
    /// The page in the window listens; everything is sent to it.
    PageReady,
    /// The window was closed.
    WindowClosed,
    /// The page asks.
    Ask(Question, oneshot::Sender<Answer>),
    /// Try to reach the daemon now.
    Retry,
}

/// How often things happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Between attempts to reach the daemon.
    pub(crate) patience: Patience,
    /// Between two readings of the daemon's state while nobody looks.
    pub(crate) status_idle: Duration,
    /// The same while a window is open.
    pub(crate) status_open: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            patience: Patience { first: Duration::from_millis(500), longest: Duration::from_secs(30) },
            status_idle: Duration::from_secs(60),
            status_open: Duration::from_secs(2),
        }
    }
}

/// Runs the app until a person quits.
///
/// `connect` gives a connection to the system bus; `name_of_user` gives the name of a uid and may block. `store` keeps the
/// person's choices.
pub(crate) async fn run<G, C, F>(
    gui: G,
    connect: C,
    name_of_user: fn(u32) -> Option<String>,
    pace: Pace,
    store: Arc<Store>,
    requests: mpsc::Receiver<Request>,
) where
    G: Gui,
    C: Fn() -> F,
    F: Future<Output = zbus::Result<zbus::Connection>>,
{
    let (tell, events) = mpsc::channel(64);
    let (commands, orders) = mpsc::channel(16);
    let (outcome, outcomes) = mpsc::channel(16);
    let own = ask::Own::default();
    let controller = Controller::new(gui, name_of_user, pace, store, own.clone(), commands, outcome);
    tokio::join!(
        link::run(connect, pace.patience, own, tell, orders),
        controller.run(requests, events, outcomes)
    );
}
