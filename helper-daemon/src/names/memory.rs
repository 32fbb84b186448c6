use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    rc::Rc,
};

use foldhash::fast::RandomState;
use portolan_core::{Domain, MonotonicNs, Uid};

/// Names of one address that a process knows: of those that it was told last, any may be the one.
const NAMES_OF_ADDRESS: usize = 16;

/// That a process was told that a name has an address.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) domain: Rc<Domain>,
    pub(super) address: IpAddr,
    pub(super) uid: Uid,
    pub(super) network_namespace: u32,
    /// When it was told so for the first time, and the last.
    pub(super) first: MonotonicNs,
    pub(super) last: MonotonicNs,
    pub(super) fresh_until: MonotonicNs,
}

impl Answer {
    /// When it was told so for the last time before `moment`, as far as that is known.
    pub(super) fn before(&self, moment: MonotonicNs) -> Option<MonotonicNs> {
        [self.last, self.first].into_iter().find(|at| *at <= moment)
    }

    pub(super) fn is_fresh(&self, moment: MonotonicNs) -> bool {
        moment <= self.fresh_until
    }

    fn is_as(&self, other: &Self) -> bool {
        self.address == other.address
            && self.uid == other.uid
            && self.network_namespace == other.network_namespace
            && Rc::ptr_eq(&self.domain, &other.domain)
    }
}

/// What one process was told. Neither to find an address in it nor to forget the oldest takes longer when there is more.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Of each address the newest last, each with its place in the order of all.
    by_address: HashMap<IpAddr, Vec<(u64, Answer)>, RandomState>,
    by_age: BTreeMap<u64, IpAddr>,
}

impl Memory {
    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Answer> {
        self.by_address.values().flatten().map(|(_, answer)| answer)
    }

    /// What it was told of an address, the newest last.
    pub(super) fn of(&self, address: IpAddr) -> impl Iterator<Item = &Answer> {
        self.by_address.get(&address).into_iter().flatten().map(|(_, answer)| answer)
    }

    /// Forgets that it was told the same before; when that was for the first time.
    pub(super) fn take_same(&mut self, answer: &Answer) -> Option<MonotonicNs> {
        let list = self.by_address.get_mut(&answer.address)?;
        let place = list.iter().position(|(_, known)| known.is_as(answer))?;
        let (age, known) = list.remove(place);
        self.by_age.remove(&age);
        Some(known.first)
    }

    /// Forgets the oldest where there is no room for one more of this address, or for one more at all.
    pub(super) fn make_room(&mut self, address: IpAddr, most: usize) -> Option<Answer> {
        let is_full = self.by_address.get(&address).is_some_and(|list| list.len() >= NAMES_OF_ADDRESS);
        let address = match self.by_age.first_key_value() {
            _ if is_full => address,
            Some((_, oldest)) if self.len() >= most => *oldest,
            _ => return None,
        };
        let list = self.by_address.get_mut(&address).filter(|list| !list.is_empty())?;
        let (age, oldest) = list.remove(0);
        if list.is_empty() {
            self.by_address.remove(&address);
        }
        self.by_age.remove(&age);
        Some(oldest)
    }

    /// Keeps an answer as the newest of all. `age`: greater than any before.
    pub(super) fn keep(&mut self, age: u64, answer: Answer) {
        self.by_age.insert(age, answer.address);
        self.by_address.entry(answer.address).or_default().push((age, answer));
    }
}
