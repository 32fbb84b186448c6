use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portolan_bus::Error;
use portolan_core::Uid;
use zbus::names::{OwnedUniqueName, UniqueName};

/// Calls that one connection may have under way.
const PER_CONNECTION: usize = 4;
/// Calls that all connections of one user may have under way, so that nobody takes every place there is.
const PER_UID: usize = 16;
/// Calls that may be under way in all.
const IN_TOTAL: usize = 64;

/// Counts the calls under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    in_total: usize,
    by_connection: HashMap<OwnedUniqueName, usize>,
    by_uid: HashMap<Uid, usize>,
}

/// A call's place; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place {
    calls: Calls,
    connection: OwnedUniqueName,
    uid: Option<Uid>,
}

impl Calls {
    /// Takes a place for a call of this connection.
    pub(super) fn enter(&self, connection: &UniqueName<'_>) -> Result<Place, Error> {
        let connection = OwnedUniqueName::from(connection.to_owned());
        let mut counts = self.lock();
        if counts.in_total >= IN_TOTAL {
            return Err(exceeded("The daemon", IN_TOTAL));
        }
        if !take(&mut counts.by_connection, connection.clone(), PER_CONNECTION) {
            return Err(exceeded("This connection", PER_CONNECTION));
        }
        counts.in_total += 1;
        Ok(Place { calls: self.clone(), connection, uid: None })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the call for the user too, once it is known who it is.
    pub(super) fn charge(&mut self, uid: Uid) -> Result<(), Error> {
        if !take(&mut self.calls.lock().by_uid, uid, PER_UID) {
            return Err(exceeded("This user", PER_UID));
        }
        self.uid = Some(uid);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.calls.lock();
        counts.in_total = counts.in_total.saturating_sub(1);
        give_back(&mut counts.by_connection, &self.connection);
        if let Some(uid) = &self.uid {
            give_back(&mut counts.by_uid, uid);
        }
    }
}

fn take<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, max: usize) -> bool {
    let count = counts.entry(key).or_default();
    let free = *count < max;
    *count += usize::from(free);
    free
}

fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn exceeded(who: &str, max: usize) -> Error {
    Error::LimitExceeded(format!("{who} has {max} calls under way, which is the most; wait for an answer."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> UniqueName<'static> {
        format!(":1.{number}").try_into().unwrap()
    }

    #[test]
    fn a_connection_has_its_places_and_gets_them_back() {
        let calls = Calls::default();
        let mut places: Vec<_> = (0..PER_CONNECTION).map(|_| calls.enter(&name(1)).unwrap()).collect();
        assert!(matches!(calls.enter(&name(1)), Err(Error::LimitExceeded(_))));
        assert!(calls.enter(&name(2)).is_ok());
        places.pop();
        assert!(calls.enter(&name(1)).is_ok());
    }

    #[test]
    fn a_user_with_many_connections_leaves_places_to_others() {
        let calls = Calls::default();
        let mut places = Vec::new();
        for number in 0..PER_UID {
            let mut place = calls.enter(&name(number)).unwrap();
            place.charge(Uid(1000)).unwrap();
            places.push(place);
        }
        let mut place = calls.enter(&name(PER_UID)).unwrap();
        assert!(matches!(place.charge(Uid(1000)), Err(Error::LimitExceeded(_))));
        assert!(place.charge(Uid(1001)).is_ok());
    }

    #[test]
    fn nothing_is_left_over_when_all_calls_have_ended() {
        let calls = Calls::default();
        let mut places: Vec<_> = (0..IN_TOTAL).map(|number| calls.enter(&name(number)).unwrap()).collect();
        assert!(matches!(calls.enter(&name(IN_TOTAL)), Err(Error::LimitExceeded(_))));
        places.iter_mut().take(PER_UID).for_each(|place| place.charge(Uid(0)).unwrap());
        drop(places);
        let counts = calls.lock();
        assert_eq!((counts.in_total, counts.by_connection.len(), counts.by_uid.len()), (0, 0, 0));
    }
}
