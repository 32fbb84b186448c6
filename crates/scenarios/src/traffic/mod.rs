//! The table: each file holds the scenarios of one family. A new one is a value in one of them.

mod below;
mod calls;
mod closing;
mod connections;
mod container;
mod datagrams;
mod early_sockets;
mod execs;
mod files;
mod interpreters;
mod killed;
mod many_peers;
mod mptcp;
mod pid_reuse;
mod processes;
mod shared_socket;
mod unusual;

use crate::Scenario;

/// All scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    connections::SCENARIOS,
    datagrams::SCENARIOS,
    below::SCENARIOS,
    calls::SCENARIOS,
    processes::SCENARIOS,
    container::SCENARIOS,
    many_peers::SCENARIOS,
    shared_socket::SCENARIOS,
    early_sockets::SCENARIOS,
    files::SCENARIOS,
    interpreters::SCENARIOS,
    mptcp::SCENARIOS,
    execs::SCENARIOS,
    pid_reuse::SCENARIOS,
    killed::SCENARIOS,
    closing::SCENARIOS,
    unusual::SCENARIOS,
];
