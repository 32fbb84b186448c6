//! What people decide, and what they bring along.

use portolan_bus::{Error, Finding};
use portolan_core::{ApplicationKey, ReviewState, Uid};
use portolan_history::{FindingRow, History, Imported, Ready, WriteError};

use super::worker::Worker;
use crate::{clock::Now, sentence};

impl Worker {
    pub(super) fn review(
        &mut self,
        by: Uid,
        application: &ApplicationKey,
        state: ReviewState,
    ) -> Result<Vec<Finding>, Error> {
        let Some(history) = &mut self.history else {
            return Err(Error::HistoryUnavailable("the history cannot be opened".to_owned()));
        };
        match history.review(application, state, by, Now::read().wall) {
            Ok(rows) => {
                let findings: Vec<Finding> = rows.into_iter().map(Finding::found).collect();
                for finding in &findings {
                    (self.tell)(finding.clone());
                }
                Ok(findings)
            }
            Err(error @ WriteError::NotFound { .. }) => Err(Error::NotFound(sentence::of(&error))),
            Err(error) => Err(Error::HistoryUnavailable(sentence::of(&error))),
        }
    }

    pub(super) fn import(&mut self, by: Uid, ready: &Ready) -> Result<Imported, Error> {
        self.write_backlog().map_err(Error::HistoryUnavailable)?;
        let Some(history) = &mut self.history else {
            return Err(Error::HistoryUnavailable("the history cannot be opened".to_owned()));
        };
        history
            .import(ready, by, Now::read().wall)
            .map_err(|error| Error::HistoryUnavailable(sentence::of(&error)))
    }

    /// Changes one finding and tells it; `none` is the sentence for a number that none has.
    pub(super) fn change(
        &mut self,
        change: impl FnOnce(&mut History) -> Result<Option<FindingRow>, WriteError>,
        none: impl FnOnce() -> String,
    ) -> Result<Finding, Error> {
        let Some(history) = &mut self.history else {
            return Err(Error::HistoryUnavailable("the history cannot be opened".to_owned()));
        };
        match change(history) {
            Ok(Some(row)) => {
                let finding = Finding::found(row);
                (self.tell)(finding.clone());
                Ok(finding)
            }
            Ok(None) => Err(Error::NotFound(none())),
            Err(error) => Err(Error::HistoryUnavailable(sentence::of(&error))),
        }
    }
}
