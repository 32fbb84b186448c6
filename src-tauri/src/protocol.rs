//! What the tray's process and the window's process say to each other: one JSON value a line, over a socket that is the
//! window's standard input.
//!
//! The window has a process of its own because WebKit gives its memory back only when the process ends.

use portolan_core::ReviewState;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// From the tray to the window.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWindow {
    /// For the page, as it is (a `WindowEvent`).
    Event(Box<RawValue>),
    /// How a `Review` ended.
    Answer {
        /// The number that the review came with.
        call: u64,
        /// Why it was not stored; `None` when it was.
        refusal: Option<String>,
    },
    /// Come to the front.
    Raise,
}

/// From the window to the tray.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWindow {
    /// A page listens and knows nothing yet.
    Ready,
    /// Try to reach the daemon now.
    Retry,
    /// Review an application.
    Review {
        /// A number that no other review of this process has.
        call: u64,
        /// The application key.
        application: String,
        /// The decision.
        state: ReviewState,
    },
}

/// A value as a line.
pub(crate) fn line(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}
