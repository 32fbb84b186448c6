use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portolan_bus::{Access, Error};
use portolan_core::Uid;
use tokio::sync::Notify;
use zbus::names::{OwnedUniqueName, UniqueName};

use super::Viewer;

/// Connections of one user that may have subscribed.
const PER_UID: usize = 16;
/// Connections that may have subscribed in all.
const IN_TOTAL: usize = 256;

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Live,
    Findings,
}

/// Who gets signals on one connection to the bus. A unique name is never used twice on one bus.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    by_name: Mutex<HashMap<OwnedUniqueName, Subscriber>>,
    /// Somebody missed findings: [`Subscribers::behind`] says who.
    pub(super) catch_up: Notify,
}

#[derive(Debug)]
struct Subscriber {
    uid: Uid,
    /// `None` while polkit no longer allows it: nothing is sent, and it is asked again.
    access: Option<Access>,
    live: bool,
    findings: bool,
    /// Findings were not sent: all of them are due again.
    behind: bool,
}

impl Subscribers {
    /// Adds a topic to a subscriber, or a new subscriber. Returns whether the topic is new.
    pub(super) fn add(&self, name: &UniqueName<'_>, viewer: Viewer, topic: Topic) -> Result<bool, Error> {
        let mut by_name = self.lock();
        if !by_name.contains_key(name) {
            if by_name.len() >= IN_TOTAL {
                return Err(exceeded("in all", IN_TOTAL));
            }
            if by_name.values().filter(|subscriber| subscriber.uid == viewer.uid).count() >= PER_UID {
                return Err(exceeded("of one user", PER_UID));
            }
        }
        let subscriber = by_name.entry(OwnedUniqueName::from(name.to_owned())).or_insert_with(|| {
            Subscriber { uid: viewer.uid, access: None, live: false, findings: false, behind: false }
        });
        subscriber.access = Some(viewer.access);
        let flag = match topic {
            Topic::Live => &mut subscriber.live,
            Topic::Findings => &mut subscriber.findings,
        };
        Ok(!std::mem::replace(flag, true))
    }

    /// Takes a topic from a subscriber.
    pub(super) fn remove(&self, name: &UniqueName<'_>, topic: Topic) {
        let mut by_name = self.lock();
        if let Some(subscriber) = by_name.get_mut(name) {
            match topic {
                Topic::Live => subscriber.live = false,
                Topic::Findings => subscriber.findings = false,
            }
            if !subscriber.live && !subscriber.findings {
                by_name.remove(name);
            }
        }
    }

    /// The connection left the bus.
    pub(super) fn forget(&self, name: &UniqueName<'_>) {
        self.lock().remove(name);
    }

    /// Who gets a topic now, and how much of it.
    pub(super) fn of(&self, topic: Topic) -> Vec<(OwnedUniqueName, Viewer)> {
        let wants = |subscriber: &&Subscriber| match topic {
            Topic::Live => subscriber.live,
            Topic::Findings => subscriber.findings,
        };
        self.select(|subscriber| wants(&subscriber))
    }

    /// Who has to be sent all findings again. They stay behind until [`Subscribers::caught_up`].
    pub(super) fn behind(&self) -> Vec<(OwnedUniqueName, Viewer)> {
        self.select(|subscriber| subscriber.findings && subscriber.behind)
    }

    /// Findings were lost before they could be sent.
    pub(super) fn all_fell_behind(&self) {
        self.lock().values_mut().for_each(|subscriber| subscriber.behind = true);
        self.catch_up.notify_one();
    }

    /// All findings were sent again.
    pub(super) fn caught_up(&self, name: &UniqueName<'_>) {
        if let Some(subscriber) = self.lock().get_mut(name) {
            subscriber.behind = false;
        }
    }

    /// Everybody, also those who may see nothing at the moment.
    pub(super) fn names(&self) -> Vec<OwnedUniqueName> {
        self.lock().keys().cloned().collect()
    }

    /// Whether somebody may see nothing at the moment.
    pub(super) fn any_suspended(&self) -> bool {
        self.lock().values().any(|subscriber| subscriber.access.is_none())
    }

