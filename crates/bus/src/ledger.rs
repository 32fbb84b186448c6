use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

/// Whether everything that was counted has an owner, or a reason for having none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[serde(rename_all = "kebab-case")]
#[zvariant(signature = "s")]
#[ts(export, export_to = "bindings.ts")]
pub enum LedgerState {
    /// The parts add up to the truth.
    Balanced,
    /// They are short by less than what moved while the last readings were taken: a reading is not atomic.
    InFlight,
    /// They differ by more than that: a fault of the daemon, and a finding.
    Unbalanced,
}

/// What programs moved over one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct ProtocolBytes {
    /// `tcp`, `udp` or `other`; `before-takeover` for what moved before this daemon took over from another, which had not
    /// written it yet.
    pub protocol: String,
    /// Payload bytes sent.
    #[ts(type = "number")]
    pub tx_bytes: u64,
    /// Payload bytes received.
    #[ts(type = "number")]
    pub rx_bytes: u64,
}

/// What the kernel programs counted before they asked whose it was, against what all owners add up to.
///
/// Since the daemon started, of all users and network namespaces. Always
/// `truth = Attribution::total + Attribution::pending + self_test + difference`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Ledger {
    /// How both compare.
    pub state: LedgerState,
    /// All bytes, sent and received together, as of the last reading.
    #[ts(type = "number")]
    pub truth: u64,
    /// The same by protocol.
    pub protocols: Vec<ProtocolBytes>,
    /// Bytes that the daemon's own self-tests moved: in no history.
    #[ts(type = "number")]
    pub self_test: u64,
    /// What the parts are short of the truth; negative when they are more.
    #[ts(type = "number")]
    pub difference: i64,
}

/// A line of the comparison of sockets and network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct NetworkLine {
    /// What it counts: `sockets`, `other-namespaces`, `tcp-headers`, `udp-headers`, `retransmissions`, `echo-replies`, `icmp`,
    /// `forwarded`,
    /// `rest`, `ip`, `frames`, `interfaces`, `loopback`.
    pub name: String,
    /// Sent; negative for what has to be taken off.
    #[ts(type = "number")]
    pub tx_bytes: i64,
    /// Received.
    #[ts(type = "number")]
    pub rx_bytes: i64,
    /// Whether it is a number of packets times a usual size, and not counted.
    pub estimate: bool,
}

/// What the interfaces of the machine's own network namespace moved since the daemon started, and how that comes from what
/// programs moved at their sockets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct NetworkLayer {
    /// Why it cannot be read; there are no lines then.
    pub problem: Option<String>,
    /// `sockets` to `rest` add up to `ip`, `ip` and `frames` to `interfaces`, of which `loopback` is a part.
    pub lines: Vec<NetworkLine>,
}
