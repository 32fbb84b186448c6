//! Questions over what moved, and their answers.
//!
//! A filter becomes sets of actors and peers (`conditions.rs`, `sight.rs`), rows are summed by the classes of their numbers (`classes.rs`,
//! `sums.rs`), and groups that are shown get their words (`words.rs`). Rows come from `scan/` only.

mod answer;
mod ask;
mod classes;
mod columns;
mod conditions;
mod flow;
mod flows;
mod gaps;
mod keys;
mod pattern;
mod question;
mod series;
mod sight;
mod steps;
mod sums;
mod values;
mod words;

pub use answer::{Answer, Covered, Group, Line, Series, Sum};
pub use flow::{FlowActor, FlowPeer, FlowRow};
pub use keys::Keys;
pub use question::{Limits, Question, Step};

pub(crate) use ask::answer;
pub(crate) use flows::flows;
pub(crate) use series::series;
pub(crate) use sight::{Ports, Sight};
pub(crate) use values::values;
