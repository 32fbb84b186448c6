use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use crate::tool;

/// What was run, and how it ended, up to the line that sums it up.
pub(super) struct Report {
    counts: Counts,
    failures: Vec<String>,
    started: Instant,
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

/// How a group of tests ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) counts: Counts,
    /// What was printed; shown when something failed.
    pub(super) output: String,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { counts: Counts::default(), failures: Vec::new(), started: Instant::now() }
    }

    /// Runs one check, which counts as one test; whether it passed.
    pub(super) fn check(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> bool {
        self.group(name, || {
            let counts = Counts { passed: 1, ..Counts::default() };
            work().map(|()| Outcome { counts, output: String::new() })
        })
    }

    /// Runs a group of tests that counts itself; an error counts as one failure. Whether nothing failed.
    pub(super) fn group(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<Outcome>) -> bool {
        let _ = write!(std::io::stdout(), "{name} … ");
        let _ = std::io::stdout().flush();
        let before = Instant::now();
        let outcome = work().unwrap_or_else(|error| Outcome {
            counts: Counts { failed: 1, ..Counts::default() },
            output: format!("{error:#}"),
        });
        tool::say(&format!("{} ({})", summary(outcome.counts), seconds(before.elapsed())));
        if outcome.counts.failed > 0 {
            self.failures.push(name.to_owned());
            tool::say(&indented(&outcome.output));
        }
        self.counts.add(outcome.counts);
        outcome.counts.failed == 0
    }

    /// Names something that cannot run on this machine.
    pub(super) fn skip(&mut self, name: &str, reason: &str) {
        tool::say(&format!("{name} … skipped: {reason}"));
        self.counts.skipped += 1;
    }

    /// Prints the sum; whether nothing failed.
    pub(super) fn end(self) -> bool {
        tool::say(&format!("\nIt took {}.", seconds(self.started.elapsed())));
        if !self.failures.is_empty() {
            tool::say(&format!("Failed: {}", self.failures.join("; ")));
        }
        let Counts { passed, failed, skipped } = self.counts;
        tool::say(&format!("{passed} passed, {failed} failed, {skipped} skipped"));
        failed == 0
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

fn summary(counts: Counts) -> String {
    match counts {
        Counts { passed: 0, failed: 0, skipped: 0 } => "empty".to_owned(),
        Counts { passed: 1, failed: 0, skipped: 0 } => "ok".to_owned(),
        Counts { passed: 0, failed: 1, skipped: 0 } => "FAILED".to_owned(),
        Counts { passed, failed: 0, skipped: 0 } => format!("{passed} ok"),
        Counts { passed, failed: 0, skipped } => format!("{passed} ok, {skipped} skipped"),
        Counts { passed, failed, .. } => format!("{passed} ok, {failed} FAILED"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
