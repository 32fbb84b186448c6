//! The words that every part of Portolan shares, and the pure logic on them.
//!
//! Invariant: no I/O, no clock, no thread. Time arrives as an argument.
#![forbid(unsafe_code)]

mod answers;
mod application;
mod bytes;
mod container;
mod dimension;
mod evidence;
mod executable;
mod finding;
mod flow;
mod name;
mod owner;
mod pattern;
mod place;
mod placement;
mod process;
mod provenance;
mod retention;
mod secrets;
mod text;
mod time;
mod unattributed;
mod unit;

pub use answers::{Answer, AnswersError, Change};
pub use application::{
    ApplicationKey, Code, Facts, FileOrigin, Interpreted, Invocation, ReviewState, code_variables,
};
pub use bytes::Bytes;
pub use container::{Container, ContainerKind};
pub use dimension::Dimension;
pub use evidence::{
    ChangeEvidence, ChangeKind, Evidence, FileContent, ForeignCode, ForeignCodeKind, Member, ProcessEvidence,
};
pub use executable::{Executable, Sha256Digest};
pub use finding::{FindingKind, Severity};
pub use flow::{Direction, Endpoint, Flow, Protocol};
pub use name::{Domain, Name, NameSource, Recognised, named_remote};
pub use owner::{Lineage, Owner};
pub use pattern::{Pattern, lower};
pub use place::{Country, Network, Place, Range};
pub use placement::Placement;
pub use process::{Pid, ProcessKey, Uid};
pub use provenance::{Package, PackageManager, Provenance};
pub use retention::Retention;
pub use secrets::mask_secrets;
pub use text::{Untrusted, harmless_json};
pub use time::{MonotonicNs, UnixMillis};
pub use unattributed::Unattributed;
pub use unit::{Unit, UnitManager};

/// A word that does not parse: what was given and what would have been understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{given}” is no {what}; expected {expected}")]
pub struct ParseError {
    /// What kind of word was expected.
    pub what: &'static str,
    /// The text as given, made safe for a terminal.
    pub given: String,
    /// The words that would have been understood.
    pub expected: &'static str,
}

impl ParseError {
    /// An error that quotes what was given.
    #[must_use]
    pub fn new(what: &'static str, given: &str, expected: &'static str) -> Self {
        Self { what, given: Untrusted::from(given).for_terminal(), expected }
    }
}
