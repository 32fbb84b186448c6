use std::collections::HashMap;

use portolan_core::{Uid, UnixMillis};
use rusqlite::Connection;

use crate::ids::{ApplicationId, ExecutableId};

/// Write side of `sighting`: gathers what a transaction saw and writes each row once.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    seen: HashMap<(ApplicationId, ExecutableId, Uid), (UnixMillis, UnixMillis)>,
}

impl Sightings {
    /// Notes that `uid` used `executable` of `application` from `first` to `last`.
    pub(crate) fn note(
        &mut self,
        program: (ApplicationId, ExecutableId, Uid),
        first: UnixMillis,
        last: UnixMillis,
    ) {
        let seen = self.seen.entry(program).or_insert((first, last));
        *seen = (seen.0.min(first), seen.1.max(last));
    }

    /// Writes what was noted; the earliest and the latest time stand.
    pub(crate) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut add = connection.prepare_cached(
            "INSERT INTO sighting (application_id, executable_id, uid, first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (application_id, executable_id, uid) DO UPDATE SET
                first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
        )?;
        for ((application, executable, uid), (first, last)) in self.seen {
            add.execute((application, executable, uid.0, first.0, last.0))?;
        }
        Ok(())
    }
}
