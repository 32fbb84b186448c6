use portolan_core::{Direction, NameSource, Protocol, Recognised};
use rusqlite::Connection;

use crate::{
    cache::Cache,
    ids::{AddressId, PeerId, PlaceId},
    intern::find_or_insert,
    tables::domain::Named,
};

/// A row of `peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) protocol: Protocol,
    pub(crate) direction: Direction,
    pub(crate) remote: Option<AddressId>,
    pub(crate) service_port: Option<u16>,
    pub(crate) name: Option<Named>,
    pub(crate) place: Option<PlaceId>,
    pub(crate) recognised: Option<Recognised>,
}

/// Write side of `peer`.
#[derive(Debug)]
pub(crate) struct Peers {
    known: Cache<Peer, PeerId>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { known: Cache::new(8192) }
    }
}

impl Peers {
    pub(crate) fn id(&mut self, connection: &Connection, peer: Peer) -> rusqlite::Result<PeerId> {
        if let Some(id) = self.known.get(&peer) {
            return Ok(id);
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM peer WHERE ifnull(remote_address_id, 0) = ifnull(?3, 0)
                AND ifnull(service_port, -1) = ifnull(?4, -1)
                AND protocol = ?1 AND direction = ?2 AND ifnull(domain_id, 0) = ifnull(?5, 0)
                AND ifnull(name_source, '') = ifnull(?6, '') AND name_inferred = ?7
                AND ifnull(place_id, 0) = ifnull(?8, 0) AND ifnull(recognised, '') = ifnull(?9, '')",
            "INSERT INTO peer (protocol, direction, remote_address_id, service_port, domain_id,
                name_source, name_inferred, place_id, recognised) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                &peer.protocol.to_string(),
                &peer.direction.as_str(),
                &peer.remote,
                &peer.service_port,
                &peer.name.map(|name| name.domain),
                &peer.name.map(|name| name.source).map(NameSource::as_str),
                &peer.name.is_some_and(|name| name.is_inferred),
                &peer.place,
                &peer.recognised.map(Recognised::as_str),
            ],
        )?;
        self.known.put(peer, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}
