//! The query language: one text that says which traffic is meant, for the command line, the windows, the terminal and the web.
//! `docs/query.md` is its manual.
//!
//! Invariants: no I/O and no clock; a text of any content is read in time linear in what [`MAX_CHARACTERS`] allows, and never panics.

use std::{net::IpAddr, ops::RangeInclusive};

use portolan_core::{Dimension, Domain, UnixMillis};

mod amount;
mod complete;
mod display;
mod filter;
mod fits;
mod letters;
pub mod moment;
mod parse;
mod problem;
mod term;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub use complete::{Completion, Offer, complete};
pub use display::quoted;
pub(crate) use parse::parse_kept;
pub use parse::{MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS, parse};
pub use portolan_core::Pattern;
pub use problem::Problem;

/// Which traffic is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Of whom, with whom, and as what.
    pub filter: Filter,
    /// Only what moved at or after this; `None` from the beginning.
    pub since: Option<UnixMillis>,
    /// Only what moved before this; `None` to the end.
    pub until: Option<UnixMillis>,
    /// Only groups whose sums are all of these.
    pub totals: Vec<Total>,
}

/// A condition on what moved, with all that is said by `and`, `or` and `not`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these; of none: everything.
    Every(Vec<Self>),
    /// One of these; of none: nothing.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// This.
    Has(Condition),
}

impl Default for Filter {
    fn default() -> Self {
        Self::Every(Vec::new())
    }
}

/// That a field has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Of what.
    pub field: Field,
    /// Which.
    pub wanted: Wanted,
}

/// What a condition can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What one can group by, too; all but [`Dimension::Time`].
    Of(Dimension),
    /// The SHA-256 of the executable or of the script that it runs.
    Sha256,
    /// Any of the executables that started it, however far up.
    Ancestor,
    /// How a person has reviewed the application.
    State,
    /// `program`, `kernel`, or why nobody is known.
    Owner,
    /// The local address.
    Local,
    /// Either port.
    AnyPort,
    /// The text of any of: application, executable, script, command line, unit, container, domain, network, country, address.
    /// Wanted of it is [`Wanted::Like`] only, with anything before and behind.
    Text,
}

/// The value that a condition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// None: it is not known.
    NotKnown,
    /// Any.
    Known,
    /// A text, compared without case; which texts a field's value answers to, [`Condition::fits_text`] says.
    Like(Pattern),
    /// This text and no other, of an application's key or an executable's path. The language has no word for it; it is written as
    /// [`Wanted::Like`].
    Exactly(String),
    /// A number among these.
    Number(RangeInclusive<i64>),
    /// An address whose first bits are these.
    Network {
        /// The network's own address: all further bits are 0, and IPv4 in IPv6 is IPv4.
        address: IpAddr,
        /// How many bits count.
        bits: u8,
    },
    /// This name and all below it.
    Below(Domain),
}

/// A condition on the sum of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Of what.
    pub measure: Measure,
    /// What it is to be among.
    pub range: RangeInclusive<u64>,
}

/// What is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Bytes sent.
    Tx,
    /// Bytes received.
    Rx,
    /// Both.
    Bytes,
    /// Flows opened.
    Flows,
}
