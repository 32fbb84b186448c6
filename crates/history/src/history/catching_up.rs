use super::History;
use crate::{WriteError, migrations};

impl History {
    /// Whether rows of an old version are still to be brought to this one, by [`Self::catch_up`]. Until then nothing is written
    /// ([`WriteError::Behind`]), and readers are told that the version is an old one.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Brings some more of them, in a transaction of some ten milliseconds; whether there is more. Whoever is killed goes on there.
    pub fn catch_up(&mut self) -> Result<bool, WriteError> {
        self.is_behind = !migrations::migrate(&mut self.connection)?;
        Ok(self.is_behind)
    }
}
