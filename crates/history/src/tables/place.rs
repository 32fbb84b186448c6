use portolan_core::{Network, Place};
use rusqlite::Connection;

use crate::{cache::Cache, ids::PlaceId, intern::find_or_insert};

/// Write side of `place` and `network`.
#[derive(Debug)]
pub(crate) struct Places {
    known: Cache<Place, PlaceId>,
}

impl Default for Places {
    fn default() -> Self {
        Self { known: Cache::new(2048) }
    }
}

impl Places {
    /// The number of a place, where there is one.
    pub(crate) fn id_of(
        &mut self,
        connection: &Connection,
        place: Option<&Place>,
    ) -> rusqlite::Result<Option<PlaceId>> {
        place.map(|place| self.id(connection, place)).transpose()
    }

    fn id(&mut self, connection: &Connection, place: &Place) -> rusqlite::Result<PlaceId> {
        if let Some(id) = self.known.get(place) {
            return Ok(id);
        }
        if let Some(Network { asn, name }) = &place.network {
            connection
                .prepare_cached(
                    "INSERT INTO network (asn, name) VALUES (?1, ?2)
                        ON CONFLICT (asn) DO UPDATE SET name = ifnull(excluded.name, name)",
                )?
                .execute((asn, name.as_deref()))?;
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM place WHERE range = ?1 AND ifnull(country, '') = ifnull(?2, '')
                AND ifnull(asn, -1) = ifnull(?3, -1)",
            "INSERT INTO place (range, country, asn) VALUES (?1, ?2, ?3)",
            &[
                &place.range.as_str(),
                &place.country.map(|country| country.to_string()),
                &place.network.as_ref().map(|network| network.asn),
            ],
        )?;
        self.known.put(place.clone(), id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}
