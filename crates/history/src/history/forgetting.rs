//! What a person wants gone.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use portolan_core::{Uid, UnixMillis};

use super::{History, SHRUNK_PAGES};
use crate::{
    ForgetError, Forgetting, ReadError, ServiceName, WriteError,
    forget::{self, Meant},
    language::{self, Query},
    open, retention,
    tables::forgotten,
    unused::Sweep,
};

impl History {
    /// Begins to forget what a query finds at this moment, whoever's it is. Nothing is deleted yet, but it is noted that something is.
    /// Of the bucket that is open, also what comes before it was gone through goes.
    ///
    /// `services` as those name them who ask the same (see [`crate::Reader::naming_services`]).
    pub fn begin_forgetting(
        &mut self,
        query: &Query,
        services: ServiceName,
        by: Uid,
        now: UnixMillis,
    ) -> Result<Forgetting, ForgetError> {
        let meant = forget::compile(&self.connection, query, services, now)?;
        // Whoever goes on with it must not take what came later.
        let query = Query { until: Some(UnixMillis(meant.times.end)), ..query.clone() };
        Ok(self.begin_forgetting_what(meant, &query, by, now)?)
    }

    /// Goes on with the oldest of what was begun and is not at its end, because of an error or a kill; `None` when there is nothing.
    pub fn resume_forgetting(&mut self, services: ServiceName) -> Result<Option<Forgetting>, ForgetError> {
        if self.is_behind {
            return Ok(None);
        }
        let unfinished = forgotten::unfinished(&self.connection).map_err(ReadError::from)?;
        let Some((note, query, at)) = unfinished else { return Ok(None) };
        // Times stand in it as they are.
        let epoch = Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let Ok(query) = language::parse_kept(&query, &epoch) else {
            self.transact(|connection, _| Ok(forgotten::end(connection, note)?))?;
            return Err(ForgetError::Unreadable);
        };
        let meant = forget::compile(&self.connection, &query, services, at)?;
        self.keeping.sweep = None;
        Ok(Some(Forgetting::new(meant, note)))
    }

    pub(super) fn begin_forgetting_what(
        &mut self,
        meant: Meant,
        query: &Query,
        by: Uid,
        now: UnixMillis,
    ) -> Result<Forgetting, WriteError> {
        let note = self.transact(|connection, _| Ok(forgotten::begin(connection, query, by, now)?))?;
        // Numbers that are deleted could be given again, and mean something else to `fits`.
        self.keeping.sweep = None;
        Ok(Forgetting::new(meant, note))
    }

    /// Forgets, one step of a few milliseconds; whether there is more. [`Self::retain`] is not to be called before there is not, or
    /// [`Forgetting::is_held`].
    ///
    /// After an error, what is left is to be gone on with by [`Self::resume_forgetting`]: numbers may have been given again. After the last step neither the file nor its log
    /// has any of it. Where a reader holds the log, there is more until it is gone.
    pub fn forget(&mut self, what: &mut Forgetting) -> Result<bool, WriteError> {
        if !what.has_only_traces() {
            let sweep = self.keeping.sweep.take().filter(|_| what.is_searching());
            let mut sweep = sweep.unwrap_or_else(Sweep::new);
            let result = self.sweep(|connection| Ok(((), what.step(connection, &mut sweep)?)));
            if result.is_err() {
                // It was rolled back.
                what.take_gone();
            } else if what.is_searching() {
                self.keeping.sweep = Some(sweep);
            }
            return result.map(|()| true);
        }
        if retention::shrink(&self.connection, 0, SHRUNK_PAGES)? > 0 {
            return Ok(true);
        }
        what.is_held = open::is_log_held(&self.connection)?;
        // What it was goes at the very end, out of the file and the log as well.
        let note = what.note();
        Ok(what.is_held || self.transact(|connection, _| Ok(forgotten::end(connection, note)?))?)
    }
}
