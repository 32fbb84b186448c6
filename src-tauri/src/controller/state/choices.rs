//! What a person chooses about the app itself: preferences, pauses, snoozing, and what other programs open.

use std::{path::PathBuf, sync::Arc};

use jiff::{ToSpan as _, Zoned};
use tokio::sync::oneshot;

use super::{Controller, Outcome, now};
use crate::{
    controller::{Gui, Outside, Popup, Until, sentence},
    preferences::{Broken, Preferences, Store},
    question::{Answer, Failure, Question},
};

/// On the next day, what was snoozed comes back at this hour.
const MORNING: i8 = 8;

impl<G: Gui> Controller<G> {
    pub(super) async fn load_choices(&mut self) {
        let store: Arc<Store> = Arc::clone(&self.store);
        let (kept, broken) = tokio::task::spawn_blocking(move || store.load()).await.unwrap_or_default();
        self.kept = kept;
        _ = self.inbox.speak(self.language());
        _ = self.inbox.pause(self.kept.notifications_paused);
        if let Some(Broken { reason, aside }) = broken {
            let aside = aside.as_deref().map(|path| path.to_string_lossy());
            let language = self.language();
            let reason = format!("{reason}{}", language.kept_aside(aside.as_deref()));
            self.tell_failure(language.preferences_broken(), &reason);
        }
    }

    pub(super) fn tell_failure(&mut self, title: &'static str, reason: &str) {
        tracing::warn!(reason, "{title}");
        self.gui.show_popup(Popup::notice(title, reason, self.language()));
    }

    /// No notifications, or again those that wait.
    pub(super) fn toggle_pause(&mut self) {
        self.kept.notifications_paused = !self.kept.notifications_paused;
        let changes = self.inbox.pause(self.kept.notifications_paused);
        self.show(changes);
        self.keep(None);
    }

    fn prefer(&mut self, preferences: Preferences, answer: oneshot::Sender<Answer>) {
        if let Err(error) = preferences.check() {
            answer.send(Err(Failure::other(format!("{error:#}")))).ok();
            return;
        }
        self.kept.preferences = preferences;
        self.rate = None;
        let changes = self.inbox.speak(self.language());
        self.show(changes);
        self.keep(Some(answer));
    }

    /// Writes the choices; who asked for it hears how it went, otherwise a person does.
    fn keep(&mut self, answer: Option<oneshot::Sender<Answer>>) {
        self.writings += 1;
        let (number, kept, store) = (self.writings, self.kept.clone(), Arc::clone(&self.store));
        let (title, outcome) = (self.language().not_kept(), self.outcome.clone());
        tokio::task::spawn_blocking(move || match (store.keep(number, &kept), answer) {
            (result, Some(answer)) => {
                let said = result.map_err(|error| Failure::other(format!("{title}: {error:#}.")));
                answer.send(said.and_then(|()| json(&()))).ok();
            }
            (Err(error), None) => {
                outcome.blocking_send(Outcome::Failed(title, format!("{error:#}."))).ok();
            }
            (Ok(()), None) => {}
        });
    }

    /// Hides all that waits for a while. What the daemon accepted comes back from it, as it does to everyone.
    pub(super) fn snooze_all(&mut self, until: Until) {
        let title = self.language().not_snoozed();
        let Some(daemon) = self.daemon.clone() else {
            self.tell_failure(title, &self.no_daemon());
            return;
        };
        let (waiting, until, outcome) = (self.inbox.waiting(), end_of(until), self.outcome.clone());
        let decisions = self.asking.decisions();
        tokio::spawn(async move {
            let _turn = decisions.acquire_owned().await.ok();
            for finding in waiting {
                if let Err(error) = daemon.snooze(finding, Some(until)).await {
                    outcome.send(Outcome::Failed(title, sentence::of(&error))).await.ok();
                    return;
                }
            }
        });
    }

    /// Answers what the daemon need not be asked; gives back the rest.
    pub(super) fn ask_app(
        &mut self,
        question: Question,
        answer: oneshot::Sender<Answer>,
    ) -> Option<(Question, oneshot::Sender<Answer>)> {
        let language = self.language();
        let what = match question {
            Question::Preferences => {
                answer.send(json(&self.kept.preferences)).ok();
                return None;
            }
            Question::Prefer { preferences } => {
                self.prefer(preferences, answer);
                return None;
            }
            Question::Cancel { token } => {
                answer.send(json(&self.asking.cancel(token))).ok();
                return None;
            }
            Question::OpenFolder { path } if path.starts_with('/') && !path.contains('\0') => {
                Ok(Outside::FolderOf(PathBuf::from(path)))
            }
            Question::OpenFolder { .. } => Err(language.not_absolute()),
            Question::VirusTotal { sha256 } if is_sha256(&sha256) => {
                Ok(Outside::Page(format!("https://www.virustotal.com/gui/file/{}", sha256.to_lowercase())))
            }
            Question::VirusTotal { .. } => Err(language.no_hash()),
            other => return Some((other, answer)),
        };
        match what {
            Ok(what) => self.gui.open_outside(what, language, answer),
            Err(reason) => _ = answer.send(Err(Failure::other(reason))),
        }
        None
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn json(value: &impl serde::Serialize) -> Answer {
    serde_json::value::to_raw_value(value).map_err(|error| Failure::other(error.to_string()))
}

/// When that is.
fn end_of(until: Until) -> i64 {
    let minutes = |count: u64| now().0.saturating_add(i64::try_from(count * 60_000).unwrap_or(i64::MAX));
    match until {
        Until::Quarter => minutes(15),
        Until::Hour => minutes(60),
        Until::Tomorrow => morning_after(&Zoned::now()).unwrap_or_else(|| minutes(24 * 60)),
    }
}

fn morning_after(now: &Zoned) -> Option<i64> {
    let day = now.date().checked_add(1.day()).ok()?;
    let morning = day.at(MORNING, 0, 0, 0).to_zoned(now.time_zone().clone()).ok()?;
    Some(morning.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tomorrow_begins_at_eight_also_when_the_clocks_change() {
        let late: Zoned = "2026-03-28T23:59:00+01:00[Europe/Madrid]".parse().unwrap();
        let eight: Zoned = "2026-03-29T08:00:00+02:00[Europe/Madrid]".parse().unwrap();
        assert_eq!(morning_after(&late), Some(eight.timestamp().as_millisecond()));
    }

    #[test]
    fn only_64_hexadecimal_digits_are_a_hash() {
        assert!(is_sha256(&"aB3".repeat(30)[..64]));
        assert!(!is_sha256(&"a".repeat(63)) && !is_sha256(&"g".repeat(64)) && !is_sha256(&"é".repeat(32)));
    }
}
