//! Programs that talk and cannot be identified.

use std::collections::{BTreeMap, HashMap};

use portolan_core::{Evidence, FindingKind, Severity, Uid, Unattributed, UnixMillis, Untrusted};
use portolan_history::NewFinding;

use super::Judge;

/// Programs that one user is told of for one reason before somebody answers, unless one is louder than all of them. They give
/// themselves as many names as they like.
const PROGRAMS_AT_MOST: usize = 32;
/// Users and reasons that are remembered; beyond, all are told again, which the history knows.
const REMEMBERED: usize = 64;

/// A program that talked and cannot be identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unidentified {
    /// As which user.
    pub uid: Uid,
    /// Why not.
    pub reason: Unattributed,
    /// Its path without versions, or the name by which it was executed; empty where neither is known.
    pub path: Untrusted,
    /// Whether the daemon was there when it was executed.
    pub was_seen: bool,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// What was told since the last answer, and how loud.
#[derive(Debug, Default)]
pub(super) struct Nameless(BTreeMap<(Uid, Unattributed), HashMap<Untrusted, Severity>>);

impl Nameless {
    pub(super) fn answered(&mut self) {
        self.0.clear();
    }

    fn is_new(&mut self, Unidentified { uid, reason, path, .. }: &Unidentified, severity: Severity) -> bool {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&(*uid, *reason)) {
            self.0.clear();
        }
        let told = self.0.entry((*uid, *reason)).or_default();
        let is_louder = || told.values().all(|before| severity > *before);
        let is_new = match told.get(path) {
            Some(before) => severity > *before,
            None => told.len() < PROGRAMS_AT_MOST || is_louder(),
        };
        if is_new {
            told.insert(path.clone(), severity);
        }
        is_new
    }
}

impl Judge {
    /// A program talked that cannot be identified. One finding for each user and reason; `None` where its path was told before, as
    /// loud as this, and where the reason says nothing of the program (docs/identity.md, "What cannot be identified"). The process is the caller's to
    /// add to the evidence.
    pub fn unidentified(&mut self, found: &Unidentified, now: UnixMillis) -> Option<NewFinding> {
        let detail = sentence(found)?;
        let Unidentified { uid, reason, path, was_seen, has_ended } = found;
        // Who came before the daemon, or was gone when it looked, may have done nothing unusual.
        let may_be_usual = !was_seen || *has_ended && *reason == Unattributed::FileUnavailable;
        let severity = if may_be_usual { Severity::Normal } else { Severity::Loud };
        if !self.nameless.is_new(found, severity) {
            return None;
        }
        Some(NewFinding {
            at: now,
            kind: FindingKind::Unidentified,
            severity,
            subject: None,
            user: Some(*uid),
            group: Some(format!("{} {reason}", uid.0)),
            detail: Some(detail.to_owned()),
            evidence: Evidence { unidentified: vec![path.clone()], ..Evidence::default() },
        })
    }
}

/// Why it cannot be identified; `None` where that is no matter of the program.
fn sentence(found: &Unidentified) -> Option<&'static str> {
    match found.reason {
        // It ended before this daemon began to look.
        Unattributed::FileUnavailable if !found.was_seen && found.has_ended => None,
        Unattributed::FileUnavailable => Some(
            "It cannot be known what talks here: its file could not be opened. Its path is longer than 4095 bytes, it lies where \
             only its user may look (FUSE, in a user namespace or before Linux 5.14), or it was gone too soon.",
        ),
        Unattributed::FileChanged => Some(
            "It cannot be known what talks here: its file was changed, or could have been, after it was executed and before it was \
             read, so that nobody can say what was executed.",
        ),
        Unattributed::FileUnreadable => Some(
            "It cannot be known what talks here: its file could not be read. The disk gave an error, or the server behind it did not \
             answer for 60 s.",
        ),
        // Told as lost events, or nothing is known of a program.
        Unattributed::ProcessGone
        | Unattributed::TableFull
        | Unattributed::NotTakenOver
        | Unattributed::Imported
        | Unattributed::DamagedHistory => None,
    }
}
