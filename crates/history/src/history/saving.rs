use super::History;
use crate::{Salvage, Saved, WriteError};

impl History {
    /// Adds so many more pages of the traffic of a damaged history; what was saved when that was all.
    ///
    /// After an error nothing of them was, and the next call is about the same pages.
    ///
    /// Before any other traffic is written: rows keep their numbers, and intervals that were open are so again.
    pub fn save(&mut self, salvage: &mut Option<Salvage>, pages: u32) -> Result<Option<Saved>, WriteError> {
        let Some(mut one) = salvage.take() else { return Ok(None) };
        let before = one.reached();
        match self.transact(|connection, _| one.step(connection, pages)) {
            Ok(false) => {
                *salvage = Some(one);
                Ok(None)
            }
            Ok(true) => Ok(Some(one.end())),
            Err(error) => {
                one.go_back(before);
                *salvage = Some(one);
                Err(error)
            }
        }
    }
}
