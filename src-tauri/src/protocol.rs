//! What the tray's process and the window's process say to each other: one JSON value a line, over a socket that is the
//! window's standard input.
//!
//! The window has a process of its own because WebKit gives its memory back only when the process ends.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::question::{Answer, Question};

/// From the tray to the window.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWindow {
    /// For the page, as it is (a `WindowEvent`).
    Event(Box<RawValue>),
    /// What a question came to.
    Answer {
        /// The number that it came with.
        call: u64,
        /// The answer, or why there is none.
        answer: Answer,
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
    /// The page asks.
    Ask {
        /// A number that no other question of this process has.
        call: u64,
        /// What.
        question: Question,
    },
}

/// A value as a line.
pub(crate) fn line(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}
