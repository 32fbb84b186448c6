use portolan_core::{Owner, Uid, UnixMillis};

use super::{History, write};
use crate::{
    Imported, Ready, Record, Spans, WriteError,
    tables::{application, import, recorded},
};

impl History {
    /// Adds what another recorder counted, but nothing that an import before this one has told already: neither rows of the same
    /// source up to where that came, nor rows of another from a time that one covers.
    ///
    /// Applications that are new with it are ignored, by `by`: nobody is asked to review what was not measured here.
    pub fn import(&mut self, ready: &Ready, by: Uid, now: UnixMillis) -> Result<Imported, WriteError> {
        let mut sweep = self.keeping.sweep.take();
        let result = self.transact(|connection, interner| {
            let mut markers = import::Markers::read(connection, &ready.source)?;
            let records: Vec<&Record> = markers.unknown(ready);
            let rows = ready.records.iter().flatten().count();
            write(connection, interner, records.iter().copied(), sweep.as_mut())?;
            let mut recorded = Spans::default();
            records.iter().for_each(|record| recorded.add(recorded::day_of(record.bucket_start)));
            recorded::add(connection, &recorded)?;
            for record in &records {
                if let Owner::Program { application, .. } = &record.owner {
                    application::ignore_unreviewed(connection, application, by, now)?;
                }
            }
            markers.write(connection, ready, records.len(), now)?;
            let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
            Ok(Imported { added: count(records.len()), known: count(rows - records.len()) })
        });
        self.keeping.sweep = sweep;
        result
    }
}
