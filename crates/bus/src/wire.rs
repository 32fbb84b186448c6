use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zvariant::Type;

use crate::{Ledger, NetworkLayer};

/// How much of its work the daemon can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[serde(rename_all = "lowercase")]
#[zvariant(signature = "s")]
#[ts(export, export_to = "bindings.ts")]
pub enum DaemonState {
    /// Everything works.
    Recording,
    /// It records, but something is missing: an inactive hook, or a history that cannot be written. `Status::notes` says what.
    Reduced,
}

/// Whose traffic the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[serde(rename_all = "lowercase")]
#[zvariant(signature = "s")]
#[ts(export, export_to = "bindings.ts")]
pub enum Access {
    /// Only the caller's own uid.
    Own,
    /// Everybody.
    All,
}

/// How the last self-test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[serde(rename_all = "lowercase")]
#[zvariant(signature = "s")]
#[ts(export, export_to = "bindings.ts")]
pub enum SelfTestState {
    /// It has not ended yet.
    Running,
    /// Every byte that the daemon moved was counted.
    Passed,
    /// The count differs from what was moved.
    Failed,
    /// It could not be run.
    Impossible,
}

/// One protocol of a self-test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct SelfTestPart {
    /// `tcp-ipv4`, `udp-ipv4`, `tcp-ipv6` or `udp-ipv6`.
    pub name: String,
    /// How it ended; `impossible` where this machine has no such loopback.
    pub state: SelfTestState,
    /// Bytes that were moved, each of them once sent and once received.
    #[ts(type = "number")]
    pub moved_bytes: u64,
    /// Bytes that were counted as sent.
    #[ts(type = "number")]
    pub counted_tx_bytes: u64,
    /// Bytes that were counted as received.
    #[ts(type = "number")]
    pub counted_rx_bytes: u64,
}

/// What the daemon found when it moved known bytes through loopback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct SelfTest {
    /// How it ended.
    pub state: SelfTestState,
    /// A sentence: what was moved and what was counted.
    pub detail: String,
    /// When it ended.
    #[ts(type = "number | null")]
    pub checked_unix_ms: Option<i64>,
    /// Each protocol by itself; none while it runs, or when it could not be run.
    pub parts: Vec<SelfTestPart>,
}

/// A place in the kernel where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Hook {
    /// The hook's name, as the kernel calls it.
    pub name: String,
    /// Whether it is attached.
    pub active: bool,
    /// What it is for; when it is not active, why not and what is missing therefore.
    pub reason: String,
}

/// Whose the bytes were, since the daemon started; payload bytes, sent and received together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Attribution {
    /// All bytes: always `attributed + kernel + excluded + the sum of unattributed`.
    #[ts(type = "number")]
    pub total: u64,
    /// Bytes of a known executable.
    #[ts(type = "number")]
    pub attributed: u64,
    /// Bytes that the kernel moved itself.
    #[ts(type = "number")]
    pub kernel: u64,
    /// Bytes by the reason why their executable is not known.
    #[ts(type = "Record<string, number>")]
    pub unattributed: BTreeMap<String, u64>,
    /// Bytes that the configuration excludes, whoever moved them: they are in no history.
    #[ts(type = "number")]
    pub excluded: u64,
    /// Bytes of owners that are still being identified.
    #[ts(type = "number")]
    pub pending: u64,
}

/// The history file. Who may only see their own traffic is told only why it cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct HistoryInfo {
    /// Where it is; empty for who may not know.
    pub path: String,
    /// Its size with the write-ahead log; `None` for who may not know, and where it cannot be read.
    #[ts(type = "number | null")]
    pub size_bytes: Option<u64>,
    /// The start of its oldest bucket; `None` for the same, and where there is none.
    #[ts(type = "number | null")]
    pub first_unix_ms: Option<i64>,
    /// Why it cannot be written at the moment.
    pub problem: Option<String>,
}

/// What the daemon itself uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Resources {
    /// CPU time since it started.
    #[ts(type = "number")]
    pub cpu_ms: u64,
    /// Proportional set size.
    #[ts(type = "number")]
    pub pss_bytes: u64,
    /// Sockets that are counted now.
    #[ts(type = "number")]
    pub sockets: u64,
    /// Processes that are known now.
    #[ts(type = "number")]
    pub processes: u64,
    /// Process events that were taken from the kernel since it started.
    #[ts(type = "number")]
    pub process_events: u64,
}

