use std::collections::HashMap;

use portolan_core::{Uid, UnixMillis};
use rusqlite::Connection;

use crate::ids::{ApplicationId, ExecutableId};

/// Write side of `sighting`: gathers what a transaction saw and writes each row once.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    seen: HashMap<Sighting, (UnixMillis, UnixMillis)>,
}

/// That a user's use of an application showed this content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sighting {
    pub(crate) application: ApplicationId,
    pub(crate) executable: ExecutableId,
    pub(crate) uid: Uid,
    /// Whether it is a script, and not what ran it.
    pub(crate) is_script: bool,
}

impl Sightings {
    /// Notes that it was so from `first` to `last`.
    pub(crate) fn note(&mut self, sighting: Sighting, first: UnixMillis, last: UnixMillis) {
        let seen = self.seen.entry(sighting).or_insert((first, last));
        *seen = (seen.0.min(first), seen.1.max(last));
    }

    /// Writes what was noted; the earliest and the latest time stand.
    pub(crate) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut add = connection.prepare_cached(
            "INSERT INTO sighting (application_id, executable_id, uid, is_script, first_ms, last_ms)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                ON CONFLICT (application_id, executable_id, uid) DO UPDATE SET
                first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms),
                is_script = min(is_script, excluded.is_script)",
        )?;
        for (Sighting { application, executable, uid, is_script }, (first, last)) in self.seen {
            add.execute((application, executable, uid.0, is_script, first.0, last.0))?;
        }
        Ok(())
    }
}
