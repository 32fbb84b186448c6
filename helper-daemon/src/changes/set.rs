use std::{
    collections::{BTreeSet, HashMap},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use portolan_core::{MonotonicNs, PackageManager, Pid, Untrusted};

use super::{
    Answer, Changer, Question, Verdict, Watch,
    look::{Look, Looked, Looker, Seen},
    watched::{Todo, WatchedFile},
    way::Root,
};
use crate::{clock::Now, monitor::WatchedFiles};

/// Files that are watched: of more, those that were executed last.
const FILES: usize = 16_384;
/// Files that were executed by one path, one after the other, and are known to be that one by now.
const NAMES: usize = 8;
/// Between two looks at everything, because events were lost.
const SWEEP_NS: u64 = 10_000_000_000;

/// What was not watched, or not at once, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that are watched.
    pub watched: u64,
    /// Files that are not: there were too many, or their filesystem does not tell of changes. What was gone before it could be
    /// watched is not among them.
    pub not_watched: u64,
    /// Changes that were looked at later than at once, because the same file had just been looked at.
    pub looked_at_later: u64,
    /// How often the kernel's queue was full, and everything had to be looked at.
    pub queue_overflows: u64,
}

/// A path; and the device and number of the file, unless it is what this machine has there.
type Place = (Untrusted, Option<((u32, u32), u64)>);

/// All files that are watched.
pub struct Changes<P> {
    looker: Looker,
    files: HashMap<u64, WatchedFile<P>>,
    known: HashMap<Place, u64>,
    places: HashMap<u64, Vec<Place>>,
    /// When each is to be looked at or asked about.
    due: BTreeSet<(MonotonicNs, u64)>,
    due_at: HashMap<u64, MonotonicNs>,
    made: u64,
    pub(super) room: usize,
    /// Files that made room for others and still have their marks.
    evicted: Vec<u64>,
    sweep_at: Option<MonotonicNs>,
    swept: MonotonicNs,
    /// Whether as many looks as may wait do: what is due is seen to when one has ended.
    is_full: bool,
    counts: Counts,
    verdicts: Vec<Verdict>,
}

