//! One file that is watched: what is known of it, and what is to be done next. Pure; time is an argument.

use portolan_core::{
    ApplicationKey, ChangeEvidence, ChangeKind, MonotonicNs, PackageManager, Pid, Provenance, Sha256Digest,
    Untrusted,
};

use super::{
    Answer, Changed, Changer, Question, Verdict, Watch,
    by::By,
    decision::{Decision, decide, is_by_manager},
    found::Found,
    look::{Attributes, Look, Seen},
    way::Root,
};
use crate::{
    clock::Now,
    identity::FileKey,
    monitor::{FileEvent, FileEventKind, FileHandle, PlaceKind},
};

#[cfg(test)]
mod seen;

/// Who writes to a file for longer is not waited for.
const WRITING_NS: u64 = 5_000_000_000;
/// What is gone may come back within this time: then it was replaced.
const ABSENCE_NS: u64 = 2_000_000_000;
/// What is gone for longer is not watched any more.
const GONE_NS: u64 = 600_000_000_000;
/// Between two looks at one file: at least so long, twice as long each time until it has been left alone for a while, and as many
/// times as long as the last look took.
const PAUSE_NS: u64 = 200_000_000;
const PAUSE_MAX_NS: u64 = 5_000_000_000;
const LEFT_ALONE_NS: u64 = 30_000_000_000;
const PAUSE_TIMES: u64 = 20;
/// Between two questions about one file.
const ASK_AGAIN_NS: u64 = 1_000_000_000;
/// How often a way may be another one than a moment ago, before what is there is judged all the same.
const NEW_WAYS: u32 = 8;

pub(super) struct WatchedFile<P> {
    pub(super) application: ApplicationKey,
    pub(super) look: Look,
    path: Untrusted,
    before: Sha256Digest,
    attributes: Option<Attributes>,
    /// Which file had it: a number of an inode is used again.
    file: Option<FileHandle>,
    /// What was told last, when that was no content.
    told: Option<ChangeKind>,
    /// Since when it is told that nothing is there.
    gone_since: Option<MonotonicNs>,
    /// When it was executed last.
    pub(super) used: MonotonicNs,
    due: Option<MonotonicNs>,
    not_before: MonotonicNs,
    looked_at: MonotonicNs,
    pause_ns: u64,
    /// When to walk the way, at the latest: something may have another name since.
    walk: Option<MonotonicNs>,
    walked_at: MonotonicNs,
    writing_since: Option<MonotonicNs>,
    /// Since when it has held what somebody has not finished writing.
    unfinished_since: Option<MonotonicNs>,
    is_looking: bool,
    /// Whether something came since it is being looked at.
    is_dirty: bool,
    new_ways: u32,
    by: By<P>,
    found: Option<Found<P>>,
}

/// What is to be done.
pub(super) enum Todo {
    Look(Look),
    Ask(Question),
    /// To be taken in: nobody answers.
    Answered(Answer),
    Forget,
}

impl<P: Changer> WatchedFile<P> {
    pub(super) fn new(watch: Watch, number: u64, now: MonotonicNs) -> Self {
        let path = watch.path.to_bytes();
        let executed = watch.executed;
        let look = Look {
            number,
            root: Root::Machine,
            path,
            held: Vec::new(),
            known: None,
            executed,
            is_found: executed.is_none(),
            is_restless: false,
            is_walk: false,
        };
        Self {
            application: watch.application,
            look,
            path: watch.path,
            before: watch.sha256,
            attributes: None,
            file: None,
            told: None,
            gone_since: None,
            used: now,
            due: Some(now),
            not_before: now,
            looked_at: MonotonicNs(0),
            pause_ns: PAUSE_NS,
            walk: None,
            walked_at: MonotonicNs(0),
            writing_since: None,
            unfinished_since: None,
            is_looking: false,
            is_dirty: false,
            new_ways: 0,
            by: By::nobody(),
            found: None,
        }
    }

