use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
    rc::Rc,
};

use foldhash::fast::RandomState;
use portolan_core::{Domain, MonotonicNs, ProcessKey, Uid};

use super::shares::Shares;

/// Answers that are kept of all processes: about 320 bytes each, with a name of its own.
const ANSWERS: usize = 65_536;
/// Of one process; and of one that asks for others.
const ANSWERS_OF_ONE: usize = 1_024;
const ANSWERS_OF_RESOLVER: usize = 4_096;
/// Addresses of one answer: more than fit into any that a program would use.
const ADDRESSES: usize = 64;
/// Processes of one user that are asked about an address on behalf of others: those that heard of it last.
const HOLDERS: usize = 8;
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

/// That a process was told that a name has an address.
#[derive(Debug)]
struct Answer {
    domain: Rc<Domain>,
    address: IpAddr,
    uid: Uid,
    network_namespace: u32,
    /// When it was told so for the first time, and the last.
    first: MonotonicNs,
    last: MonotonicNs,
    fresh_until: MonotonicNs,
}

impl Answer {
    /// When it was told so for the last time before `moment`, as far as that is known.
    fn before(&self, moment: MonotonicNs) -> Option<MonotonicNs> {
        [self.last, self.first].into_iter().find(|at| *at <= moment)
    }

    fn is_fresh(&self, moment: MonotonicNs) -> bool {
        moment <= self.fresh_until
    }
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
    /// By who received them, the newest last.
    by_process: HashMap<ProcessKey, VecDeque<Answer>, RandomState>,
    by_address: HashMap<IpAddr, Holders, RandomState>,
    domains: HashSet<Rc<Domain>, RandomState>,
    shares: Shares,
    forgotten_early: u64,
}

/// Who knows an address.
#[derive(Debug, Default)]
struct Holders {
    answers: u32,
    /// The newest last; it may hold some that are gone.
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
        for (address, ttl) in addresses.iter().take(ADDRESSES) {
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
        let (address, uid) = (answer.address, answer.uid);
        let list = self.by_process.entry(process).or_default();
        let is_same = |known: &Answer| {
            known.address == address
                && known.uid == uid
                && known.network_namespace == answer.network_namespace
                && Rc::ptr_eq(&known.domain, &answer.domain)
        };
        if let Some(known) = list.iter().position(is_same).and_then(|at| list.remove(at)) {
            answer.first = known.first;
            list.push_back(answer);
        } else {
            if list.len() >= most
                && let Some(oldest) = list.pop_front()
            {
                self.forgotten_early += u64::from(oldest.is_fresh(answer.last));
                forget(&oldest, &mut self.by_address, &mut self.shares);
            }
            if !self.shares.take(uid) {
                self.forgotten_early += 1;
                return;
            }
            self.by_address.entry(address).or_default().answers += 1;
            self.by_process.entry(process).or_default().push_back(answer);
        }
        if let Some(holders) = self.by_address.get_mut(&address) {
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
            for answer in self.by_process.get(&process).into_iter().flatten() {
                let counts = answer.address == address
                    && uid.is_none_or(|uid| uid == answer.uid)
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

    /// The processes of a user that heard of this address last, the newest first; some may be gone.
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
        self.by_process.values().map(VecDeque::len).sum()
    }

    /// Forgets what those received that are gone.
    pub(super) fn sweep(&mut self, is_there: impl Fn(&ProcessKey) -> bool) {
        let Self { by_process, by_address, shares, .. } = self;
        by_process.retain(|process, list| {
            let stays = is_there(process) && !list.is_empty();
            if !stays {
                list.iter().for_each(|answer| forget(answer, by_address, shares));
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
        if self.recent.iter().filter(|(user, _)| *user == uid).count() >= HOLDERS
            && let Some(oldest) = self.recent.iter().position(|(user, _)| *user == uid)
        {
            self.recent.remove(oldest);
        }
        self.recent.reserve_exact(1);
        self.recent.push((uid, process));
    }
}

fn forget(answer: &Answer, by_address: &mut HashMap<IpAddr, Holders, RandomState>, shares: &mut Shares) {
    shares.give_back(answer.uid);
    if let Some(holders) = by_address.get_mut(&answer.address) {
        holders.answers -= 1;
        if holders.answers == 0 {
            by_address.remove(&answer.address);
        }
    }
}

fn shrink<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V, RandomState>) {
    map.shrink_to(map.len().saturating_mul(2));
}
