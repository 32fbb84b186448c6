//! What moved in one interval as bytes: sorted, column by column, with a checksum at the end. Nothing here knows of SQLite.
//!
//! ```text
//! format (1 byte), rows, then of each column: its length in bytes and whether it is runs; the columns; CRC-32C (4 bytes)
//! ```
//! The counts are LEB128, the columns are packed (`pack.rs`): actors as runs of differences, peers as differences that may be
//! negative, local addresses as which of the last ones it is, everything else as it is or as runs of equal numbers, whichever is shorter.
//! A column of zeros is empty.

mod columns;
mod encode;
mod pack;
mod recent;
#[cfg(test)]
mod tests;

pub(crate) use columns::{Column, Columns};
pub(crate) use encode::{by_actor, encode, encode_merged, merge};

/// The first byte of a block.
const FORMAT: u8 = 1;
/// How many columns there are.
const COLUMNS: usize = 10;
/// The most rows of a block, which bound what reading it takes. The widest have 57 bytes, and their sums stand beside them: both together
/// are smaller than any value may be.
pub(crate) const ROWS_MAX: usize = 1 << 19;

/// How long the intervals of blocks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// As it was counted: the blocks say how long.
    Bucket,
    /// From here on without local addresses and ports, and without times within the interval.
    Minute,
    /// Of the clock in UTC.
    Hour,
    /// Of the calendar in UTC.
    Day,
}

impl Level {
    /// From the finest to the coarsest.
    pub(crate) const ALL: [Self; 4] = [Self::Bucket, Self::Minute, Self::Hour, Self::Day];
    /// Those that are sums of the level below.
    pub(crate) const SUMS: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// As its column holds it.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Bucket => 0,
            Self::Minute => 1,
            Self::Hour => 2,
            Self::Day => 3,
        }
    }

    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Whether its blocks are there as sums of each actor, too: where they are many, and their rows so, too.
    pub(crate) const fn has_actors(self) -> bool {
        matches!(self, Self::Hour | Self::Day)
    }

    /// The next finer one.
    pub(crate) const fn below(self) -> Option<Self> {
        match self {
            Self::Bucket => None,
            Self::Minute => Some(Self::Bucket),
            Self::Hour => Some(Self::Minute),
            Self::Day => Some(Self::Hour),
        }
    }

    /// The next coarser one.
    pub(crate) const fn above(self) -> Option<Self> {
        match self {
            Self::Bucket => Some(Self::Minute),
            Self::Minute => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// The length of its intervals; 1 for buckets, each of which has its own.
    pub(crate) const fn width_ms(self) -> u32 {
        match self {
            Self::Bucket => 1,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The start of the interval in which `time` lies.
    pub(crate) fn start_of(self, time_ms: i64) -> i64 {
        time_ms.saturating_sub(time_ms.rem_euclid(i64::from(self.width_ms())))
    }
}

/// What one actor exchanged with one peer from one address over one pair of ports in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moved {
    /// A number of `actor`.
    pub(crate) actor: u32,
    /// A number of `peer`.
    pub(crate) peer: u32,
    /// A number of `address`; 0 where there is none, and from [`Level::Minute`] on; so are both ports.
    pub(crate) local: u32,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    pub(crate) tx: u64,
    pub(crate) rx: u64,
    pub(crate) flows: u64,
    /// From the start of the interval.
    pub(crate) first_ms: u32,
    pub(crate) last_ms: u32,
}

impl Moved {
    /// What rows have in common that are one row.
    pub(crate) fn key(&self) -> (u32, u32, u32, u16, u16) {
        (self.actor, self.peer, self.local, self.local_port, self.remote_port)
    }

    /// What is kept of it at `level`.
    pub(crate) fn at(self, level: Level) -> Self {
        match level {
            Level::Bucket => self,
            Level::Minute | Level::Hour | Level::Day => {
                Self { local: 0, local_port: 0, remote_port: 0, first_ms: 0, last_ms: 0, ..self }
            }
        }
    }

    /// Adds the numbers of a row with the same key. Sums above `u64::MAX` are that.
    fn add(&mut self, other: &Self) {
        self.tx = self.tx.saturating_add(other.tx);
        self.rx = self.rx.saturating_add(other.rx);
        self.flows = self.flows.saturating_add(other.flows);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// These bytes are no block, or not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block of the history is damaged")]
pub(crate) struct Damaged;
