use std::{collections::HashMap, sync::Arc};

use portolan_core::{Executable, FileContent, Lineage, Sha256Digest};
use rusqlite::Connection;

use crate::{
    cache::Cache,
    ids::{ExecutableId, LineageId, TextId},
    intern::find_or_insert,
    tables::{executable::Executables, text::Texts},
};

/// Chains that are remembered by their address.
const CHAINS: usize = 1024;

/// Write side of `lineage`.
#[derive(Debug)]
pub(crate) struct Lineages {
    known: Cache<Link, LineageId>,
    /// By the chain's address, which is why the chain is held: as long as it is here, no other can have that address.
    chains: HashMap<usize, (Arc<Lineage>, Chain)>,
}

/// A row of `lineage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Link {
    executable: ExecutableId,
    parent: Option<LineageId>,
    script: Option<(TextId, Option<Sha256Digest>)>,
}

/// The numbers of a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    /// Of the whole of it.
    pub(crate) id: LineageId,
    /// Of the executable at its end.
    pub(crate) executable: ExecutableId,
    /// Of the script that this runs; `None` where there is none, or its content is not known.
    pub(crate) script: Option<ExecutableId>,
}

impl Default for Lineages {
    fn default() -> Self {
        Self { known: Cache::new(2048), chains: HashMap::new() }
    }
}

impl Lineages {
    /// The numbers of a chain.
    pub(crate) fn id(
        &mut self,
        connection: &Connection,
        executables: &mut Executables,
        texts: &mut Texts,
        lineage: &Arc<Lineage>,
    ) -> rusqlite::Result<Chain> {
        let address = Arc::as_ptr(lineage).addr();
        if let Some((_, chain)) = self.chains.get(&address) {
            return Ok(*chain);
        }
        let mut parent = None;
        // From the root down, and without recursion: a program decides how long its chain is.
        let parents = std::iter::successors(lineage.parent.as_deref(), |parent| parent.parent.as_deref());
        for ancestor in parents.collect::<Vec<_>>().into_iter().rev() {
            let link = link(connection, executables, texts, ancestor, parent)?;
            parent = Some(self.id_of(connection, link)?);
        }
        let link = link(connection, executables, texts, lineage, parent)?;
        let script = match &lineage.script {
            Some(FileContent { path, sha256: Some(sha256) }) => {
                let script = Executable { path: path.clone(), sha256: *sha256 };
                Some(executables.id(connection, texts, &script)?)
            }
            _ => None,
        };
        let chain = Chain { id: self.id_of(connection, link)?, executable: link.executable, script };
        if self.chains.len() >= CHAINS {
            self.chains.clear();
        }
        self.chains.insert(address, (Arc::clone(lineage), chain));
        Ok(chain)
    }

    fn id_of(&mut self, connection: &Connection, link: Link) -> rusqlite::Result<LineageId> {
        if let Some(id) = self.known.get(&link) {
            return Ok(id);
        }
        let Link { executable, parent, script } = link;
        let (script, sha256) = (script.map(|script| script.0), script.and_then(|script| script.1));
        let id = find_or_insert(
            connection,
            "SELECT id FROM lineage WHERE executable_id = ?1 AND ifnull(parent_id, 0) = ifnull(?2, 0)
                AND ifnull(script_path_id, 0) = ifnull(?3, 0) AND ifnull(script_sha256, x'') = ifnull(?4, x'')",
            "INSERT INTO lineage (executable_id, parent_id, script_path_id, script_sha256) VALUES (?1, ?2, ?3, ?4)",
            &[&executable, &parent, &script, &sha256.map(|sha256| sha256.0)],
        )?;
        self.known.put(link, id);
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.chains.clear();
    }
}

/// The row for the last of a chain, below the row of its parents.
fn link(
    connection: &Connection,
    executables: &mut Executables,
    texts: &mut Texts,
    lineage: &Lineage,
    parent: Option<LineageId>,
) -> rusqlite::Result<Link> {
    let executable = executables.id(connection, texts, &lineage.executable)?;
    let script = lineage.script.as_ref();
    let script = script
        .map(|script| Ok::<_, rusqlite::Error>((texts.id(connection, script.path.as_raw())?, script.sha256)))
        .transpose()?;
    Ok(Link { executable, parent, script })
}
