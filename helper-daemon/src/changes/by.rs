//! Who did something to a file since it was looked at.

use portolan_core::ChangeKind;

use crate::{
    clock::Now,
    monitor::{FileEvent, FileEventKind},
};

/// When it began, and who it was.
pub(super) struct By<P> {
    at: Option<Now>,
    strongest: FileEventKind,
    who_wrote: Option<P>,
    who_was_last: Option<P>,
}

impl<P: Clone> By<P> {
    pub(super) fn nobody() -> Self {
        Self { at: None, strongest: FileEventKind::Attributes, who_wrote: None, who_was_last: None }
    }

    pub(super) fn event(&mut self, event: &FileEvent, who: Option<P>) {
        if self.at.is_none() || event.kind >= self.strongest {
            (self.strongest, self.who_wrote) = (event.kind, who.clone());
        }
        self.at.get_or_insert(event.at);
        self.who_was_last = who;
    }

    pub(super) fn at(&self) -> Option<Now> {
        self.at
    }

    /// Who did this: another content of the same file is by who wrote last, whoever changed its mode since. What has the name is by who
    /// did anything last: a file that loses its name tells no more of it than one that gets another mode.
    pub(super) fn who(&self, kind: ChangeKind) -> Option<&P> {
        match kind {
            ChangeKind::Written => self.who_wrote.as_ref(),
            ChangeKind::Replaced | ChangeKind::Removed | ChangeKind::Attributes => self.who_was_last.as_ref(),
        }
    }
}
