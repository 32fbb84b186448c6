//! What tests wait for.

use portolan_core::ChangeKind;

use super::WatchedFile;
use crate::changes::Changer;

impl<P: Changer> WatchedFile<P> {
    pub(in crate::changes) fn is_gone(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.kind == ChangeKind::Removed)
    }

    pub(in crate::changes) fn is_only_to_be_forgotten(&self) -> bool {
        self.is_told_gone() && self.due.is_none() && self.found.is_none()
    }

    pub(in crate::changes) fn is_to_be_walked(&self) -> bool {
        self.walk.is_some() || self.is_looking
    }

    pub(in crate::changes) fn is_looking(&self) -> bool {
        self.is_looking
    }
}
