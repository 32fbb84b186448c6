use portolan_core::{Direction, Protocol};
use rusqlite::Connection;

use crate::{
    cache::Cache,
    ids::{AddressId, PeerId},
    intern::find_or_insert,
};

/// A row of `peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) protocol: Protocol,
    pub(crate) direction: Direction,
    pub(crate) local: Option<AddressId>,
    pub(crate) remote: Option<AddressId>,
    pub(crate) service_port: Option<u16>,
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
            "SELECT id FROM peer WHERE ifnull(remote_address_id, 0) = ifnull(?4, 0)
                AND ifnull(service_port, -1) = ifnull(?5, -1) AND ifnull(local_address_id, 0) = ifnull(?3, 0)
                AND protocol = ?1 AND direction = ?2",
            "INSERT INTO peer (protocol, direction, local_address_id, remote_address_id, service_port)
                VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                &peer.protocol.to_string(),
                &peer.direction.as_str(),
                &peer.local,
                &peer.remote,
                &peer.service_port,
            ],
        )?;
        self.known.put(peer, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}
