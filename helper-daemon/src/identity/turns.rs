//! Whose file is read next, of those behind servers that may never answer.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::served::PATIENCE;

/// Children at a time. One that was given up counts until it is gone, with its server.
const CHILDREN: usize = 8;
/// Of these, for files that one user alone may read.
const OF_ONE_USER: usize = 3;
/// For all that is not one user's alone (NFS): together with one user they are all that there are.
const OF_NOBODY: usize = 5;
/// Files that may wait; more than a build on such a filesystem executes at once.
const WAITING: usize = 4_096;

/// Files that wait for a child, and how many children there are for whom.
#[derive(Debug)]
pub(super) struct Turns<T> {
    waiting: VecDeque<Waiting<T>>,
    running: HashMap<Option<u32>, usize>,
}

#[derive(Debug)]
struct Waiting<T> {
    user: Option<u32>,
    since: Instant,
    file: T,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: HashMap::new() }
    }
}

impl<T> Turns<T> {
    /// A file waits, which only this user may read.
    pub(super) fn wait(&mut self, user: Option<u32>, since: Instant, file: T) {
        self.waiting.push_back(Waiting { user, since, file });
    }

    /// Whose file gets a child now: the one that has waited longest, of those whose users have not as many as they may.
    pub(super) fn begin(&mut self) -> Option<(Option<u32>, T)> {
        if self.running.values().sum::<usize>() >= CHILDREN {
            return None;
        }
        let most = |user: Option<u32>| if user.is_some() { OF_ONE_USER } else { OF_NOBODY };
        let may =
            |one: &Waiting<T>| self.running.get(&one.user).is_none_or(|running| *running < most(one.user));
        let Waiting { user, file, .. } = self.waiting.remove(self.waiting.iter().position(may)?)?;
        *self.running.entry(user).or_default() += 1;
        Some((user, file))
    }

    /// A child for this user is gone.
    pub(super) fn end(&mut self, user: Option<u32>) {
        if let Some(running) = self.running.get_mut(&user) {
            *running -= 1;
        }
        self.running.retain(|_, running| *running > 0);
    }

    /// What has waited for too long; and where too many wait, the newest of who has most of them.
    pub(super) fn given_up(&mut self, now: Instant) -> Vec<T> {
        let mut given_up = Vec::new();
        while self.waiting.front().is_some_and(|first| first.since + PATIENCE <= now) {
            given_up.extend(self.waiting.pop_front().map(|one| one.file));
        }
        while self.waiting.len() > WAITING {
            let mut of = HashMap::<_, usize>::new();
            self.waiting.iter().for_each(|one| *of.entry(one.user).or_default() += 1);
            let most = of.into_iter().max_by_key(|(_, count)| *count).map(|(user, _)| user);
            let newest = self.waiting.iter().rposition(|one| Some(one.user) == most);
            given_up.extend(newest.and_then(|at| self.waiting.remove(at)).map(|one| one.file));
        }
        given_up
    }

    /// How long nothing is to be given up.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        self.waiting.front().map_or(PATIENCE, |first| (first.since + PATIENCE).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MALLORY: Option<u32> = Some(1000);
    const ALICE: Option<u32> = Some(1001);

    fn begun(turns: &mut Turns<usize>) -> Vec<(Option<u32>, usize)> {
        std::iter::from_fn(|| turns.begin()).collect()
    }

    #[test]
    fn one_user_keeps_nobody_else_from_being_read() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        (0..20).for_each(|file| turns.wait(MALLORY, now, file));
        turns.wait(ALICE, now, 20);
        (21..30).for_each(|file| turns.wait(None, now, file));
        let expected = [
            (MALLORY, 0),
            (MALLORY, 1),
            (MALLORY, 2),
            (ALICE, 20),
            (None, 21),
            (None, 22),
            (None, 23),
            (None, 24),
        ];
        assert_eq!(begun(&mut turns), expected);
        turns.end(MALLORY);
        turns.end(ALICE);
        assert_eq!(begun(&mut turns), [(MALLORY, 3), (None, 25)], "there are as many as there may be");
        turns.end(MALLORY);
        turns.wait(Some(7), now, 30);
        assert_eq!(begun(&mut turns), [(MALLORY, 4)]);
        turns.end(None);
        turns.end(None);
        assert_eq!(begun(&mut turns), [(None, 26), (None, 27)]);
        turns.end(None);
        turns.end(MALLORY);
        assert_eq!(begun(&mut turns), [(MALLORY, 5), (None, 28)]);
    }

    #[test]
    fn what_waits_too_long_is_given_up_and_of_too_many_what_is_one_user_s() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        turns.wait(ALICE, now, 0);
        assert_eq!((turns.patience(now), turns.given_up(now)), (PATIENCE, vec![]));
        (1..WAITING + 2).for_each(|file| turns.wait(MALLORY, now + PATIENCE, file));
        assert_eq!(turns.patience(now + PATIENCE), Duration::ZERO);
        assert_eq!(turns.given_up(now + PATIENCE), [0, WAITING + 1]);
        turns.wait(ALICE, now + PATIENCE, 0);
        assert_eq!(turns.given_up(now + PATIENCE), [WAITING]);
    }
}
