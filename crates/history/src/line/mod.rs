//! What moved, one line for each flow and interval, for other programs: exports and the text log. `docs/export.md` is its manual.

mod flow;
mod write;

pub use flow::{FlowLine, Parent};
pub use write::{Format, Lines};
