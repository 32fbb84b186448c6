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
        let what = self.begin_forgetting_what(meant, by, now)?;
        self.transact(|connection, _| Ok(forgotten::keep(connection, what.note(), query, now)?))?;
        Ok(what)
    }

    /// Goes on with what somebody was forgetting who was killed; `None` when there is nothing.
    pub fn resume_forgetting(&mut self, services: ServiceName) -> Result<Option<Forgetting>, ForgetError> {
        if self.is_behind {
            return Ok(None);
        }
        let unfinished = forgotten::unfinished(&self.connection).map_err(ReadError::from)?;
        let Some((note, query, at)) = unfinished else { return Ok(None) };
        // Times stand in it as they are, and what cannot be read is none of ours.
        let Ok(query) = language::parse(&query, &Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC)) else {
            self.transact(|connection, _| Ok(forgotten::end(connection, note)?))?;
            return Ok(None);
        };
        let meant = forget::compile(&self.connection, &query, services, at)?;
        self.keeping.sweep = None;
        Ok(Some(Forgetting::new(meant, note)))
    }

    pub(super) fn begin_forgetting_what(
        &mut self,
        meant: Meant,
        by: Uid,
        now: UnixMillis,
    ) -> Result<Forgetting, WriteError> {
        let note = self.transact(|connection, _| Ok(forgotten::begin(connection, by, now)?))?;
        // Numbers that are deleted could be given again, and mean something else to `fits`.
        self.keeping.sweep = None;
        Ok(Forgetting::new(meant, note))
    }

    /// Forgets, one step of a few milliseconds; whether there is more. [`Self::retain`] is not to be called before there is not, or
    /// [`Forgetting::is_held`].
    ///
    /// After an error, what is left is to be begun anew: numbers may have been given again. After the last step neither the file nor its log
    /// has any of it. Where a reader holds the log, there is more until it is gone.
    pub fn forget(&mut self, what: &mut Forgetting) -> Result<bool, WriteError> {
        if !what.has_only_traces() {
            let sweep = self.keeping.sweep.take().filter(|_| what.is_searching());
            let mut sweep = sweep.unwrap_or_else(Sweep::new);
            let result = self.sweep(|connection| Ok(((), what.step(connection, &mut sweep)?)));
            if result.is_ok() && what.is_searching() {
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
