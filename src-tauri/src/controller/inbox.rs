use std::collections::{BTreeMap, BTreeSet, HashSet};

use portolan_bus::{Finding, FindingState};
use portolan_core::UnixMillis;

use super::{Popup, PopupKey};

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
    on_screen: BTreeSet<i64>,
    group_on_screen: bool,
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
        self.open.values().filter(|finding| !self.is_snoozed(finding))
    }

    fn is_snoozed(&self, finding: &Finding) -> bool {
        finding.snoozed_until_unix_ms.is_some_and(|until| until > self.now_unix_ms)
    }

    /// How many findings wait for an answer.
    pub(crate) fn to_review(&self) -> usize {
        self.shown().filter(|finding| Popup::of(finding).is_some()).count()
    }

    fn changes(&mut self, before: usize) -> Vec<PopupChange> {
        let mut changes = Vec::new();
        let gone: Vec<i64> = self
            .on_screen
            .iter()
            .copied()
            .filter(|id| self.shown().all(|finding| finding.id != *id))
            .collect();
        for id in gone {
            self.on_screen.remove(&id);
            changes.push(PopupChange::Close(PopupKey::Finding(id)));
        }

        let mut fresh = Vec::new();
        for finding in self.open.values() {
            if let Some(popup) = Popup::of(finding)
                && finding.snoozed_until_unix_ms.is_none_or(|until| until <= self.now_unix_ms)
                && self.announced.insert((
                    finding.id,
                    finding.unix_ms.max(finding.snoozed_until_unix_ms.unwrap_or_default()),
                ))
            {
                fresh.push((finding.id, popup));
            }
        }
        let burst = self.group_on_screen || self.on_screen.len() + fresh.len() > SINGLE_AT_MOST;
        if !fresh.is_empty() && burst {
            changes.extend(self.on_screen.iter().map(|id| PopupChange::Close(PopupKey::Finding(*id))));
            self.on_screen.clear();
            self.group_on_screen = true;
            changes.push(PopupChange::Show(self.group()));
        } else if !fresh.is_empty() {
            for (id, popup) in fresh {
                self.on_screen.insert(id);
                changes.push(PopupChange::Show(popup));
            }
        } else if self.group_on_screen && self.to_review() != before {
            changes.push(self.shrink_group());
        }
        changes
    }

    /// Fewer findings wait than the group on the screen says.
    fn shrink_group(&mut self) -> PopupChange {
        if self.to_review() == 0 {
            self.group_on_screen = false;
            PopupChange::Close(PopupKey::Group)
        } else {
            PopupChange::Show(self.group())
        }
    }

    fn group(&self) -> Popup {
        let waiting: Vec<&Finding> =
            self.shown().rev().filter(|finding| Popup::of(finding).is_some()).collect();
        Popup::group(&waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn keys(changes: &[PopupChange]) -> Vec<(bool, PopupKey)> {
        let key = |change: &PopupChange| match change {
            PopupChange::Show(popup) => (true, popup.key),
            PopupChange::Close(key) => (false, *key),
        };
        changes.iter().map(key).collect()
    }

    fn answered(mut finding: Finding) -> Finding {
        finding.state = FindingState::Approved;
        finding
    }

    #[test]
    fn a_finding_is_announced_once_also_over_a_reconnect() {
        let mut inbox = Inbox::default();
        let curl = finding(1, "/usr/bin/curl");
        assert_eq!(keys(&inbox.update(curl.clone(), NOW)), [(true, PopupKey::Finding(1))]);
        assert_eq!(inbox.update(curl.clone(), NOW), []);
        inbox.closed(PopupKey::Finding(1));
        assert_eq!(inbox.replace(vec![curl], NOW), []);
        assert_eq!(inbox.to_review(), 1);
    }

    #[test]
    fn a_new_history_counts_from_one_again_and_is_announced() {
        let mut inbox = Inbox::default();
        inbox.update(finding(1, "/usr/bin/curl"), NOW);
        let mut other = finding(1, "/usr/bin/wget");
        other.unix_ms += 1;
        assert_eq!(keys(&inbox.replace(vec![other], NOW)), [(true, PopupKey::Finding(1))]);
    }

    #[test]
    fn an_answer_from_elsewhere_takes_the_notification_away() {
        let mut inbox = Inbox::default();
        let curl = finding(1, "/usr/bin/curl");
        inbox.update(curl.clone(), NOW);
        assert_eq!(keys(&inbox.update(answered(curl), NOW)), [(false, PopupKey::Finding(1))]);
        assert_eq!(inbox.to_review(), 0);
    }

    #[test]
    fn an_answer_covers_all_findings_of_the_application() {
        let mut inbox = Inbox::default();
        inbox.replace(
            vec![finding(1, "/usr/bin/curl"), finding(2, "/usr/bin/curl"), finding(3, "/bin/x")],
            NOW,
        );
        let changes = inbox.answered("path:/usr/bin/curl");
        assert_eq!(keys(&changes), [(false, PopupKey::Finding(1)), (false, PopupKey::Finding(2))]);
    }

    #[test]
    fn a_burst_at_start_is_one_notification() {
        let mut inbox = Inbox::default();
        let many = (1..=6).map(|id| finding(id, &format!("/bin/{id}"))).collect();
        assert_eq!(keys(&inbox.replace(many, NOW)), [(true, PopupKey::Group)]);
    }

    #[test]
    fn a_burst_that_builds_up_folds_what_is_on_the_screen() {
        let mut inbox = Inbox::default();
        for id in 1..=5 {
            assert_eq!(keys(&inbox.update(finding(id, "/bin/x"), NOW)), [(true, PopupKey::Finding(id))]);
        }
        let mut expected: Vec<_> = (1..=5).map(|id| (false, PopupKey::Finding(id))).collect();
        expected.push((true, PopupKey::Group));
        assert_eq!(keys(&inbox.update(finding(6, "/bin/x"), NOW)), expected);
        assert_eq!(keys(&inbox.update(finding(7, "/bin/y"), NOW)), [(true, PopupKey::Group)]);
        assert_eq!(keys(&inbox.update(answered(finding(7, "/bin/y")), NOW)), [(true, PopupKey::Group)]);
        assert_eq!(keys(&inbox.answered("path:/bin/x")), [(false, PopupKey::Group)]);
        assert_eq!(keys(&inbox.update(finding(8, "/bin/z"), NOW)), [(true, PopupKey::Finding(8))]);
    }

    #[test]
    fn notifications_that_left_the_screen_make_room() {
        let mut inbox = Inbox::default();
        for id in 1..=20 {
            assert_eq!(keys(&inbox.update(finding(id, "/bin/x"), NOW)), [(true, PopupKey::Finding(id))]);
            inbox.closed(PopupKey::Finding(id));
        }
    }

    #[test]
    fn a_change_overtakes_an_older_finding_about_the_same_application() {
        let mut inbox = Inbox::default();
        inbox.replace(vec![finding(1, "/bin/x"), finding(2, "/bin/y"), finding(3, "/bin/x")], NOW);
        assert_eq!([1, 2, 3, 4].map(|id| inbox.overtaken_by(id)), [Some(3), None, None, None]);
        inbox.replace([1, 2].map(|id| Finding { application: None, ..finding(id, "/bin/x") }).into(), NOW);
        assert_eq!(inbox.overtaken_by(1), None, "they are about no application");
    }

    #[test]
    fn a_snoozed_finding_is_gone_until_then_and_is_told_again() {
        let mut inbox = Inbox::default();
        let curl = finding(1, "/usr/bin/curl");
        inbox.update(curl.clone(), NOW);
        let until = NOW.0 + 5000;
        let snoozed = Finding { snoozed_until_unix_ms: Some(until), ..curl };
        assert_eq!(keys(&inbox.update(snoozed.clone(), NOW)), [(false, PopupKey::Finding(1))]);
        assert_eq!((inbox.to_review(), inbox.newest_first().len()), (0, 0));
        assert_eq!(inbox.pass(UnixMillis(until - 1)), None);
        let back = inbox.pass(UnixMillis(until)).unwrap();
        assert_eq!(keys(&back), [(true, PopupKey::Finding(1))]);
        assert_eq!(inbox.pass(UnixMillis(until + 1)), None);
        assert_eq!(inbox.to_review(), 1);
    }

    #[test]
    fn what_became_news_is_told_again_and_what_was_only_seen_again_is_not() {
        let mut inbox = Inbox::default();
        let mut curl = finding(1, "/usr/bin/curl");
        inbox.update(curl.clone(), NOW);
        inbox.closed(PopupKey::Finding(1));
        (curl.times, curl.updated_unix_ms) = (2, curl.updated_unix_ms + 9);
        assert_eq!(inbox.update(curl.clone(), NOW), []);
        curl.unix_ms += 9;
        assert_eq!(keys(&inbox.update(curl, NOW)), [(true, PopupKey::Finding(1))]);
    }

    #[test]
    fn findings_about_the_daemon_do_not_ask() {
        let mut inbox = Inbox::default();
        let mut lost = finding(1, "/bin/x");
        (lost.kind, lost.application, lost.path) = ("lost-events".into(), None, None);
        assert_eq!(inbox.update(lost, NOW), []);
        assert_eq!(inbox.to_review(), 0);
        assert_eq!(inbox.newest_first().len(), 1);
    }
}