impl<P: Changer> Changes<P> {
    /// Starts the threads that look. `wake` is called on them when [`Self::settle`] has something to do.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(wake: impl Fn() + Clone + Send + 'static) -> io::Result<Self> {
        Ok(Self {
            looker: Looker::start(wake)?,
            files: HashMap::new(),
            known: HashMap::new(),
            places: HashMap::new(),
            due: BTreeSet::new(),
            due_at: HashMap::new(),
            made: 0,
            room: FILES,
            evicted: Vec::new(),
            sweep_at: None,
            swept: MonotonicNs(0),
            is_full: false,
            counts: Counts::default(),
            verdicts: Vec::new(),
        })
    }

    /// Watches a file from now on. To be called when a program talks, each time its executable is another; what is watched already
    /// costs a look into a table.
    pub fn watch(&mut self, watch: Watch, now: Now) {
        // The next one there is another package's: told when that talks, too.
        if PackageManager::of_unpacked_script(&watch.path).is_some() {
            return;
        }
        let on_machine = (watch.path.clone(), None);
        let somewhere = watch.executed.map(|(file, _)| (watch.path.clone(), Some((file.device, file.inode))));
        let place = somewhere.unwrap_or(on_machine);
        if let Some(number) = self.known.get(&place) {
            if let Some(file) = self.files.get_mut(number) {
                file.used = now.monotonic;
                watch.executed.into_iter().for_each(|(_, pid)| file.seen_by(pid));
            }
            return;
        }
        let is_served = watch.executed.is_some_and(|(file, _)| file.is_served);
        if is_served {
            self.counts.not_watched += 1;
            return;
        }
        if self.files.len() >= self.room {
            self.make_room();
        }
        self.made += 1;
        let number = self.made;
        self.known.insert(place.clone(), number);
        self.places.insert(number, vec![place]);
        self.files.insert(number, WatchedFile::new(watch, number, now.monotonic));
        self.plan(number);
    }

    /// Forgets one: what is gone, otherwise what was executed the longest ago.
    fn make_room(&mut self) {
        let least =
            self.files.iter().min_by_key(|(number, file)| (!file.is_told_gone(), file.used, **number));
        let Some((number, is_gone)) = least.map(|(number, file)| (*number, file.is_told_gone())) else {
            return;
        };
        self.counts.not_watched += u64::from(!is_gone);
        self.evicted.push(number);
        self.forget(number);
    }

    /// Takes in what was done to files. `who` knows a process by its id, also one that has just ended: events of processes are to be
    /// taken in before.
    pub fn take(&mut self, watched: &mut WatchedFiles, mut who: impl FnMut(Pid) -> Option<P>, now: Now) {
        let taken = watched.take(now);
        self.counts.queue_overflows = watched.overflows();
        for event in taken.events {
            let Some(file) = self.files.get_mut(&event.number) else { continue };
            let is_late = file.event(&event, event.pid.and_then(&mut who));
            self.counts.looked_at_later += u64::from(is_late);
            self.plan(event.number);
        }
        if !taken.mounted.is_empty() {
            self.look_below(&taken.mounted, now.monotonic);
        }
        if taken.look_at_all {
            self.sweep_at = Some(now.monotonic.max(MonotonicNs(self.swept.0.saturating_add(SWEEP_NS))));
        }
    }

    /// Does what is to be done by now, and says what has been found out. `ask` has the package databases asked, which
    /// answer later; `false`: too many questions wait.
    pub fn settle(
        &mut self,
        watched: &mut WatchedFiles,
        mut ask: impl FnMut(Question) -> bool,
        now: Now,
    ) -> Vec<Verdict> {
        self.evicted.drain(..).for_each(|number| watched.forget(number));
        for looked in self.looker.take() {
            self.looked(looked, watched, now);
        }
        if self.sweep_at.is_some_and(|at| at <= now.monotonic) {
            (self.sweep_at, self.swept) = (None, now.monotonic);
            self.look_at_all(now.monotonic);
        }
        self.is_full = false;
        let mut is_refused = false;
        while let Some((at, number)) = self.due.first().copied()
            && at <= now.monotonic
            && !self.is_full
        {
            match self.files.get_mut(&number).and_then(|file| file.todo(now.monotonic)) {
                Some(Todo::Look(look)) => self.look(look, now.monotonic),
                Some(Todo::Ask(question)) => {
                    is_refused = is_refused || !ask(question);
                    if is_refused && let Some(file) = self.files.get_mut(&number) {
                        file.was_not_asked(now.monotonic);
                    }
                }
                Some(Todo::Answered(answer)) => self.answered(answer, now),
                Some(Todo::Forget) => {
                    watched.forget(number);
                    self.forget(number);
                }
                None => {}
            }
            self.plan(number);
        }
        std::mem::take(&mut self.verdicts)
    }

    /// Takes in what the package databases say. What follows comes with the next [`Self::settle`].
    pub fn answered(&mut self, answer: Answer, now: Now) {
        let number = answer.number;
        let verdict = self.files.get_mut(&number).and_then(|file| file.answered(answer, now));
        self.verdicts.extend(verdict);
        self.plan(number);
    }

    /// How long nothing is to be done by itself; `None` for as long as nothing comes.
    #[must_use]
    pub fn until_due(&self, now: MonotonicNs) -> Option<u64> {
        let due = self.due.first().filter(|_| !self.is_full);
        let next = due.map(|(at, _)| *at).into_iter().chain(self.sweep_at).min()?;
        Some(next.0.saturating_sub(now.0))
    }

    /// What was watched and what not.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { watched: u64::try_from(self.files.len()).unwrap_or(u64::MAX), ..self.counts }
    }

    fn look(&mut self, look: Look, now: MonotonicNs) {
        let number = look.number;
        if !self.looker.look(look) {
            self.is_full = true;
            self.files.get_mut(&number).into_iter().for_each(|file| file.put_back(now));
        }
    }

    /// Whether all that came has been seen to.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let is_looking = self.files.values().any(WatchedFile::is_looking);
        let is_gone = |number| self.files.get(number).is_some_and(WatchedFile::is_only_to_be_forgotten);
        let is_nothing_due = self.due.iter().all(|(_, number)| is_gone(number));
        is_nothing_due && self.verdicts.is_empty() && !is_looking && self.sweep_at.is_none()
    }

    #[cfg(test)]
    pub(super) fn is_any_to_be_walked(&self) -> bool {
        self.files.values().any(WatchedFile::is_to_be_walked)
    }

    #[cfg(test)]
    pub(super) fn is_any_gone(&self) -> bool {
        self.files.values().any(WatchedFile::is_gone)
    }

    fn looked(&mut self, looked: Looked, watched: &mut WatchedFiles, now: Now) {
        let number = looked.number;
        let Some(file) = self.files.get_mut(&number) else { return };
        let is_first = !file.look.is_found;
        let mut root = None;
        if let Seen::Way { places, root: found, .. } = &looked.seen {
            root = is_first.then_some(*found);
            if let Err(error) = watched.hold(number, places) {
                self.counts.not_watched += 1;
                return self.give_up(number, &error.to_string(), watched);
            }
        }
        match file.looked(looked.seen, looked.took_ns, now) {
            Ok(verdict) => self.verdicts.extend(verdict),
            Err(why) => return self.give_up(number, &why, watched),
        }
        if root == Some(Root::Machine) {
            self.on_machine(number, watched);
        }
        self.plan(number);
    }

    /// It has turned out to be what this machine has in that place, which may be watched already under another number.
    fn on_machine(&mut self, number: u64, watched: &mut WatchedFiles) {
        let Some(place) = self.places.get(&number).and_then(|places| places.first()).cloned() else { return };
        let other = *self.known.entry((place.0.clone(), None)).or_insert(number);
        if other != number {
            watched.forget(number);
            self.forget(number);
            self.known.insert(place.clone(), other);
        }
        let places = self.places.entry(other).or_default();
        places.push(if other == number { (place.0, None) } else { place });
        // The second one is what this machine has there, and stays.
        if places.len() > NAMES {
            self.known.remove(&places.remove(2));
        }
    }

    fn give_up(&mut self, number: u64, why: &str, watched: &mut WatchedFiles) {
        if let Some(file) = self.files.get(&number) {
            let path = Untrusted::from_bytes(&file.look.path).for_terminal();
            tracing::info!("{path} is not watched for changes: {why}");
        }
        watched.forget(number);
        self.forget(number);
    }

    fn forget(&mut self, number: u64) {
        self.files.remove(&number);
        for place in self.places.remove(&number).unwrap_or_default() {
            self.known.remove(&place);
        }
        self.plan(number);
    }

    fn look_at_all(&mut self, now: MonotonicNs) {
        let numbers: Vec<u64> = self.files.keys().copied().collect();
        for number in numbers {
            if let Some(file) = self.files.get_mut(&number) {
                file.forget_way(now);
            }
            self.plan(number);
        }
    }

    fn look_below(&mut self, mounted: &[impl AsRef<Path>], now: MonotonicNs) {
        let is_below = |path: &[u8]| {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            mounted.iter().any(|point| path.starts_with(point))
        };
        let numbers: Vec<u64> = self
            .files
            .values()
            .filter(|file| file.look.root == Root::Machine && is_below(&file.look.path))
            .map(|file| file.look.number)
            .collect();
        for number in numbers {
            self.files.get_mut(&number).into_iter().for_each(|file| file.look_again(now));
            self.plan(number);
        }
    }

    fn plan(&mut self, number: u64) {
        if let Some(at) = self.due_at.remove(&number) {
            self.due.remove(&(at, number));
        }
        if let Some(at) = self.files.get(&number).and_then(WatchedFile::next) {
            self.due.insert((at, number));
            self.due_at.insert(number, at);
        }
    }
}
