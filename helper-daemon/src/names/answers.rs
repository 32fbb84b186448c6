use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    rc::Rc,
};

use foldhash::fast::RandomState;
use portolan_core::{Domain, MonotonicNs, ProcessKey, Uid};

use super::{
    memory::{Answer, Memory},
    shares::{Shares, share_of},
};

/// Answers that are kept of all processes: about 400 bytes each, with a name of its own.
const ANSWERS: usize = 65_536;
/// Of one process; and of one that asks for others.
const ANSWERS_OF_ONE: usize = 1_024;
const ANSWERS_OF_RESOLVER: usize = 4_096;
/// Processes of one user that are asked about an address on behalf of others: those that heard of it last.
const HOLDERS: usize = 8;
/// Of all users.
const HOLDERS_OF_ALL: usize = 64;
/// How long an answer is what a program goes by, whatever its time to live: programs keep answers longer than they may, and nobody
/// should for ever. In seconds.
const LIFE: std::ops::RangeInclusive<u32> = 3_600..=86_400;

/// Who received an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The process.
    pub process: ProcessKey,
    /// The user that it acted as.
    pub uid: Uid,
    /// Inode number of the network namespace in which it came.
    pub network_namespace: u32,
}

/// What some processes know of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) domain: Rc<Domain>,
    /// Whether it may as well be another: there are several, or the answer is older than programs should go by.
    pub(super) is_doubtful: bool,
}

/// Which of the answers count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) address: IpAddr,
    /// Received before.
    pub(super) moment: MonotonicNs,
    /// By a process that acted as this user; `None` for any.
    pub(super) uid: Option<Uid>,
    /// In this network namespace, and not too old to go by; `None` for any.
    pub(super) fresh_in: Option<u32>,
}

/// What processes received.
#[derive(Debug)]
pub(super) struct Answers {
    by_process: HashMap<ProcessKey, Memory, RandomState>,
    by_address: HashMap<IpAddr, Holders, RandomState>,
    domains: HashSet<Rc<Domain>, RandomState>,
    shares: Shares,
    forgotten_early: u64,
    /// How many were ever kept.
    newest: u64,
}

/// Who knows an address.
#[derive(Debug, Default)]
struct Holders {
    answers: u32,
    /// The newest last.
    recent: Vec<(Uid, ProcessKey)>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            by_process: HashMap::default(),
            by_address: HashMap::default(),
            domains: HashSet::default(),
            shares: Shares::of(ANSWERS),
            forgotten_early: 0,
            newest: 0,
        }
    }
}

impl Answers {
    pub(super) fn add(
        &mut self,
        asker: Asker,
        asks_for_others: bool,
        question: Domain,
        addresses: &[(IpAddr, u32)],
        at: MonotonicNs,
    ) {
        let domain = self.interned(question);
        let most = if asks_for_others { ANSWERS_OF_RESOLVER } else { ANSWERS_OF_ONE };
        for (address, ttl) in addresses {
            let address = address.to_canonical();
            // "There is none", as blockers of advertisements say it.
            if address.is_unspecified() {
                continue;
            }
            let seconds = (*ttl).clamp(*LIFE.start(), *LIFE.end());
            let fresh_until = MonotonicNs(at.0.saturating_add(u64::from(seconds) * 1_000_000_000));
            let Asker { uid, network_namespace, .. } = asker;
            let (first, last) = (at, at);
            let domain = Rc::clone(&domain);
            let answer = Answer { domain, address, uid, network_namespace, first, last, fresh_until };
            self.keep(asker.process, answer, most);
        }
    }

    fn keep(&mut self, process: ProcessKey, mut answer: Answer, most: usize) {
        let Self { by_process, by_address, shares, forgotten_early, newest, .. } = self;
        let (address, uid) = (answer.address, answer.uid);
        let memory = by_process.entry(process).or_default();
        if let Some(first) = memory.take_same(&answer) {
            answer.first = first;
        } else {
            // One of many names of one address is no loss: any of them may be the one.
            let is_full = memory.len() >= most;
            if let Some(oldest) = memory.make_room(address, most) {
                *forgotten_early += u64::from(is_full && oldest.is_fresh(answer.last));
                let knows_others = memory.of(oldest.address).any(|other| other.uid == oldest.uid);
                forget(process, &oldest, knows_others, by_address, shares);
            }
            if !shares.take(uid) {
                *forgotten_early += 1;
                return;
            }
            by_address.entry(address).or_default().answers += 1;
        }
        *newest += 1;
        memory.keep(*newest, answer);
        if let Some(holders) = by_address.get_mut(&address) {
            holders.note(uid, process);
        }
    }