    /// When something is to be done; `None` when not before something comes.
    pub(super) fn next(&self) -> Option<MonotonicNs> {
        let look = self.due.filter(|_| !self.is_looking).map(|due| due.max(self.not_before));
        let ask = self.found.as_ref().map(|found| found.ask_at);
        let forget = self.gone_since.map(|since| later(since, GONE_NS));
        let walk = self.walk.filter(|_| !self.is_looking);
        look.into_iter().chain(walk).chain(ask).chain(forget).min()
    }

    /// What is to be done by now.
    pub(super) fn todo(&mut self, now: MonotonicNs) -> Option<Todo> {
        if let Some(found) = &mut self.found
            && found.ask_at <= now
        {
            return Some(found.ask(self.look.number, &self.path, now));
        }
        if self.gone_since.is_some_and(|since| later(since, GONE_NS) <= now) {
            return Some(Todo::Forget);
        }
        if self.is_looking {
            return None;
        }
        let is_due = self.due.is_some_and(|due| due.max(self.not_before) <= now);
        if !is_due && self.walk.is_none_or(|walk| walk > now) {
            return None;
        }
        (self.is_looking, self.walk, self.walked_at) = (true, None, now);
        if is_due {
            (self.is_dirty, self.due, self.writing_since) = (false, None, None);
        }
        Some(Todo::Look(Look { is_walk: !is_due, ..self.look.clone() }))
    }

    /// There was no room for the question.
    pub(super) fn was_not_asked(&mut self, now: MonotonicNs) {
        self.found.iter_mut().for_each(|found| found.ask_at = later(now, PAUSE_NS));
    }

    /// It has to be looked at, and nobody knows who did what.
    pub(super) fn look_again(&mut self, at: MonotonicNs) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Its marks may have been lost: it is looked at as if they were.
    pub(super) fn forget_way(&mut self, at: MonotonicNs) {
        self.look.held.clear();
        self.look_again(at);
    }

    /// Another process that sees it in the same place has executed it.
    pub(super) fn seen_by(&mut self, pid: Pid) {
        if let Root::Process(before) = &mut self.look.root {
            *before = pid;
        }
    }

    /// Whether it is told that nothing is there.
    pub(super) fn is_told_gone(&self) -> bool {
        self.gone_since.is_some()
    }

    /// A look could not be begun.
    pub(super) fn put_back(&mut self, now: MonotonicNs) {
        self.is_looking = false;
        self.look_again(now);
    }

    /// `true` when it is looked at later than at once, because it was looked at a moment ago.
    pub(super) fn event(&mut self, event: &FileEvent, who: Option<P>) -> bool {
        let now = event.at.monotonic;
        self.is_dirty |= self.is_looking;
        self.by.event(event, who);
        if event.kind == FileEventKind::Writing {
            let since = *self.writing_since.get_or_insert(now);
            self.look_again(later(since, WRITING_NS));
            return false;
        }
        self.look_again(now);
        // What has its name now is to be marked before it is looked at, or what is done to that would be by nobody.
        self.walk.get_or_insert(later(self.walked_at, PAUSE_NS).max(now));
        self.not_before > now
    }

