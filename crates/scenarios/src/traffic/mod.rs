//! The table: each file holds the scenarios of one family. A new one is a value in one of them.

mod below;
mod calls;
mod connections;
mod datagrams;
mod processes;

use crate::Scenario;

/// All scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    connections::SCENARIOS,
    datagrams::SCENARIOS,
    below::SCENARIOS,
    calls::SCENARIOS,
    processes::SCENARIOS,
];
