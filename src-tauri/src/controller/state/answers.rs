//! What a person decides, on the way to the daemon.

use portolan_core::ReviewState;
use tokio::sync::oneshot;

use super::{Controller, Outcome};
use crate::{
    controller::{Button, Gui, Popup, PopupKey, sentence},
    question::{Answer, Failure, Question},
};

impl<G: Gui> Controller<G> {
    pub(super) fn press(&mut self, key: PopupKey, button: Button) {
        self.inbox.closed(key);
        let finding = match key {
            PopupKey::Finding(id) => self.inbox.get(id),
            PopupKey::Group | PopupKey::Failure => None,
        };
        let application = finding.and_then(|finding| finding.application.clone());
        let overtaken_by = finding.and_then(|finding| self.inbox.overtaken_by(finding.id));
        match (button, application) {
            // The program changed since the notification was read: what was approved is not what would be.
            (Button::Approve, Some(_)) if overtaken_by.is_some() => self.open_on(overtaken_by),
            (Button::Approve, Some(key)) => self.review(key, ReviewState::Approved),
            (Button::Ignore, Some(key)) => self.review(key, ReviewState::Ignored),
            (Button::Details, _) => {
                let id = finding.map(|finding| finding.id);
                self.open_on(id);
            }
            (Button::Review, _) => self.open_on(None),
            // It was answered elsewhere before the notification could be taken away.
            (Button::Approve | Button::Ignore, None) => {}
        }
    }

    fn review(&mut self, application: String, state: ReviewState) {
        let Some(daemon) = self.daemon.clone() else {
            let reason = self.no_daemon();
            self.refuse(&application, &reason);
            return;
        };
        let (decisions, outcome) = (self.asking.decisions(), self.outcome.clone());
        tokio::spawn(async move {
            let _turn = decisions.acquire_owned().await.ok();
            let result = daemon.review(&application, state.as_str()).await;
            outcome.send(Outcome::Reviewed { application, state, result }).await.ok();
        });
    }

    /// A page asks. What it decides comes back from the daemon, as it does to everyone.
    pub(super) fn ask(&mut self, question: Question, answer: oneshot::Sender<Answer>) {
        let Some((question, answer)) = self.ask_app(question, answer) else { return };
        match self.daemon.clone() {
            Some(daemon) => self.asking.ask(daemon, question, answer),
            None => _ = answer.send(Err(Failure::gone(self.no_daemon()))),
        }
    }

    pub(super) fn no_daemon(&self) -> String {
        self.reason.clone().unwrap_or_else(|| sentence::NO_DAEMON.to_owned())
    }

    pub(super) fn refuse(&mut self, application: &str, reason: &str) {
        tracing::warn!(?application, reason, "an answer was not stored");
        self.gui.show_popup(Popup::failure(application, reason, self.language()));
    }
}
