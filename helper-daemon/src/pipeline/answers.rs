//! Sums, series and values from the history.

use std::sync::{Arc, atomic::AtomicBool};

use portolan_bus::{Error, PlaceData, QueryResult, SeriesResult};
use portolan_core::Dimension;
use portolan_history::{Question, Reader, Step, language::Field};

use super::{archive::Archive, atlas::Atlas};
use crate::dbus::Viewer;

impl Archive {
    /// Sums by group.
    ///
    /// # Errors
    /// The history cannot be read, or gives no answer.
    pub async fn query(
        &self,
        viewer: Viewer,
        question: Question,
        atlas: &Atlas,
        cancelled: Arc<AtomicBool>,
    ) -> Result<QueryResult, Error> {
        let atlas = atlas.clone();
        let ask = move |reader: &Reader, limits: &_| {
            let answer = reader.answer(&question, limits)?;
            Ok(QueryResult::found(answer, places(&question.by, &atlas), viewer.access))
        };
        self.ask(viewer.uid, cancelled, ask).await
    }

    /// What moved in each step of time.
    ///
    /// # Errors
    /// The history cannot be read, or gives no answer.
    pub async fn series(
        &self,
        viewer: Viewer,
        question: Question,
        step: Step,
        atlas: &Atlas,
        cancelled: Arc<AtomicBool>,
    ) -> Result<SeriesResult, Error> {
        let atlas = atlas.clone();
        let ask = move |reader: &Reader, limits: &_| {
            let series = reader.series(&question, step, limits)?;
            Ok(SeriesResult::found(series, places(&question.by, &atlas), viewer.access))
        };
        self.ask(viewer.uid, cancelled, ask).await
    }

    /// Values of a field that begin with `prefix`.
    ///
    /// # Errors
    /// The history cannot be read, or gives no answer.
    pub async fn values(
        &self,
        viewer: Viewer,
        field: Field,
        prefix: String,
        limit: usize,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Vec<String>, Error> {
        let ask =
            move |reader: &Reader, limits: &_| reader.values(field, &prefix, limit, viewer.only(), limits);
        self.ask(viewer.uid, cancelled, ask).await
    }
}

/// Whose countries and networks an answer shows.
fn places(by: &[Dimension], atlas: &Atlas) -> Vec<PlaceData> {
    let shows = by.iter().any(|by| matches!(by, Dimension::Country | Dimension::Asn));
    if shows { atlas.sources() } else { Vec::new() }
}
