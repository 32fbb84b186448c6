//! Findings about several applications: what was learned, and what a package manager brought.

use std::collections::BTreeMap;

use portolan_core::{Evidence, FindingKind, Member, PackageManager, Severity, UnixMillis};
use portolan_history::NewFinding;

/// What a package manager changes, or what talks for the first time after it, within so long of the last is of one run.
const RUN_PAUSE_MS: i64 = 10 * 60 * 1000;

/// Learning and package managers' runs.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Until when; `None` while nothing is learned.
    learning_until: Option<UnixMillis>,
    /// When the last run of each began, and when something was last seen of it.
    runs: BTreeMap<PackageManager, (UnixMillis, UnixMillis)>,
}

impl Groups {
    pub(super) fn learn(&mut self, until: Option<UnixMillis>) {
        self.learning_until = until;
    }

    pub(super) fn learning_until(&self) -> Option<UnixMillis> {
        self.learning_until
    }

    pub(super) fn is_learning(&self, now: UnixMillis) -> bool {
        self.learning_until.is_some_and(|until| now < until)
    }

    /// The next change by a package manager belongs to another finding.
    pub(super) fn end_runs(&mut self) {
        self.runs.clear();
    }

    pub(super) fn learned(member: Member, now: UnixMillis) -> NewFinding {
        of(FindingKind::Baseline, "baseline".to_owned(), member, now)
    }

    pub(super) fn upgraded(
        &mut self,
        manager: PackageManager,
        member: Member,
        now: UnixMillis,
    ) -> NewFinding {
        let run = self.runs.entry(manager).or_insert((now, now));
        // Also when the clock was set back: no run lasts for years.
        if now.0.abs_diff(run.1.0) > RUN_PAUSE_MS.unsigned_abs() {
            *run = (now, now);
        }
        run.1 = now;
        of(FindingKind::Upgraded, format!("{manager} {}", run.0.0), member, now)
    }
}

fn of(kind: FindingKind, group: String, member: Member, at: UnixMillis) -> NewFinding {
    let evidence = Evidence { members: vec![member], ..Evidence::default() };
    let (severity, group) = (Severity::Quiet, Some(group));
    let (subject, user, detail) = (None, None, None);
    NewFinding { at, kind, severity, subject, user, group, detail, evidence }
}