    /// Takes in a look. `Err` with the reason when it cannot be watched any more.
    pub(super) fn looked(&mut self, seen: Seen, took_ns: u64, now: Now) -> Result<Option<Verdict>, String> {
        self.is_looking = false;
        if !matches!(seen, Seen::SameWay | Seen::Way { .. }) {
            self.looked_to_the_end(took_ns, now.monotonic);
        }
        if matches!(seen, Seen::Gone | Seen::Unreadable(_)) {
            self.unfinished_since = None;
        }
        let verdict = match seen {
            Seen::SameWay => return Ok(None),
            Seen::Way { root, key, .. } => {
                (self.look.root, self.look.held) = (root, key);
                self.look.is_found = true;
                self.new_ways += 1;
                self.look.is_restless = self.new_ways >= NEW_WAYS;
                // What happened before it was marked is seen now.
                self.look_again(now.monotonic);
                return Ok(None);
            }
            Seen::Lost(why) => return Err(why),
            Seen::Busy => {
                self.look_again(self.not_before);
                return Ok(None);
            }
            Seen::File { sha256, is_being_written: true, .. }
                if self.waits_for_writer(sha256, now.monotonic) =>
            {
                self.look_again(self.not_before);
                return Ok(None);
            }
            Seen::File { key, attributes, sha256, .. } => {
                (self.gone_since, self.unfinished_since) = (None, None);
                self.is_there(key, attributes, sha256, now)
            }
            Seen::Gone if self.was_gone_before() => {
                self.told = Some(ChangeKind::Removed);
                self.gone_since.get_or_insert(now.monotonic);
                None
            }
            Seen::Gone => {
                self.found(ChangeKind::Removed, None, None, now);
                None
            }
            Seen::Unreadable(why) => {
                self.gone_since = None;
                self.found(ChangeKind::Replaced, None, Some(why), now);
                None
            }
        };
        if !self.is_dirty {
            self.by = By::nobody();
        }
        Ok(verdict)
    }

    /// Whether what is there is half of something that somebody still writes, who is waited for.
    fn waits_for_writer(&mut self, sha256: Option<Sha256Digest>, now: MonotonicNs) -> bool {
        let is_other = sha256.is_some_and(|sha256| sha256 != self.before);
        is_other && now < later(*self.unfinished_since.get_or_insert(now), WRITING_NS)
    }

    /// When to look again, at the earliest.
    fn looked_to_the_end(&mut self, took_ns: u64, now: MonotonicNs) {
        self.new_ways = 0;
        if std::mem::take(&mut self.look.is_restless) {
            self.look_again(now);
        }
        let was_left_alone = now > later(self.looked_at, LEFT_ALONE_NS);
        self.pause_ns = if was_left_alone { PAUSE_NS } else { PAUSE_MAX_NS.min(self.pause_ns * 2) };
        self.looked_at = now;
        self.not_before = later(now, took_ns.saturating_mul(PAUSE_TIMES).max(self.pause_ns));
    }

    fn is_there(
        &mut self,
        key: Option<FileKey>,
        attributes: Attributes,
        sha256: Option<Sha256Digest>,
        now: Now,
    ) -> Option<Verdict> {
        let file = self.look.held.last().filter(|(_, kind)| *kind == PlaceKind::File).map(|(file, _)| file);
        let is_same_file = self.file.is_none() || self.file.as_ref() == file;
        self.file = file.cloned();
        (self.look.known, self.look.executed) = (key, None);
        let before = self.attributes.replace(attributes.clone());
        match sha256.or_else(|| self.found.as_ref().and_then(|found| found.sha256)) {
            Some(sha256) if sha256 != self.before => {
                let was_there = self.told.is_none() && self.found.as_ref().is_none_or(Found::is_content);
                let kind = if is_same_file && was_there { ChangeKind::Written } else { ChangeKind::Replaced };
                self.found(kind, Some(sha256), None, now);
                return None;
            }
            _ => (self.found, self.told) = (None, None),
        }
        let before = before.filter(|before| *before != attributes)?;
        let by = self.by.who(ChangeKind::Attributes).map(Changer::chain).unwrap_or_default();
        let is_harmless = !attributes.give_more_than(&before) || is_by_manager(&by, &[]);
        let at = self.by.at().unwrap_or(now).wall;
        let change = ChangeEvidence {
            kind: ChangeKind::Attributes,
            at,
            by,
            provenance: None,
            sha256: Some(self.before),
        };
        let changed = self.changed(change);
        Some(if is_harmless { Verdict::Harmless(changed) } else { Verdict::Unexplained(changed) })
    }

