use portolan_core::{Uid, Unattributed};
use rusqlite::Connection;

use crate::{
    cache::Cache,
    ids::{ActorId, ApplicationId, LineageId, TextId},
    intern::find_or_insert,
};

/// The word for the kernel in `actor.owner`.
pub(crate) const KERNEL: &str = "kernel";

/// A row of `actor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Actor {
    pub(crate) owner: ActorOwner,
    /// The command line; `None` when it is not known or not recorded.
    pub(crate) command: Option<TextId>,
    /// The systemd unit; `None` when there is none.
    pub(crate) unit: Option<TextId>,
    /// The container; `None` outside of all.
    pub(crate) container: Option<TextId>,
    pub(crate) uid: Uid,
    pub(crate) network_namespace: u32,
}

/// Who an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ActorOwner {
    Program { lineage: LineageId, application: ApplicationId },
    Kernel,
    Unattributed(Unattributed),
}

/// Write side of `actor`.
#[derive(Debug)]
pub(crate) struct Actors {
    known: Cache<Actor, ActorId>,
}

impl Default for Actors {
    fn default() -> Self {
        Self { known: Cache::new(4096) }
    }
}

impl Actors {
    pub(crate) fn id(&mut self, connection: &Connection, actor: Actor) -> rusqlite::Result<ActorId> {
        if let Some(id) = self.known.get(&actor) {
            return Ok(id);
        }
        let (owner, reason, lineage, application) = match actor.owner {
            ActorOwner::Program { lineage, application } => {
                ("program", None, Some(lineage), Some(application))
            }
            ActorOwner::Kernel => (KERNEL, None, None, None),
            ActorOwner::Unattributed(reason) => ("unattributed", Some(reason.as_str()), None, None),
        };
        let id = find_or_insert(
            connection,
            "SELECT id FROM actor WHERE ifnull(lineage_id, 0) = ifnull(?3, 0) AND ifnull(command_id, 0) = ifnull(?5, 0)
                AND uid = ?6 AND network_namespace = ?7 AND ifnull(application_id, 0) = ifnull(?4, 0)
                AND owner = ?1 AND ifnull(reason, '') = ifnull(?2, '')
                AND ifnull(unit_id, 0) = ifnull(?8, 0) AND ifnull(container_id, 0) = ifnull(?9, 0)",
            "INSERT INTO actor (owner, reason, lineage_id, application_id, command_id, uid, network_namespace,
                unit_id, container_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                &owner,
                &reason,
                &lineage,
                &application,
                &actor.command,
                &actor.uid.0,
                &actor.network_namespace,
                &actor.unit,
                &actor.container,
            ],
        )?;
        self.known.put(actor, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}
