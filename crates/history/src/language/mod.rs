//! The query language: one text that says which traffic is meant, for the command line, the windows, the terminal and the web.
//! `docs/query.md` is its manual.

use std::{net::IpAddr, ops::RangeInclusive};

use portolan_core::{Dimension, Domain, UnixMillis};

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
    Text,
}

/// The value that a condition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// None: it is not known.
    NotKnown,
    /// Any.
    Known,
    /// A text, compared without case.
    Like(Pattern),
    /// A number among these.
    Number(RangeInclusive<i64>),
    /// An address whose first bits are these.
    Network {
        /// The network's own address.
        address: IpAddr,
        /// How many bits count.
        bits: u8,
    },
    /// This name and all below it.
    Below(Domain),
}

/// A text with `*` for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What stands between the stars, in lower case; one part: the whole text is that.
    pub parts: Vec<String>,
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