/// The daemon's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Whether everything works.
    pub state: DaemonState,
    /// A sentence for each thing that does not work.
    pub notes: Vec<String>,
    /// What the caller may see.
    pub access: Access,
    /// When the daemon started.
    #[ts(type = "number")]
    pub started_unix_ms: i64,
    /// The last self-test.
    pub self_test: SelfTest,
    /// How bytes are counted on this kernel, and what that cannot see: a sentence.
    pub counting: String,
    /// Where the daemon listens.
    pub hooks: Vec<Hook>,
    /// Whose the bytes were.
    pub attribution: Attribution,
    /// Whether that is everything.
    pub ledger: Ledger,
    /// What the network moved for it.
    pub network: NetworkLayer,
    /// What was lost, by kind; 0 where nothing was. The unit is part of the kind's name.
    #[ts(type = "Record<string, number>")]
    pub losses: BTreeMap<String, u64>,
    /// The history file.
    pub history: HistoryInfo,
    /// What the daemon uses.
    pub resources: Resources,
    /// How many applications nobody has looked at.
    pub unreviewed: u32,
    /// Until when what begins to talk is learned, to be reviewed as one list; `None` when nothing is.
    #[ts(type = "number | null")]
    pub learning_until_unix_ms: Option<i64>,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[serde(rename_all = "lowercase")]
#[zvariant(signature = "s")]
#[ts(export, export_to = "bindings.ts")]
pub enum FindingState {
    /// Nobody has answered.
    Open,
    /// The application was approved.
    Approved,
    /// The application was ignored; a finding that no review answers was dismissed.
    Ignored,
}

/// How much a finding should disturb a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type, TS)]
#[serde(rename_all = "lowercase")]
#[zvariant(signature = "s")]
#[ts(export, export_to = "bindings.ts")]
pub enum Severity {
    /// To be found when somebody looks: it is explained.
    Quiet,
    /// To be told once.
    Normal,
    /// To be told at once, and to stay until it is answered.
    Loud,
}

/// Something a person should know. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct Finding {
    /// Its number, which never changes.
    #[ts(type = "number")]
    pub id: i64,
    /// `new-application`, `changed-executable`, `changed-file`, `upgraded`, `foreign-code`, `unidentified`, `baseline`,
    /// `lost-events`, `self-test-failed`, `unbalanced-ledger`, `history-damaged`, `history-not-written`.
    pub kind: String,
    /// How much it should disturb.
    pub severity: Severity,
    /// How it stands.
    pub state: FindingState,
    /// When it happened; of what was found again, when it was news the last time.
    #[ts(type = "number")]
    pub unix_ms: i64,
    /// When it was found last, and how often.
    #[ts(type = "number")]
    pub updated_unix_ms: i64,
    /// How often it was found.
    pub times: u32,
    /// Of an open one: not to be shown before then.
    #[ts(type = "number | null")]
    pub snoozed_until_unix_ms: Option<i64>,
    /// Who answered it (a uid).
    pub answered_by: Option<u32>,
    /// When that was.
    #[ts(type = "number | null")]
    pub answered_unix_ms: Option<i64>,
    /// What a review would answer; `None` for findings about several applications (they are the members of the evidence), and
    /// about the daemon itself.
    pub application: Option<String>,
    /// The path of the executable or script.
    pub path: Option<String>,
    /// Its hash; of a file that was changed, of what was known to be in it.
    pub sha256: Option<String>,
    /// The hash that this path had before.
    pub previous_sha256: Option<String>,
    /// Who started it.
    pub parent_path: Option<String>,
    /// As which user.
    pub uid: Option<u32>,
    /// Where it talked to first: `address:port`, IPv6 in brackets.
    pub remote: Option<String>,
    /// What that is called; `None` when no name was seen.
    pub remote_name: Option<String>,
    /// Whether it may as well be another name.
    pub remote_name_inferred: bool,
    /// A sentence, for findings about the daemon itself.
    pub detail: Option<String>,
    /// What it rests on: `portolan_core::Evidence` as JSON.
    pub evidence: Option<String>,
}

/// What one program of one user did in one tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct LiveRow {
    /// The application key; `None` for the kernel and for bytes without an owner.
    pub application: Option<String>,
    /// The executable's path; `kernel`, or the reason why there is no owner, where `application` is `None`.
    pub path: String,
    /// The executable's hash.
    pub sha256: Option<String>,
    /// The path of what started it.
    pub parent_path: Option<String>,
    /// `unreviewed`, `approved` or `ignored`.
    pub review: Option<String>,
    /// The systemd unit that it runs in; of a user's systemd `user@UID.service/UNIT`.
    pub unit: Option<String>,
    /// The container that it runs in: `kind:name`.
    pub container: Option<String>,
    /// As which user.
    pub uid: u32,
    /// Where most of the bytes of the tick went: `address:port`.
    pub remote: Option<String>,
    /// What that is called; `None` when no name was seen.
    pub domain: Option<String>,
    /// Whether it may as well be another name.
    pub domain_inferred: bool,
    /// Payload bytes sent in the tick.
    #[ts(type = "number")]
    pub tx_bytes: u64,
    /// Payload bytes received in the tick.
    #[ts(type = "number")]
    pub rx_bytes: u64,
    /// Flows that are open.
    pub flows: u32,
}

/// What happened between two readings of the kernel's counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, TS)]
#[ts(export, export_to = "bindings.ts")]
pub struct LiveTick {
    /// When the counters were read.
    #[ts(type = "number")]
    pub unix_ms: i64,
    /// Since how long ago.
    pub interval_ms: u32,
    /// Programs with bytes or open flows.
    pub rows: Vec<LiveRow>,
}
