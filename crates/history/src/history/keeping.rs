use portolan_core::UnixMillis;

use super::{History, Keeping, SHRUNK_PAGES};
use crate::{ReadError, Retained, Retention, WriteError, retention, rollup, unused::Sweep};

/// Unused numbers are looked for this often, when blocks were deleted.
const SWEEP_EVERY_MS: u64 = 86_400_000;
/// Free pages that are kept for what comes next.
const SPARE_PAGES: u64 = 64;

impl History {
    /// Keeps the file within the limits: one step of at most `step` blocks, a few milliseconds; before that, some of the sums that
    /// no write has made. To be called again at once while there is
    /// more, and now and then when there is not.
    pub fn retain(
        &mut self,
        limits: &Retention,
        now: UnixMillis,
        step: usize,
    ) -> Result<Retained, WriteError> {
        if let Some(mut sweep) = self.keeping.sweep.take() {
            let swept = self.sweep(|connection| {
                let swept = sweep.step(connection)?;
                Ok((swept, swept.deleted))
            })?;
            if !swept.is_done {
                self.keeping.sweep = Some(sweep);
            }
            return Ok(Retained { deleted_numbers: swept.deleted, more: true, ..Retained::default() });
        }
        if self.transact(|connection, _| Ok(rollup::close_more(connection)?))? {
            return Ok(Retained { more: true, ..Retained::default() });
        }
        let deleted_blocks =
            self.transact(|connection, _| Ok(retention::delete(limits, connection, now, step)?))?;
        if deleted_blocks > 0 {
            self.keeping.has_deleted = true;
            return Ok(Retained { deleted_blocks, more: true, ..Retained::default() });
        }
        let is_due = self.keeping.swept.is_none_or(|swept| now.0.abs_diff(swept.0) >= SWEEP_EVERY_MS);
        if self.keeping.has_deleted && is_due {
            self.keeping = Keeping { sweep: Some(Sweep::new()), has_deleted: false, swept: Some(now) };
            return Ok(Retained { more: true, ..Retained::default() });
        }
        let freed_bytes = retention::shrink(&self.connection, SPARE_PAGES, SHRUNK_PAGES)?;
        Ok(Retained { freed_bytes, more: freed_bytes > 0, ..Retained::default() })
    }

    /// Whether the clock can be believed that it is `now`: the history has an hour's minutes of the three days before. Until then ages
    /// say nothing, for a clock that jumped would make everything old: [`Retention::by_size_only`].
    pub fn believes(&self, now: UnixMillis) -> Result<bool, ReadError> {
        Ok(retention::is_believed(&self.connection, now)?)
    }
}
