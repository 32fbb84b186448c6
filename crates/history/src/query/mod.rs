//! Questions over what moved, and their answers.

mod answer;
mod flow;
mod question;

pub use answer::{Answer, Covered, Group, Line, Series, Sum};
pub use flow::{FlowActor, FlowPeer, FlowRow};
pub use question::{Limits, Question, Step};
