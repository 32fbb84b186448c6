//! What the page in the window is told.

use tokio::time::Instant;

use super::{Controller, Outcome};
use crate::controller::{Gui, WindowEvent, WindowTab};

impl<G: Gui> Controller<G> {
    pub(super) fn greet_page(&mut self) {
        self.page = true;
        self.users.clear();
        self.gui.push(WindowEvent::Link { state: self.link, reason: self.reason.clone() });
        if let Some(status) = self.status.clone() {
            self.gui.push(WindowEvent::Status { status: Box::new(status) });
        }
        self.push_findings();
        if let Some((tab, finding)) = self.focus.take() {
            self.gui.push(WindowEvent::Focus { tab, finding });
        }
        if self.status_due.is_some() {
            self.status_due = Some(Instant::now());
        }
    }

    /// Opens the window on a finding, or on all that wait.
    pub(super) fn open_on(&mut self, finding: Option<i64>) {
        self.open_at(WindowTab::Review, finding);
    }

    pub(super) fn open_at(&mut self, tab: WindowTab, finding: Option<i64>) {
        self.gui.open_window();
        if self.page {
            self.gui.push(WindowEvent::Focus { tab, finding });
        } else {
            self.focus = Some((tab, finding));
        }
    }

    pub(super) fn push_findings(&mut self) {
        let open = self.inbox.newest_first();
        let uids: Vec<u32> = open.iter().filter_map(|finding| finding.uid).collect();
        self.tell_users(uids.into_iter());
        self.push(WindowEvent::Findings { open });
    }

    /// Looks up the names of users that the page was not told; the lookup may ask a directory service.
    pub(super) fn tell_users(&mut self, uids: impl Iterator<Item = u32>) {
        let fresh: Vec<u32> = uids.filter(|uid| self.page && self.users.insert(*uid)).collect();
        if fresh.is_empty() {
            return;
        }
        let (outcome, name_of_user) = (self.outcome.clone(), self.name_of_user);
        tokio::task::spawn_blocking(move || {
            let names = fresh.into_iter().filter_map(|uid| Some((uid, name_of_user(uid)?))).collect();
            outcome.blocking_send(Outcome::Users(names)).ok();
        });
    }

    pub(super) fn push(&mut self, event: WindowEvent) {
        if self.page {
            self.gui.push(event);
        }
    }
}
