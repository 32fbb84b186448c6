//! The history: who moved how many bytes with whom, kept in one SQLite file.
//!
//! [`History`] is the one writer and belongs to one thread. A [`Reader`] is a separate connection that cannot write, opened
//! for each question. Why the schema is as it is stands in `docs/decisions/0002-history-schema.md`.
//!
//! Invariants:
//! - No clock: every time is an argument.
//! - What was written when [`History::write`] returned `Ok` survives the loss of power; what it failed to write left no
//!   trace, so that the same records can be written again.
//! - SQL text is made of constants of this crate only; every value is a bound parameter.
//! - A reader that is given a viewer sees rows of that uid only, also of the members of findings about several applications.
//!   What moved comes through one place, `scan/`, which nobody enters without a `Sight`.
#![forbid(unsafe_code)]

mod block;
mod cache;
mod error;
mod forget;
mod history;
mod ids;
mod import;
mod intern;
pub mod language;
pub mod line;
mod migrations;
mod open;
pub mod picosnitch;
mod place;
mod query;
mod reader;
mod record;
mod retention;
mod rollup;
mod salvage;
mod scan;
mod set_aside;
mod spans;
mod tables;
mod unused;
mod watch;

pub use error::{OpenError, ReadError, SetAsideError, Told, WriteError};
pub use forget::{ForgetError, Forgetting, can_be_forgotten};
pub use history::History;
pub use import::{Batch, Flow, Imported, Importing, Program, Ready, Refused, Source};
pub use portolan_core::Retention;
pub use query::{
    Answer, Covered, FlowActor, FlowPeer, FlowRow, Group, Keys, Limits, Line, Question, Series, Step, Sum,
};
pub use reader::{Info, LevelInfo, Reader, ServiceName, level_names};
pub use record::Record;
pub use retention::Retained;
pub use salvage::{Salvage, SalvageError, Saved};
pub use spans::Spans;
pub use tables::application::{ApplicationRow, Content, KnownApplication};
pub use tables::checkpoint::Checkpoint;
pub use tables::finding::{Answered, FindingRow, FindingState, NewFinding, Subject};
pub use tables::forgotten::Forgotten;
pub use tables::learning::Learning;

#[cfg(test)]
extern crate self as portolan_history;
#[cfg(test)]
#[allow(dead_code, reason = "the tests beside this crate need more of it")]
#[path = "../tests/history/world.rs"]
mod world;