    /// Whether anybody was told of this address.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    /// What these processes know, each by what it received until then. The newest counts.
    pub(super) fn known_to(
        &self,
        processes: impl IntoIterator<Item = (ProcessKey, MonotonicNs)>,
        wanted: Wanted,
    ) -> Option<Known> {
        let Wanted { address, moment, uid, fresh_in } = wanted;
        let mut best: Option<(MonotonicNs, &Answer)> = None;
        let mut are_several = false;
        for (process, until) in processes {
            for answer in self.by_process.get(&process).into_iter().flat_map(|memory| memory.of(address)) {
                let counts = uid.is_none_or(|uid| uid == answer.uid)
                    && fresh_in
                        .is_none_or(|here| here == answer.network_namespace && answer.is_fresh(moment));
                let Some(at) = answer.before(moment.min(until)).filter(|_| counts) else { continue };
                let other = best.filter(|(_, best)| !Rc::ptr_eq(&best.domain, &answer.domain));
                are_several |=
                    answer.is_fresh(moment) && other.is_some_and(|(_, best)| best.is_fresh(moment));
                if best.is_none_or(|(best, _)| best <= at) {
                    best = Some((at, answer));
                }
            }
        }
        let (_, best) = best?;
        let is_doubtful = are_several || !best.is_fresh(moment);
        Some(Known { domain: Rc::clone(&best.domain), is_doubtful })
    }

    /// The processes of a user that heard of this address last, the newest first.
    pub(super) fn holders(&self, address: IpAddr, uid: Uid) -> impl Iterator<Item = ProcessKey> {
        let recent = self.by_address.get(&address).map(|holders| &holders.recent[..]).unwrap_or_default();
        recent.iter().rev().filter(move |(user, _)| *user == uid).map(|(_, process)| *process)
    }

    /// Answers that somebody may have missed: there was no room for them.
    pub(super) fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_process.values().map(Memory::len).sum()
    }

    /// Forgets what those received that are gone.
    pub(super) fn sweep(&mut self, is_there: impl Fn(&ProcessKey) -> bool) {
        let Self { by_process, by_address, shares, .. } = self;
        by_process.retain(|process, memory| {
            let stays = is_there(process) && memory.len() > 0;
            if !stays {
                memory.all().for_each(|answer| forget(*process, answer, false, by_address, shares));
            }
            stays
        });
        self.domains.retain(|domain| Rc::strong_count(domain) > 1);
        shrink(&mut self.by_process);
        shrink(&mut self.by_address);
        self.domains.shrink_to(self.domains.len().saturating_mul(2));
    }

    fn interned(&mut self, domain: Domain) -> Rc<Domain> {
        if let Some(known) = self.domains.get(&domain) {
            return Rc::clone(known);
        }
        let domain = Rc::new(domain);
        self.domains.insert(Rc::clone(&domain));
        domain
    }
}

impl Holders {
    fn note(&mut self, uid: Uid, process: ProcessKey) {
        self.recent.retain(|known| *known != (uid, process));
        let is_alike = |(user, _): &(Uid, ProcessKey)| share_of(*user) == share_of(uid);
        if self.recent.iter().filter(|known| is_alike(known)).count() >= HOLDERS
            && let Some(oldest) = self.recent.iter().position(is_alike)
        {
            self.recent.remove(oldest);
        } else if self.recent.len() >= HOLDERS_OF_ALL {
            self.recent.remove(0);
        }
        self.recent.push((uid, process));
    }
}

/// `knows_others`: whether the process knows another name of the address, as the same user.
fn forget(
    process: ProcessKey,
    answer: &Answer,
    knows_others: bool,
    by_address: &mut HashMap<IpAddr, Holders, RandomState>,
    shares: &mut Shares,
) {
    shares.give_back(answer.uid);
    if let Some(holders) = by_address.get_mut(&answer.address) {
        holders.answers -= 1;
        if !knows_others {
            holders.recent.retain(|known| *known != (answer.uid, process));
        }
        if holders.answers == 0 {
            by_address.remove(&answer.address);
        }
    }
}

fn shrink<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V, RandomState>) {
    map.shrink_to(map.len().saturating_mul(2));
}

#[cfg(test)]
mod tests {
    use portolan_core::Pid;

    use super::*;

    fn tell(answers: &mut Answers, pid: u32, uid: u32, name: &str, address: [u8; 4]) {
        let process = ProcessKey { pid: Pid(pid), started: MonotonicNs(0), exec_generation: 0 };
        let asker = Asker { process, uid: Uid(uid), network_namespace: 1 };
        answers.add(asker, false, name.parse().unwrap(), &[(address.into(), 60)], MonotonicNs(1));
    }

    #[test]
    fn of_those_who_know_an_address_the_last_of_each_user_are_asked_and_none_that_has_forgotten_it() {
        let (mut answers, address) = (Answers::default(), [192, 0, 2, 1]);
        let holders = |answers: &Answers| answers.by_address[&IpAddr::from(address)].recent.len();
        (0..100).for_each(|pid| tell(&mut answers, pid, 100_000 + pid, "a.example", address));
        assert_eq!(holders(&answers), HOLDERS, "subordinate users are one");
        (100..200).for_each(|pid| tell(&mut answers, pid, 1_000 + pid, "a.example", address));
        assert_eq!(holders(&answers), HOLDERS_OF_ALL);
        for number in 0..=u8::MAX {
            (0..4).for_each(|net| tell(&mut answers, 199, 1_199, "b.example", [10, 0, net, number]));
        }
        assert_eq!(holders(&answers), HOLDERS_OF_ALL - 1, "it has forgotten the address");
        answers.sweep(|_| false);
        assert!(answers.by_address.is_empty());
    }
}
