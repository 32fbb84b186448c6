//! Findings about several applications: what was learned, and what a package manager brought.

use std::collections::{BTreeMap, BTreeSet};

use portolan_core::{Evidence, FindingKind, Member, PackageManager, ProcessEvidence, Severity, UnixMillis};
use portolan_history::NewFinding;

/// What a package manager changes, or what talks for the first time after it, within so long of the last is of one run.
const RUN_PAUSE_MS: i64 = 10 * 60 * 1000;

/// Learning and package managers' runs.
#[derive(Debug, Default)]
pub(super) struct Groups {
    is_learning: bool,
    /// When the last run of each began, and when something was last seen of it.
    runs: BTreeMap<PackageManager, (UnixMillis, UnixMillis)>,
    /// Those of which something talked before it was known who made them.
    unnamed: BTreeSet<PackageManager>,
}

impl Groups {
    pub(super) fn learn(&mut self, is_learning: bool) {
        self.is_learning = is_learning;
    }

    pub(super) fn is_learning(&self) -> bool {
        self.is_learning
    }

    /// The next change by a package manager belongs to another finding.
    pub(super) fn end_runs(&mut self) {
        self.runs.clear();
        self.unnamed.clear();
    }

    pub(super) fn learned(member: Member, now: UnixMillis) -> NewFinding {
        of(FindingKind::Baseline, "baseline".to_owned(), [member].into(), now)
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
        self.unnamed.insert(manager);
        of(FindingKind::Upgraded, format!("{manager} {}", run.0.0), [member].into(), now)
    }

    /// Says who makes the run that a finding is of, the nearest first.
    pub(super) fn name(&mut self, manager: PackageManager, finding: &mut NewFinding, by: &[ProcessEvidence]) {
        if let Some((doer, parents)) = by.split_first() {
            (finding.evidence.process, finding.evidence.parents) = (Some(doer.clone()), parents.to_vec());
            self.unnamed.remove(&manager);
        }
    }

    /// The run that goes on, where all that is known of it was told without who makes it.
    pub(super) fn unnamed(&self, manager: PackageManager, now: UnixMillis) -> Option<NewFinding> {
        let (begun, last) = self.runs.get(&manager).filter(|_| self.unnamed.contains(&manager))?;
        let goes_on = now.0.abs_diff(last.0) <= RUN_PAUSE_MS.unsigned_abs();
        goes_on.then(|| of(FindingKind::Upgraded, format!("{manager} {}", begun.0), Vec::new(), now))
    }
}

fn of(kind: FindingKind, group: String, members: Vec<Member>, at: UnixMillis) -> NewFinding {
    let evidence = Evidence { members, ..Evidence::default() };
    let (severity, group) = (Severity::Quiet, Some(group));
    let (subject, user, detail) = (None, None, None);
    NewFinding { at, kind, severity, subject, user, group, detail, evidence }
}
