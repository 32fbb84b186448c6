use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Payload bytes that a program moved at its sockets, by direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Bytes {
    /// Bytes that left this program.
    pub tx: u64,
    /// Bytes that this program received.
    pub rx: u64,
}

impl Bytes {
    /// Growth of a cumulative pair since `last`; each direction is 0 where the counter did not grow.
    #[must_use]
    pub fn growth_since(self, last: Self) -> Self {
        Self { tx: self.tx.saturating_sub(last.tx), rx: self.rx.saturating_sub(last.rx) }
    }

    /// Both directions together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.tx.saturating_add(self.rx)
    }

    /// Whether nothing moved.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.tx == 0 && self.rx == 0
    }
}

impl Add for Bytes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { tx: self.tx.saturating_add(other.tx), rx: self.rx.saturating_add(other.rx) }
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
