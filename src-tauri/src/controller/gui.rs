use std::{collections::BTreeMap, path::PathBuf};

use portolan_bus::{Finding, LiveTick, Status};
use serde::Serialize;
use tokio::sync::oneshot;
use ts_rs::TS;

use super::{Popup, PopupKey, Tray};
use crate::{question::Answer, words::Language};

/// What the controller needs of a desktop. No call waits for a person, and none fails: what a desktop lacks is logged
/// by the implementation.
pub(crate) trait Gui: Send + 'static {
    /// Makes the tray show this. Called only when something changed.
    fn draw_tray(&mut self, tray: &Tray);
    /// Shows a notification, or changes the one with the same key that is on the screen.
    fn show_popup(&mut self, popup: Popup);
    /// Takes a notification from the screen; nothing happens when it is gone.
    fn close_popup(&mut self, key: PopupKey);
    /// Opens the window, or brings the open one to the front.
    fn open_window(&mut self);
    /// Sends to the page in the window; nothing happens when there is none.
    fn push(&mut self, event: WindowEvent);
    /// Has another program open something, and answers when it was told to.
    fn open_outside(&mut self, what: Outside, language: Language, answer: oneshot::Sender<Answer>);
    /// Ends the app.
    fn quit(&mut self);
}

/// How the app stands with the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum LinkState {
    /// The first attempt has not ended.
    Connecting,
    /// The daemon answers.
    Up,
    /// The daemon or the bus is not there.
    Gone,
    /// The daemon is there and does not let this user see anything.
    Denied,
}

/// What the page in the window is told. Texts inside the daemon's types are hostile.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "event", rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum WindowEvent {
    /// The link to the daemon changed.
    Link {
        /// How it stands now.
        state: LinkState,
        /// Why, and what to do; `None` when there is nothing to say.
        reason: Option<String>,
    },
    /// The daemon's state was read.
    Status {
        /// What it said.
        status: Box<Status>,
    },
    /// All open findings, newest first: replaces what was sent before.
    Findings {
        /// The findings.
        open: Vec<Finding>,
    },
    /// Somebody answered for an application, here or elsewhere.
    Reviewed {
        /// The application key.
        application: String,
        /// `unreviewed`, `approved` or `ignored`.
        review: String,
    },
    /// The ticks of the last five minutes: replaces what was sent before.
    History {
        /// Oldest first.
        ticks: Vec<LiveTick>,
    },
    /// The counters were read.
    Tick {
        /// What happened since the tick before.
        tick: LiveTick,
    },
    /// Names of users that were not told before; a uid without a name is not in it.
    Users {
        /// Name by uid.
        #[ts(type = "Record<number, string>")]
        names: BTreeMap<u32, String>,
    },
    /// A person wants to see this.
    Focus {
        /// Where it is.
        tab: WindowTab,
        /// The finding; `None` for all that wait, and for what is none.
        #[ts(type = "number | null")]
        finding: Option<i64>,
    },
}

/// A part of the window that the tray can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export_to = "desktop.ts")]
pub(crate) enum WindowTab {
    /// Programs and their chart.
    Applications,
    /// What waits.
    Review,
    /// What is open now.
    Live,
    /// The world.
    Map,
    /// What can be changed.
    Settings,
    /// What this program is: above whatever is seen.
    About,
}

/// Something that another program of the desktop opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outside {
    /// The folder of this file, which is not opened itself.
    FolderOf(PathBuf),
    /// A page, in the browser.
    Page(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page reads these types; the daemon's own are exported by `portolan-bus`.
    #[test]
    fn the_page_gets_the_types() -> Result<(), ts_rs::ExportError> {
        let config = ts_rs::Config::from_env();
        LinkState::export(&config)?;
        WindowTab::export(&config)?;
        WindowEvent::export(&config)
    }
}
