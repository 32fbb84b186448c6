use std::collections::HashMap;

use foldhash::fast::RandomState;
use portolan_core::Uid;

/// From here on are the users that ordinary users may make of themselves in user namespaces (`SUB_UID_MIN`, login.defs): they
/// have one share together.
const FIRST_OF_SUBORDINATES: u32 = 100_000;

/// Room that users share: nobody may take more than what is left to the others.
///
/// So one alone has at most half of it, whatever it does, two have at most two thirds, and there is always some left.
#[derive(Debug)]
pub(super) struct Shares {
    most: usize,
    total: usize,
    held: HashMap<Uid, usize, RandomState>,
}

impl Shares {
    pub(super) fn of(most: usize) -> Self {
        Self { most, total: 0, held: HashMap::default() }
    }

    /// `false` when there is no room for this user.
    pub(super) fn take(&mut self, user: Uid) -> bool {
        self.take_if(user, |held, free| held < free)
    }

    /// The same for what is worth less than other things: a quarter of the room stays for those.
    pub(super) fn take_spare(&mut self, user: Uid) -> bool {
        self.take_if(user, |held, free| held.saturating_mul(3) < free)
    }

    pub(super) fn give_back(&mut self, user: Uid) {
        let user = share_of(user);
        self.total = self.total.saturating_sub(1);
        match self.held.get_mut(&user) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(self.held.remove(&user)),
        }
    }

    fn take_if(&mut self, user: Uid, has_room: impl Fn(usize, usize) -> bool) -> bool {
        let held = self.held.get(&share_of(user)).copied().unwrap_or_default();
        if !has_room(held, self.most.saturating_sub(self.total)) {
            return false;
        }
        self.total += 1;
        self.held.insert(share_of(user), held + 1);
        true
    }
}

/// As whom a user shares: subordinate ones as one.
pub(super) fn share_of(user: Uid) -> Uid {
    Uid(user.0.min(FIRST_OF_SUBORDINATES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_all_it_can_get_leaves_room_for_others() {
        let mut shares = Shares::of(1000);
        let take_all = |shares: &mut Shares, user| (0..2000).filter(|_| shares.take(Uid(user))).count();
        assert_eq!(take_all(&mut shares, 1000), 500);
        let subordinates: usize = (100_000..100_100).map(|user| take_all(&mut shares, user)).sum();
        assert_eq!(subordinates, 250, "as many users as it likes to be have one share");
        assert_eq!(take_all(&mut shares, 1001), 125);
        (0..500).for_each(|_| shares.give_back(Uid(1000)));
        assert_eq!(take_all(&mut shares, 1001), 250, "what is given back is there for others");
        assert!(!Shares::of(0).take(Uid(0)));
    }

    #[test]
    fn what_is_worth_less_leaves_room_for_the_rest_of_the_same_user() {
        let mut shares = Shares::of(1000);
        assert_eq!((0..2000).filter(|_| shares.take_spare(Uid(1))).count(), 250);
        assert_eq!((0..2000).filter(|_| shares.take(Uid(1))).count(), 250);
    }
}
