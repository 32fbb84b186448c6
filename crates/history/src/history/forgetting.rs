use portolan_core::{Uid, UnixMillis};

use super::History;
use crate::{Forgetting, ReadError, WriteError, language::Query, query::Sight, scan::Row};

/// Why nothing is forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The query has conditions on sums.
    #[error("sums cannot be forgotten, only what moved; leave out conditions such as tx>10MB")]
    Totals,
    /// The query has conditions on ports.
    #[error(
        "what moved over a port cannot be forgotten, because minutes, hours and days do not know ports; ask for an application, a \
         remote address, a service or a time"
    )]
    Ports,
    /// The query could not be asked.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// That it begins could not be noted.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl History {
    /// Begins to forget what a query means, on behalf of `by`. What is written from now on stays. Nothing is deleted yet, but it is noted
    /// that something is.
    pub fn begin_to_forget(
        &mut self,
        query: &Query,
        by: Uid,
        now: UnixMillis,
    ) -> Result<Forgetting, ForgetError> {
        if !query.totals.is_empty() {
            return Err(ForgetError::Totals);
        }
        let sight = Sight::new(&self.connection, &query.filter, None)?;
        if sight.asks_ports() {
            return Err(ForgetError::Ports);
        }
        let (actors, peers) = (sight.actors_end(), sight.peers_end());
        // Numbers that are given out from now on are not meant.
        let fits = move |actor, peer| {
            actor < actors && peer < peers && sight.sees(&Row { actor, peer, ..Row::default() })
        };
        let since = query.since.map_or(i64::MIN, |since| since.0);
        let until = query.until.map_or(i64::MAX, |until| until.0);
        Ok(self.begin_forgetting(since..until, Box::new(fits), by, now)?)
    }
}
