use portolan_core::{Container, Owner, Unit};
use rusqlite::{Connection, OptionalExtension, ToSql, types::FromSql};

use crate::{
    Record,
    ids::{ActorId, AddressId, PeerId},
    tables::{
        actor::{Actor, ActorOwner, Actors},
        address::Addresses,
        application::Applications,
        domain::Domains,
        executable::Executables,
        lineage::{Chain, Lineages},
        peer::{Peer, Peers},
        place::Places,
        sighting::Sighting,
        text::Texts,
    },
};

/// Finds the number of every dimension of a record, and gives one where there is none yet.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    pub(crate) texts: Texts,
    pub(crate) executables: Executables,
    pub(crate) lineages: Lineages,
    pub(crate) applications: Applications,
    pub(crate) addresses: Addresses,
    pub(crate) domains: Domains,
    pub(crate) places: Places,
    pub(crate) actors: Actors,
    pub(crate) peers: Peers,
}

/// The numbers of a record's dimensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) actor: ActorId,
    pub(crate) peer: PeerId,
    /// This machine's address; `None` where it is not known.
    pub(crate) local: Option<AddressId>,
    /// What was seen to talk: an executable and a script, as far as the owner is a program and has them.
    pub(crate) seen: [Option<Sighting>; 2],
}

impl Interner {
    /// Where `record` is stored.
    pub(crate) fn place(&mut self, connection: &Connection, record: &Record) -> rusqlite::Result<Place> {
        let (owner, seen) = match &record.owner {
            Owner::Program { lineage, application, provenance, code } => {
                let application = self.applications.id(connection, application)?;
                let Chain { id: lineage, executable, script } =
                    self.lineages.id(connection, &mut self.executables, &mut self.texts, lineage)?;
                self.executables.note_provenance(connection, executable, provenance, record.last)?;
                if let (Some(script), Some(code)) = (script, code) {
                    self.executables.note_provenance(connection, script, code, record.last)?;
                }
                let seen = |executable, is_script| {
                    let uid = record.uid;
                    Sighting { application, executable, uid, is_script }
                };
                let seen = [Some(seen(executable, false)), script.map(|script| seen(script, true))];
                (ActorOwner::Program { lineage, application }, seen)
            }
            Owner::Kernel => (ActorOwner::Kernel, [None; 2]),
            Owner::Unattributed(reason) => (ActorOwner::Unattributed(*reason), [None; 2]),
        };
        let (unit, container) = (&record.placement.unit, &record.placement.container);
        let actor = Actor {
            owner,
            command: self.texts.id_of(connection, record.command_line.as_ref())?,
            unit: self.texts.id_of(connection, unit.as_ref().map(Unit::to_text).as_ref())?,
            container: self.texts.id_of(connection, container.as_ref().map(Container::to_text).as_ref())?,
            uid: record.uid,
            network_namespace: record.network_namespace,
        };
        let actor = self.actors.id(connection, actor)?;
        let peer = Peer {
            protocol: record.protocol,
            direction: record.direction,
            remote: self.addresses.id_of(connection, record.remote)?,
            service_port: record.service_port,
            name: self.domains.id_of(connection, record.name.as_ref())?,
            place: self.places.id_of(connection, record.place.as_ref())?,
            recognised: record.recognised,
        };
        let peer = self.peers.id(connection, peer)?;
        let local = self.addresses.id_of(connection, record.local)?;
        Ok(Place { actor, peer, local, seen })
    }

    /// Forgets every number. To be called when a transaction was rolled back.
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.executables.clear();
        self.lineages.clear();
        self.applications.clear();
        self.addresses.clear();
        self.domains.clear();
        self.places.clear();
        self.actors.clear();
        self.peers.clear();
    }
}

/// The number that `find` answers for `values`, else the one that `insert` gives. Both take all values, in the same order.
///
/// To be called inside a writing transaction, or two writers could insert the same.
pub(crate) fn find_or_insert<I: FromSql + From<i64>>(
    connection: &Connection,
    find: &str,
    insert: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<I> {
    let found = connection.prepare_cached(find)?.query_row(values, |row| row.get(0)).optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    connection.prepare_cached(insert)?.execute(values)?;
    Ok(connection.last_insert_rowid().into())
}
