use portolan_core::{ChangeKind, MonotonicNs, Provenance, Sha256Digest, Untrusted};

use super::{
    Answer, Question,
    watched::{Todo, later},
};
use crate::{clock::Now, identity::UNANSWERED};

/// An answer that takes longer, or a question that finds no room for as long, is not waited for.
const ANSWER_NS: u64 = 60_000_000_000;

/// A change about which the package databases are asked.
pub(super) struct Found<P> {
    pub(super) kind: ChangeKind,
    pub(super) sha256: Option<Sha256Digest>,
    pub(super) why_unread: Option<String>,
    /// When it was seen first, and who did it.
    pub(super) at: Option<Now>,
    pub(super) who: Option<P>,
    pub(super) since: MonotonicNs,
    /// When to ask.
    pub(super) ask_at: MonotonicNs,
    /// Since when it is asked, and nobody has answered.
    pub(super) asked: Option<MonotonicNs>,
    pub(super) by_manager: bool,
}

impl<P> Found<P> {
    /// The question, or what is taken for the answer where nobody gives one.
    pub(super) fn ask(&mut self, number: u64, path: &Untrusted, now: MonotonicNs) -> Todo {
        let sha256 = self.sha256;
        self.ask_at = later(*self.asked.get_or_insert(now), ANSWER_NS);
        if self.ask_at > now {
            return Todo::Ask(Question { number, path: path.clone(), sha256 });
        }
        let provenance = Provenance::Unknown(UNANSWERED.to_owned());
        // What a package manager did is asked again: its databases may be what keeps the others from being read.
        Todo::Answered(Answer { number, sha256, provenance, is_being_changed: true, holders: Vec::new() })
    }

    pub(super) fn is_content(&self) -> bool {
        self.kind != ChangeKind::Removed
    }
}
