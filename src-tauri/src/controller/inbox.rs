use std::collections::{BTreeMap, BTreeSet, HashSet};

use portolan_bus::{Finding, FindingState};

use super::{Popup, PopupKey};

/// More notifications than this at once become one.
const SINGLE_AT_MOST: usize = 5;

/// The open findings, and which of them a person was told about.
///
/// Invariant: a finding is announced once in a run of the app, also when the daemon comes and goes in between.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    open: BTreeMap<i64, Finding>,
    /// By id and time: a daemon with a new history counts its findings from 1 again.
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
    pub(crate) fn replace(&mut self, open: Vec<Finding>) -> Vec<PopupChange> {
        let before = self.to_review();
        self.open = open.into_iter().map(|finding| (finding.id, finding)).collect();
        self.changes(before)
    }

    /// A finding is new or was answered.
    pub(crate) fn update(&mut self, finding: Finding) -> Vec<PopupChange> {
        let before = self.to_review();
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
        let application = self.open.get(&id)?.application.as_deref();
        let newest = self.open.values().rfind(|finding| finding.application.as_deref() == application)?;
        (newest.id != id).then_some(newest.id)
    }

    /// All open findings, newest first.
    pub(crate) fn newest_first(&self) -> Vec<Finding> {
        self.open.values().rev().cloned().collect()
    }

    /// How many findings wait for an answer.
    pub(crate) fn to_review(&self) -> usize {
        self.open.values().filter(|finding| Popup::of(finding).is_some()).count()
    }

    fn changes(&mut self, before: usize) -> Vec<PopupChange> {
        let mut changes = Vec::new();
        let gone: Vec<i64> =
            self.on_screen.iter().copied().filter(|id| !self.open.contains_key(id)).collect();
        for id in gone {
            self.on_screen.remove(&id);
            changes.push(PopupChange::Close(PopupKey::Finding(id)));
        }

        let mut fresh = Vec::new();
        for finding in self.open.values() {
            if let Some(popup) = Popup::of(finding)
                && self.announced.insert((finding.id, finding.unix_ms))
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
            self.open.values().rev().filter(|finding| Popup::of(finding).is_some()).collect();
        Popup::group(&waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;

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
        assert_eq!(keys(&inbox.update(curl.clone())), [(true, PopupKey::Finding(1))]);
        assert_eq!(inbox.update(curl.clone()), []);
        inbox.closed(PopupKey::Finding(1));
        assert_eq!(inbox.replace(vec![curl]), []);
        assert_eq!(inbox.to_review(), 1);
    }

    #[test]
    fn a_new_history_counts_from_one_again_and_is_announced() {
        let mut inbox = Inbox::default();
        inbox.update(finding(1, "/usr/bin/curl"));
        let mut other = finding(1, "/usr/bin/wget");
        other.unix_ms += 1;
        assert_eq!(keys(&inbox.replace(vec![other])), [(true, PopupKey::Finding(1))]);
    }

    #[test]
    fn an_answer_from_elsewhere_takes_the_notification_away() {
        let mut inbox = Inbox::default();
        let curl = finding(1, "/usr/bin/curl");
        inbox.update(curl.clone());
        assert_eq!(keys(&inbox.update(answered(curl))), [(false, PopupKey::Finding(1))]);
        assert_eq!(inbox.to_review(), 0);
    }

    #[test]
    fn an_answer_covers_all_findings_of_the_application() {
        let mut inbox = Inbox::default();
        inbox.replace(vec![finding(1, "/usr/bin/curl"), finding(2, "/usr/bin/curl"), finding(3, "/bin/x")]);
        let changes = inbox.answered("path:/usr/bin/curl");
        assert_eq!(keys(&changes), [(false, PopupKey::Finding(1)), (false, PopupKey::Finding(2))]);
    }

    #[test]
    fn a_burst_at_start_is_one_notification() {
        let mut inbox = Inbox::default();
        let many = (1..=6).map(|id| finding(id, &format!("/bin/{id}"))).collect();
        assert_eq!(keys(&inbox.replace(many)), [(true, PopupKey::Group)]);
    }

    #[test]
    fn a_burst_that_builds_up_folds_what_is_on_the_screen() {
        let mut inbox = Inbox::default();
        for id in 1..=5 {
            assert_eq!(keys(&inbox.update(finding(id, "/bin/x"))), [(true, PopupKey::Finding(id))]);
        }
        let mut expected: Vec<_> = (1..=5).map(|id| (false, PopupKey::Finding(id))).collect();
        expected.push((true, PopupKey::Group));
        assert_eq!(keys(&inbox.update(finding(6, "/bin/x"))), expected);
        assert_eq!(keys(&inbox.update(finding(7, "/bin/y"))), [(true, PopupKey::Group)]);
        assert_eq!(keys(&inbox.update(answered(finding(7, "/bin/y")))), [(true, PopupKey::Group)]);
        assert_eq!(keys(&inbox.answered("path:/bin/x")), [(false, PopupKey::Group)]);
        assert_eq!(keys(&inbox.update(finding(8, "/bin/z"))), [(true, PopupKey::Finding(8))]);
    }

    #[test]
    fn notifications_that_left_the_screen_make_room() {
        let mut inbox = Inbox::default();
        for id in 1..=20 {
            assert_eq!(keys(&inbox.update(finding(id, "/bin/x"))), [(true, PopupKey::Finding(id))]);
            inbox.closed(PopupKey::Finding(id));
        }
    }

    #[test]
    fn a_change_overtakes_an_older_finding_about_the_same_application() {
        let mut inbox = Inbox::default();
        inbox.replace(vec![finding(1, "/bin/x"), finding(2, "/bin/y"), finding(3, "/bin/x")]);
        assert_eq!([1, 2, 3, 4].map(|id| inbox.overtaken_by(id)), [Some(3), None, None, None]);
    }

    #[test]
    fn findings_about_the_daemon_do_not_ask() {
        let mut inbox = Inbox::default();
        let mut lost = finding(1, "/bin/x");
        (lost.kind, lost.application, lost.path) = ("lost-events".into(), None, None);
        assert_eq!(inbox.update(lost), []);
        assert_eq!(inbox.to_review(), 0);
        assert_eq!(inbox.newest_first().len(), 1);
    }
}
