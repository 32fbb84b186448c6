use std::collections::{BTreeMap, HashSet};

use portolan_bus::{Finding, FindingState, Severity};
use portolan_core::UnixMillis;

use super::{Popup, PopupKey};
use crate::words::Language;

/// How long it is remembered that a finding was told which is not open any more.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

/// More notifications than this at once become one.
const SINGLE_AT_MOST: usize = 5;

/// The open findings, and which of them a person was told about.
///
/// Invariant: a finding is announced once in a run of the app, also when the daemon comes and goes in between.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    open: BTreeMap<i64, Finding>,
    /// The time of day when it was last told.
    now_unix_ms: i64,
    /// By id and time: a daemon with a new history counts its findings from 1 again, and what became news is told again.
    announced: HashSet<(i64, i64)>,
    /// The time of the newest that was forgotten: whatever is as old counts as told.
    forgotten_until: i64,
    on_screen: BTreeMap<i64, Popup>,
    group_on_screen: bool,
    is_paused: bool,
    language: Language,
}

/// What is to happen to the notifications.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PopupChange {
    /// Show it, or change it.
    Show(Popup),
    /// Take it away.
    Close(PopupKey),
}

impl Inbox {
    /// The daemon listed all its open findings.
    pub(crate) fn replace(&mut self, open: Vec<Finding>, now: UnixMillis) -> Vec<PopupChange> {
        let before = self.to_review();
        self.now_unix_ms = now.0;
        self.open = open.into_iter().map(|finding| (finding.id, finding)).collect();
        self.changes(before)
    }

    /// A finding is new or was answered.
    pub(crate) fn update(&mut self, finding: Finding, now: UnixMillis) -> Vec<PopupChange> {
        let before = self.to_review();
        self.now_unix_ms = now.0;
        match finding.state {
            FindingState::Open => self.open.insert(finding.id, finding),
            FindingState::Approved | FindingState::Ignored => self.open.remove(&finding.id),
        };
        self.changes(before)
    }

    /// The daemon accepted an answer for this application.
    pub(crate) fn answered(&mut self, application: &str) -> Vec<PopupChange> {
        let before = self.to_review();
        self.open.retain(|_, finding| finding.application.as_deref() != Some(application));
        self.changes(before)
    }

    /// Time has passed: what was snoozed until then is shown again. `None` when there is nothing of it.
    pub(crate) fn pass(&mut self, now: UnixMillis) -> Option<Vec<PopupChange>> {
        let (shown, before) = (self.shown().count(), self.to_review());
        self.now_unix_ms = now.0;
        (self.shown().count() != shown).then(|| self.changes(before))
    }

    /// From now on notifications are written in this language, also those on the screen.
    pub(crate) fn speak(&mut self, language: Language) -> Vec<PopupChange> {
        self.language = language;
        let mut changes = self.renewed();
        if self.group_on_screen {
            changes.push(self.renewed_group());
        }
        changes
    }

    /// Nothing is shown while it is paused; what waits then is told afterwards.
    pub(crate) fn pause(&mut self, is_paused: bool) -> Vec<PopupChange> {
        self.is_paused = is_paused;
        if !is_paused {
            return self.changes(self.to_review());
        }
        let mut changes = self.clear();
        if std::mem::take(&mut self.group_on_screen) {
            changes.push(PopupChange::Close(PopupKey::Group));
        }
        changes
    }

    /// A notification left the screen.
    pub(crate) fn closed(&mut self, key: PopupKey) {
        match key {
            PopupKey::Finding(id) => _ = self.on_screen.remove(&id),
            PopupKey::Group => self.group_on_screen = false,
            PopupKey::Failure => {}
        }
    }

    /// An open finding.
    pub(crate) fn get(&self, id: i64) -> Option<&Finding> {
        self.open.get(&id)
    }

    /// The newest open finding about the same application that came after this one; `None` when this is the newest.
    pub(crate) fn overtaken_by(&self, id: i64) -> Option<i64> {
        let application = self.open.get(&id)?.application.as_deref()?;
        let newest = self.shown().rfind(|finding| finding.application.as_deref() == Some(application))?;
        (newest.id != id).then_some(newest.id)
    }

    /// All open findings but those that are snoozed, newest first.
    pub(crate) fn newest_first(&self) -> Vec<Finding> {
        self.shown().rev().cloned().collect()
    }

    fn shown(&self) -> impl DoubleEndedIterator<Item = &Finding> {
        self.open.values().filter(|finding| !is_snoozed(finding, self.now_unix_ms))
    }

