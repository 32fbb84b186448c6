use std::{collections::HashMap, sync::Arc};

use portolan_core::Lineage;
use rusqlite::Connection;

use crate::{
    cache::Cache,
    ids::{ExecutableId, LineageId},
    intern::find_or_insert,
    tables::{executable::Executables, text::Texts},
};

/// Chains that are remembered by their address.
const CHAINS: usize = 1024;

/// Write side of `lineage`.
#[derive(Debug)]
pub(crate) struct Lineages {
    known: Cache<(ExecutableId, Option<LineageId>), LineageId>,
    /// By the chain's address, which is why the chain is held: as long as it is here, no other can have that address.
    chains: HashMap<usize, (Arc<Lineage>, (LineageId, ExecutableId))>,
}

impl Default for Lineages {
    fn default() -> Self {
        Self { known: Cache::new(2048), chains: HashMap::new() }
    }
}

impl Lineages {
    /// The number of the whole chain, and that of the executable at its end.
    pub(crate) fn id(
        &mut self,
        connection: &Connection,
        executables: &mut Executables,
        texts: &mut Texts,
        lineage: &Arc<Lineage>,
    ) -> rusqlite::Result<(LineageId, ExecutableId)> {
        let address = Arc::as_ptr(lineage).addr();
        if let Some((_, ids)) = self.chains.get(&address) {
            return Ok(*ids);
        }
        let executable = executables.id(connection, texts, &lineage.executable)?;
        let mut parent = None;
        // From the root down, and without recursion: a program decides how long its chain is.
        let parents: Vec<_> = lineage.iter().skip(1).collect();
        for ancestor in parents.into_iter().rev() {
            let ancestor = executables.id(connection, texts, ancestor)?;
            parent = Some(self.link(connection, ancestor, parent)?);
        }
        let ids = (self.link(connection, executable, parent)?, executable);
        if self.chains.len() >= CHAINS {
            self.chains.clear();
        }
        self.chains.insert(address, (Arc::clone(lineage), ids));
        Ok(ids)
    }

    fn link(
        &mut self,
        connection: &Connection,
        executable: ExecutableId,
        parent: Option<LineageId>,
    ) -> rusqlite::Result<LineageId> {
        let key = (executable, parent);
        if let Some(id) = self.known.get(&key) {
            return Ok(id);
        }
        let id = find_or_insert(
            connection,
            "SELECT id FROM lineage WHERE executable_id = ?1 AND ifnull(parent_id, 0) = ifnull(?2, 0)",
            "INSERT INTO lineage (executable_id, parent_id) VALUES (?1, ?2)",
            &[&executable, &parent],
        )?;
        self.known.put(key, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.chains.clear();
    }
}
