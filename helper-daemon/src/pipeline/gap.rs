//! How much of what daemons before this one counted is in no history, when this one cannot go on where they ended.

use portolan_core::{Bytes, Flow, ProcessKey};
use portolan_history::Checkpoint;

use super::tick::NOBODY;
use crate::{clock::Now, journal::Head, journal::RowNote, monitor::LeftBehind};

/// What is missing of one instance of the kernel's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    instance: u64,
    /// `None` when nobody knows.
    bytes: Option<Bytes>,
    /// For the status, the log and a finding.
    pub(super) sentence: String,
}

impl Gap {
    /// `noted` is the head of the journal, whose rows this daemon has; `written` is what the history says. Both may be of other
    /// tables.
    pub(super) fn of(left: &LeftBehind, noted: Option<&Head>, written: Option<Checkpoint>) -> Self {
        let LeftBehind { instance, counted, why } = *left;
        let noted = noted.filter(|head| head.instance == instance);
        let written = written.filter(|written| written.tables == instance);
        let bytes = counted.and_then(|counted| match (noted, written) {
            (Some(head), _) => Some(counted.growth_since(head.accounted)),
            (None, Some(written)) => Some((counted + written.waiting).growth_since(written.accounted)),
            (None, None) => None,
        });
        let what = match (bytes, counted) {
            (Some(bytes), _) if bytes.is_zero() => "all that it had counted is in the history".to_owned(),
            (Some(bytes), _) => format!(
                "{} bytes that it had counted and not written stand in the history without an owner (not-taken-over)",
                bytes.total()
            ),
            (None, Some(counted)) => format!(
                "it had counted {} bytes, and this history does not tell how many of them were written",
                counted.total()
            ),
            (None, None) => "nobody knows how much it had counted and not written".to_owned(),
        };
        let sentence = format!(
            "this daemon could not go on where the one before it ended, because {why}: {what}; what moved during this start \
             is in no count"
        );
        Self { instance, bytes, sentence }
    }

    /// Whether a byte may be without its owner.
    pub(super) fn is_loss(&self) -> bool {
        self.bytes.is_none_or(|bytes| !bytes.is_zero())
    }

    /// The row that holds what is missing.
    pub(super) fn row(&self, bucket_ms: u32, now: Now) -> Option<RowNote> {
        let bytes = self.bytes.filter(|bytes| !bytes.is_zero())?;
        let flow = Flow::of_unknown_peer(ProcessKey { exec_generation: self.instance, ..NOBODY });
        let bucket_start = now.wall.bucket_start(bucket_ms);
        Some(RowNote {
            flow,
            bucket_start,
            bucket_ms,
            bytes,
            flows_opened: 0,
            first: now.wall,
            last: now.wall,
        })
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::MonotonicNs;

    use super::*;

    fn bytes(tx: u64) -> Bytes {
        Bytes { tx, rx: 1 }
    }

    fn head(instance: u64, accounted: Bytes) -> Head {
        let mut head = Head::new(None, String::new(), instance, 0, MonotonicNs(1));
        head.accounted = accounted;
        head
    }

    fn gap(noted_of: Option<u64>, written_of: Option<u64>) -> Gap {
        let left = LeftBehind { instance: 5, counted: Some(bytes(1000)), why: "it is a test" };
        let head = |instance| head(instance, bytes(960));
        let written = |tables| Checkpoint {
            journal: 1,
            epoch: 2,
            tables,
            accounted: bytes(900),
            waiting: Bytes { tx: 50, rx: 0 },
        };
        Gap::of(&left, noted_of.map(head).as_ref(), written_of.map(written))
    }

    #[test]
    fn what_is_missing_is_what_neither_the_journal_nor_the_history_has() {
        let missing = |gap: Gap| gap.bytes.map(|bytes| bytes.tx);
        assert_eq!(missing(gap(Some(5), Some(5))), Some(40), "the rows of a whole journal are not lost");
        assert_eq!(missing(gap(None, Some(5))), Some(150));
        assert_eq!(missing(gap(Some(4), Some(5))), Some(150), "a journal of other tables says nothing");
        assert_eq!(missing(gap(None, Some(4))), None);
        assert!(gap(None, Some(5)).sentence.contains("because it is a test: 150 bytes"));
        assert!(gap(None, None).sentence.contains("it had counted 1001 bytes"));
        assert!(gap(None, None).is_loss());
    }

    #[test]
    fn what_is_all_written_is_no_loss_and_no_row() {
        let left = LeftBehind { instance: 5, counted: Some(bytes(10)), why: "it is a test" };
        let gap = Gap::of(&left, Some(&head(5, bytes(10))), None);
        assert!(!gap.is_loss() && gap.row(1000, Now::read()).is_none());
    }
}