    /// How many findings wait for an answer.
    pub(crate) fn to_review(&self) -> usize {
        self.shown().filter(|finding| waits(finding)).count()
    }

    /// Whether something loud waits.
    pub(crate) fn is_loud(&self) -> bool {
        self.shown().any(|finding| finding.severity == Severity::Loud)
    }

    /// The numbers of the findings that wait for an answer.
    pub(crate) fn waiting(&self) -> Vec<i64> {
        self.shown().filter(|finding| waits(finding)).map(|finding| finding.id).collect()
    }

    fn changes(&mut self, before: usize) -> Vec<PopupChange> {
        let mut changes = self.renewed();
        let fresh = if self.is_paused { Vec::new() } else { self.fresh() };
        // What is news is shown once, also where it was on the screen.
        changes.retain(|change| match change {
            PopupChange::Show(popup) => fresh.iter().all(|(_, newer)| newer.key != popup.key),
            PopupChange::Close(_) => true,
        });
        // What is quiet stays by itself: it does not wait.
        let (quiet, fresh): (Vec<_>, Vec<_>) =
            fresh.into_iter().partition(|(_, popup)| popup.severity == Severity::Quiet);
        for (id, popup) in quiet {
            self.on_screen.insert(id, popup.clone());
            changes.push(PopupChange::Show(popup));
        }
        let burst = self.group_on_screen || self.on_screen.len() + fresh.len() > SINGLE_AT_MOST;
        if !fresh.is_empty() && burst {
            changes.extend(self.clear());
            self.group_on_screen = true;
            changes.push(PopupChange::Show(self.group()));
        } else if !fresh.is_empty() {
            for (id, popup) in fresh {
                self.on_screen.insert(id, popup.clone());
                changes.push(PopupChange::Show(popup));
            }
        } else if self.group_on_screen && self.to_review() != before {
            changes.push(self.renewed_group());
        }
        changes
    }

    /// What is on the screen and is over, or says something else now.
    fn renewed(&mut self) -> Vec<PopupChange> {
        let mut changes = Vec::new();
        let (open, now, language) = (&self.open, self.now_unix_ms, self.language);
        self.on_screen.retain(|id, popup| {
            let finding = open.get(id).filter(|finding| !is_snoozed(finding, now));
            let Some(newer) = finding.and_then(|finding| Popup::of(finding, language)) else {
                changes.push(PopupChange::Close(PopupKey::Finding(*id)));
                return false;
            };
            if *popup != newer {
                popup.clone_from(&newer);
                changes.push(PopupChange::Show(newer));
            }
            true
        });
        changes
    }

    /// What was not told before. It counts as told from now on.
    fn fresh(&mut self) -> Vec<(i64, Popup)> {
        let mut fresh = Vec::new();
        for finding in self.open.values().filter(|finding| !is_snoozed(finding, self.now_unix_ms)) {
            let since = finding.unix_ms.max(finding.snoozed_until_unix_ms.unwrap_or_default());
            if let Some(popup) = Popup::of(finding, self.language)
                && since > self.forgotten_until
                && self.announced.insert((finding.id, since))
            {
                fresh.push((finding.id, popup));
            }
        }
        self.forget_old();
        fresh
    }

    fn forget_old(&mut self) {
        let young = self.now_unix_ms.saturating_sub(REMEMBERED_MS);
        let forgotten =
            self.announced.extract_if(|(id, since)| *since < young && !self.open.contains_key(id));
        self.forgotten_until = forgotten.map(|(_, since)| since).fold(self.forgotten_until, i64::max);
    }

    /// Takes all single notifications from the screen.
    fn clear(&mut self) -> Vec<PopupChange> {
        let on_screen = std::mem::take(&mut self.on_screen);
        on_screen.into_keys().map(|id| PopupChange::Close(PopupKey::Finding(id))).collect()
    }

    /// The group on the screen says something else now.
    fn renewed_group(&mut self) -> PopupChange {
        if self.to_review() == 0 {
            self.group_on_screen = false;
            PopupChange::Close(PopupKey::Group)
        } else {
            PopupChange::Show(self.group())
        }
    }

    fn group(&self) -> Popup {
        let waiting: Vec<&Finding> = self.shown().rev().filter(|finding| waits(finding)).collect();
        Popup::group(&waiting, self.language)
    }
}

fn is_snoozed(finding: &Finding, now_unix_ms: i64) -> bool {
    finding.snoozed_until_unix_ms.is_some_and(|until| until > now_unix_ms)
}

/// Whether a person is to answer it. What is explained is only there to be found.
fn waits(finding: &Finding) -> bool {
    finding.severity > Severity::Quiet
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