    /// Whether it was never there since it is watched: who removed it did so before this daemon, and may have been an upgrade. Who
    /// puts something else into the last folder that is there, did not.
    fn was_gone_before(&self) -> bool {
        self.attributes.is_none()
            && self.found.is_none()
            && self.told.is_none_or(|told| told == ChangeKind::Removed)
            && self.look.executed.is_none()
    }

    /// Something else than what is known is there.
    fn found(
        &mut self,
        kind: ChangeKind,
        sha256: Option<Sha256Digest>,
        why_unread: Option<String>,
        now: Now,
    ) {
        if sha256.is_none() {
            self.look.known = None;
        }
        let is_told = sha256.is_none() && self.told == Some(kind);
        match &mut self.found {
            _ if is_told => self.found = None,
            Some(found) if found.sha256 == sha256 && found.is_content() == (kind != ChangeKind::Removed) => {}
            before => {
                // Before it is told, what replaces what was removed a moment ago is one change with that.
                let seen = self.by.who(kind).cloned().map(|who| (self.by.at(), Some(who), false));
                let known = before.take().map(|before| (before.at, before.who, before.by_manager));
                let (at, who, by_manager) = seen.or(known).unwrap_or((self.by.at(), None, false));
                let (since, ask_at, asked) = (now.monotonic, now.monotonic, None);
                *before = Some(Found { kind, sha256, why_unread, at, who, since, ask_at, asked, by_manager });
            }
        }
    }

    /// Takes in what the package databases say.
    pub(super) fn answered(&mut self, mut answer: Answer, now: Now) -> Option<Verdict> {
        let found = self.found.as_mut().filter(|found| found.sha256 == answer.sha256)?;
        found.asked = None;
        // Something was done since: it may not be what is there any more, and the databases may say so already.
        answer.is_being_changed |= self.is_looking || self.due.is_some();
        let by = found.who.as_ref().map(Changer::chain).unwrap_or_default();
        found.by_manager |= is_by_manager(&by, &answer.holders);
        let waited_ns = now.monotonic.0.saturating_sub(found.since.0);
        if let Some(why) = found.why_unread.take() {
            answer.provenance = Provenance::Unknown(why);
        }
        let is_managers_script =
            self.look.root == Root::Machine && PackageManager::of_script(&self.path).is_some();
        let decision = decide(is_managers_script, &answer, found.by_manager, waited_ns);
        let may_come_back = found.kind == ChangeKind::Removed && waited_ns < ABSENCE_NS;
        // Something is there, which is not finished.
        let is_back = found.kind == ChangeKind::Removed && self.unfinished_since.is_some();
        if decision == Decision::Wait || may_come_back || is_back {
            let pause = if may_come_back { ABSENCE_NS - waited_ns } else { ASK_AGAIN_NS };
            found.ask_at = later(now.monotonic, pause);
            return None;
        }
        let found = self.found.take()?;
        let provenance = found.is_content().then_some(answer.provenance);
        let at = found.at.unwrap_or(now).wall;
        let change = ChangeEvidence { kind: found.kind, at, by, provenance, sha256: found.sha256 };
        let changed = self.changed(change);
        match found.sha256 {
            Some(sha256) => (self.before, self.told) = (sha256, None),
            None => self.told = Some(found.kind),
        }
        self.gone_since = (found.kind == ChangeKind::Removed).then_some(now.monotonic);
        Some(match decision {
            Decision::Explained => Verdict::Explained(changed),
            _ => Verdict::Unexplained(changed),
        })
    }

    fn changed(&self, change: ChangeEvidence) -> Changed {
        let (application, path) = (self.application.clone(), self.path.clone());
        let is_on_machine = self.look.root == Root::Machine;
        Changed { application, path, is_on_machine, before: self.before, change }
    }
}

pub(super) fn later(at: MonotonicNs, by_ns: u64) -> MonotonicNs {
    MonotonicNs(at.0.saturating_add(by_ns))
}
