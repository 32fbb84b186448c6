//! What happens to a history that is damaged, or not there for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
    time::{Duration, Instant},
};

use portolan_core::{FindingKind, UnixMillis};
use portolan_history::{NewFinding, Salvage, SalvageError, Saved, WriteError};

use super::worker::{RETRY, Worker};
use crate::{clock::Now, sentence};

/// Pages of a damaged file that are read before the next job is looked at: a few milliseconds.
const PAGES: u32 = 256;
/// A disk that comes and goes is told about once in this time.
const QUIET_MS: i64 = 3_600_000;

/// How long a file that was read page by page, because a question found it damaged, is not so again.
const SAVED_LATELY: Duration = Duration::from_secs(86_400);
/// So much damage is told; by then it is clear what the disk is like.
const TOLD_MAX: usize = 1000;

/// What questions found damaged.
#[derive(Default)]
pub(super) struct Damage {
    told: BTreeSet<String>,
    /// When the whole file was set aside for it.
    saved: Option<Instant>,
}

impl Worker {
    /// Tells what questions found damaged, each once; whether the file is to be set aside. What cannot be read after that is not to
    /// be saved again and again.
    pub(super) fn judge_damage(&mut self, found: BTreeMap<String, bool>) -> bool {
        let is_lately = self.damage.saved.is_some_and(|saved| saved.elapsed() < SAVED_LATELY);
        if !is_lately && found.values().any(|is_file| *is_file) {
            self.damage = Damage { told: BTreeSet::new(), saved: Some(Instant::now()) };
            return true;
        }
        for sentence in found.into_keys() {
            if self.damage.told.len() < TOLD_MAX && self.damage.told.insert(sentence.clone()) {
                tracing::error!("{sentence}");
                self.backlog.add_finding(about(FindingKind::HistoryDamaged, sentence));
            }
        }
        false
    }

    /// Sets a damaged history aside and begins another with what can be read of it; its traffic comes later, in small steps.
    pub(super) fn begin_anew(
        &mut self,
        problem: &(dyn std::error::Error + 'static),
    ) -> Result<(), SalvageError> {
        self.close();
        // Where it was begun already, it is gone on with.
        let salvage = match Salvage::resume(&self.path)? {
            Some(salvage) => salvage,
            None => Salvage::begin(&self.path, Now::read().wall)?,
        };
        let aside = salvage.saved().aside.display();
        self.note_replaced(format!(
            "{}. It was put aside as {aside}, and what can be read of it is being saved",
            sentence::of(problem)
        ));
        self.salvage = Some(salvage);
        Ok(())
    }

    /// Reads on in a damaged history, where there is one; whether there is more that can be read now.
    pub(super) fn save_on(&mut self) -> bool {
        let (Some(history), true) = (&mut self.history, self.salvage.is_some()) else { return false };
        match history.save(&mut self.salvage, PAGES) {
            Ok(None) => return true,
            Ok(Some(saved)) => {
                self.oblivion.resume(history);
                let sentence = told(&saved);
                // That it could not be written meanwhile is no news.
                self.failing = None;
                self.note_replaced(sentence.clone());
                self.backlog.add_finding(about(FindingKind::HistoryDamaged, sentence));
                self.write_backlog().unwrap_or_default();
            }
            Err(error) => self.could_not_get_ready(&error),
        }
        false
    }

    /// It is tried again in a while.
    pub(super) fn could_not_get_ready(&mut self, error: &WriteError) {
        if matches!(error, WriteError::Failed(_)) {
            self.close();
        }
        self.ready_at = Instant::now() + RETRY;
        self.note_health(&Err(sentence::of(error)));
    }

    /// Keeps a sentence for the status, once however often it happens.
    pub(super) fn note_replaced(&self, sentence: String) {
        tracing::error!("{sentence}");
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if !health.replaced.contains(&sentence) {
            health.replaced.push(sentence);
        }
    }

    pub(super) fn note_health(&mut self, result: &Result<(), String>) {
        match (result, self.failing.take()) {
            (Err(problem), None) => {
                tracing::error!("{problem}; recording goes on in memory and is written as soon as it can be");
                self.failing = Some((Now::read().wall, problem.clone()));
            }
            (Err(_), failing) => self.failing = failing,
            (Ok(()), Some((since, problem))) => {
                tracing::info!("the history can be written again; nothing was lost");
                self.note_written_again(since, &problem);
            }
            (Ok(()), None) => {}
        }
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.merged_rows = self.backlog.merged_rows();
        health.written = self.written;
        health.findings_refused = self.backlog.findings_refused();
        health.problem = result.clone().err();
    }

    /// What there is to tell when the history can be written again.
    pub(super) fn note_written_again(&mut self, since: UnixMillis, problem: &str) {
        if self.told.is_some_and(|told| since.0.saturating_sub(told.0) < QUIET_MS) {
            return;
        }
        self.told = Some(since);
        let seconds = Now::read().wall.0.saturating_sub(since.0) / 1000;
        let merged = self.backlog.merged_rows().saturating_sub(self.merged_before);
        self.merged_before = self.backlog.merged_rows();
        let how = match merged {
            0 => "nothing was lost".to_owned(),
            rows => format!(
                "no byte was lost, but {rows} rows of what moved meanwhile had to be added to others and lack their remote side"
            ),
        };
        self.backlog.add_finding(NewFinding::about_the_daemon(
            FindingKind::HistoryNotWritten,
            since,
            format!("The history could not be written for {seconds} s: {problem}. What moved was kept in memory, and is written now: {how}."),
        ));
    }
}

fn about(kind: FindingKind, detail: String) -> NewFinding {
    NewFinding::about_the_daemon(kind, Now::read().wall, detail)
}

/// What was kept and what was lost.
fn told(saved: &Saved) -> String {
    let kept = |table: &str| saved.kept.get(table).copied().unwrap_or_default();
    let list = |rows: &BTreeMap<String, u64>| {
        rows.iter().map(|(table, count)| format!("{count} of “{table}”")).collect::<Vec<_>>().join(", ")
    };
    let mut sentence = format!(
        "The history was damaged. The damaged file is {}; what could be read of it is in the history again: {} applications with \
         their reviews, {} findings, {} intervals of traffic.",
        saved.aside.display(),
        kept("application"),
        kept("finding"),
        kept("block")
    );
    match (saved.lost.is_empty(), saved.lost_pages.is_empty()) {
        (true, true) => sentence.push_str(" Nothing that the file says to hold was lost."),
        (is_no_row, is_no_page) => {
            sentence.push_str(" Lost are");
            if !is_no_row {
                sentence.push_str(&format!(" rows: {}", list(&saved.lost)));
            }
            if !is_no_page {
                let also = if is_no_row { "" } else { ";" };
                sentence.push_str(&format!(
                    "{also} whole pages, with up to some hundred rows each: {}",
                    list(&saved.lost_pages)
                ));
            }
            sentence.push_str(&format!(
                ". For {} that others name there are stand-ins (“lost …”).",
                saved.stand_ins
            ));
        }
    }
    if saved.restored > 0 {
        sentence.push_str(&format!(
            " {} sums of a minute, an hour or a day were lost, too, and are made again of what is finer.",
            saved.restored
        ));
    }
    if saved.restored_in_part > 0 {
        sentence.push_str(&format!(
            " {} more are made of what is left of the finer ones, of which a part had been deleted as old: they are too small.",
            saved.restored_in_part
        ));
    }
    sentence
}
