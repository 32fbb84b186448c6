use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use portolan_core::{Dimension, Uid};

use crate::{ReadError, language::Query};

/// A question to the history: sums of what moved, by group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// Which traffic. A bucket counts where its start lies in the range.
    pub query: Query,
    /// What to group by, in any order; twice is once. Empty for one group with the total.
    pub by: Vec<Dimension>,
    /// At most so many groups, or lines; the others are one.
    pub top: usize,
    /// Whose traffic; `None` for everybody's.
    pub viewer: Option<Uid>,
    /// How exact [`Dimension::Time`] is, where an answer is grouped by it.
    pub step: Step,
}

/// How long the intervals are of which an answer speaks. Days are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Step {
    /// By the range: 60 to 500 intervals, as far as what is recorded is that fine.
    Auto,
    /// The buckets as they were counted.
    #[default]
    Bucket,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// When to give up a question.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// The time at which there must be an answer; `None` for as long as it takes.
    pub deadline: Option<Instant>,
    /// Set by whoever does not want the answer any more.
    pub cancelled: Arc<AtomicBool>,
    /// Set by the writer of the history where its log grows without end because of those who read.
    pub is_in_the_way: Arc<AtomicBool>,
}

impl Limits {
    /// An error once the question is to be given up.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(ReadError::Cancelled);
        }
        if self.is_in_the_way.load(Ordering::Relaxed) {
            return Err(ReadError::LogTooLong);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(ReadError::TookTooLong),
            _ => Ok(()),
        }
    }
}
