//! Findings about the daemon itself.

use portolan_core::{FindingKind, UnixMillis};
use portolan_history::NewFinding;

use super::Judge;

impl Judge {
    /// So many events of one kind (`what`, a noun in the plural) were lost since the last call.
    ///
    /// Told once until [`Judge::answered`]; how many there were in all is the status' business. 0 is nothing.
    pub fn lost_events(&mut self, delta: u64, what: &str, now: UnixMillis) -> Option<NewFinding> {
        if delta == 0 || !self.open.insert(FindingKind::LostEvents) {
            return None;
        }
        let detail = format!(
            "{delta} {what} were lost: some traffic may lack its owner. The status shows all losses by kind."
        );
        Some(NewFinding::about_the_daemon(FindingKind::LostEvents, now, detail))
    }

    /// What a daemon before this one counted lacks its owners; `detail` is the sentence. Told once until [`Judge::answered`].
    pub fn not_taken_over(&mut self, detail: &str, now: UnixMillis) -> Option<NewFinding> {
        self.open
            .insert(FindingKind::LostEvents)
            .then(|| NewFinding::about_the_daemon(FindingKind::LostEvents, now, detail.to_owned()))
    }

    /// The self-test failed; `detail` is its sentence. Told once until [`Judge::answered`].
    pub fn self_test_failed(&mut self, detail: &str, now: UnixMillis) -> Option<NewFinding> {
        self.open
            .insert(FindingKind::SelfTestFailed)
            .then(|| NewFinding::about_the_daemon(FindingKind::SelfTestFailed, now, detail.to_owned()))
    }

    /// What all owners add up to is not what was counted; `detail` is the sentence. Told once until [`Judge::answered`].
    pub fn unbalanced(&mut self, detail: &str, now: UnixMillis) -> Option<NewFinding> {
        self.open
            .insert(FindingKind::UnbalancedLedger)
            .then(|| NewFinding::about_the_daemon(FindingKind::UnbalancedLedger, now, detail.to_owned()))
    }

    /// A finding about the daemon is open in the history already: it is not told again before [`Judge::answered`].
    pub fn is_open(&mut self, kind: FindingKind) {
        self.open.insert(kind);
    }

    /// A finding that is about no single application was answered, or its cause is gone: the next one is told again.
    pub fn answered(&mut self, kind: FindingKind) {
        self.open.remove(&kind);
        match kind {
            FindingKind::Upgraded => self.groups.end_runs(),
            FindingKind::Unidentified => self.nameless.answered(),
            _ => {}
        }
    }
}