    /// polkit was asked again. Who sees more than before is sent the findings again.
    pub(super) fn set_access(&self, name: &UniqueName<'_>, access: Option<Access>) {
        if let Some(subscriber) = self.lock().get_mut(name)
            && subscriber.access != access
        {
            tracing::info!(subscriber = %name, uid = subscriber.uid.0, ?access, "the right to see traffic changed");
            subscriber.behind |= access == Some(Access::All) || subscriber.access.is_none();
            subscriber.access = access;
            self.catch_up.notify_one();
        }
    }

    fn select(&self, wanted: impl Fn(&Subscriber) -> bool) -> Vec<(OwnedUniqueName, Viewer)> {
        let viewer =
            |subscriber: &Subscriber| subscriber.access.map(|access| Viewer { uid: subscriber.uid, access });
        self.lock()
            .iter()
            .filter(|(_, subscriber)| wanted(subscriber))
            .filter_map(|(name, subscriber)| Some((name.clone(), viewer(subscriber)?)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OwnedUniqueName, Subscriber>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exceeded(whose: &str, max: usize) -> Error {
    Error::LimitExceeded(format!("{max} connections {whose} have subscribed, which is the most."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Viewer = Viewer { uid: Uid(1000), access: Access::Own };

    fn name(number: usize) -> UniqueName<'static> {
        format!(":1.{number}").try_into().unwrap()
    }

    fn names(subscribers: &[(OwnedUniqueName, Viewer)]) -> Vec<&str> {
        subscribers.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_subscriber_gets_what_it_asked_for_until_it_leaves() {
        let subscribers = Subscribers::default();
        assert!(subscribers.add(&name(1), OWN, Topic::Live).unwrap());
        assert!(!subscribers.add(&name(1), OWN, Topic::Live).unwrap());
        assert!(subscribers.add(&name(1), OWN, Topic::Findings).unwrap());
        subscribers.remove(&name(1), Topic::Live);
        assert!(subscribers.of(Topic::Live).is_empty());
        assert_eq!(names(&subscribers.of(Topic::Findings)), [":1.1"]);
        subscribers.forget(&name(1));
        assert!(subscribers.names().is_empty());
    }

    #[test]
    fn subscribers_are_bounded_by_user() {
        let subscribers = Subscribers::default();
        for number in 0..PER_UID {
            subscribers.add(&name(number), OWN, Topic::Live).unwrap();
        }
        assert!(matches!(subscribers.add(&name(PER_UID), OWN, Topic::Live), Err(Error::LimitExceeded(_))));
        assert!(
            subscribers.add(&name(0), OWN, Topic::Findings).unwrap(),
            "a second topic is no second place"
        );
        let other = Viewer { uid: Uid(1001), access: Access::Own };
        assert!(subscribers.add(&name(PER_UID), other, Topic::Live).unwrap());
    }

    #[test]
    fn who_loses_the_right_gets_nothing_and_who_regains_it_gets_all_findings_again() {
        let subscribers = Subscribers::default();
        subscribers.add(&name(1), OWN, Topic::Findings).unwrap();
        subscribers.set_access(&name(1), None);
        assert!(subscribers.of(Topic::Findings).is_empty());
        assert!(subscribers.any_suspended() && subscribers.behind().is_empty());
        subscribers.set_access(&name(1), Some(Access::Own));
        assert_eq!(names(&subscribers.behind()), [":1.1"]);
        subscribers.caught_up(&name(1));
        assert!(subscribers.behind().is_empty());
    }

    #[test]
    fn a_narrowed_right_sends_nothing_again() {
        let subscribers = Subscribers::default();
        let all = Viewer { uid: Uid(1000), access: Access::All };
        subscribers.add(&name(1), all, Topic::Findings).unwrap();
        subscribers.set_access(&name(1), Some(Access::Own));
        assert!(subscribers.behind().is_empty());
        assert_eq!(subscribers.of(Topic::Findings), [(name(1).into(), OWN)]);
    }
}
