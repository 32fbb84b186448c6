use std::{path::PathBuf, time::Duration};

use portolan_core::{FindingKind, Retention, Severity};

use crate::Exclusions;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// What a person can set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// What of the traffic is written down, and how often.
    pub recording: Recording,
    /// How long it is kept.
    pub retention: Retention,
    /// The first time on a machine.
    pub learning: Learning,
    /// Which findings disturb a person.
    pub notifications: Notifications,
    /// Where addresses belong.
    pub places: Places,
    /// What is recorded, as lines of a text file.
    pub log: Log,
    /// What is not recorded at all.
    pub exclusions: Exclusions,
}

/// What of the traffic is written down, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// How often the counters are read: 100 ms to 10 s.
    pub tick: Duration,
    /// How long one entry of the history lasts: 1 s to 1 h, a whole part of an hour.
    pub bucket: Duration,
    /// Command lines, their secrets masked.
    pub command_lines: bool,
    /// Both sides' addresses, and so countries and networks.
    pub addresses: bool,
    /// Both sides' ports.
    pub ports: bool,
    /// The names of the other sides.
    pub domains: bool,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(1),
            bucket: Duration::from_secs(10),
            command_lines: true,
            addresses: true,
            ports: true,
            domains: true,
        }
    }
}

/// The first time on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learning {
    /// How long, while the daemon runs and the machine is awake, what talks is learned as one list: 0 to 365 days.
    pub period: Duration,
}

impl Default for Learning {
    fn default() -> Self {
        Self { period: Duration::from_secs(DAY) }
    }
}

/// Which findings disturb a person. All are recorded and listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notifications {
    /// How severe a finding must be; `None` when none is to be told.
    pub least: Option<Severity>,
    /// Kinds that are not told, however severe.
    pub quiet_kinds: Vec<FindingKind>,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { least: Some(Severity::Normal), quiet_kinds: Vec::new() }
    }
}

impl Notifications {
    /// Whether a finding is to be told; otherwise it is there for who looks.
    #[must_use]
    pub fn tell(&self, kind: FindingKind, severity: Severity) -> bool {
        self.least.is_some_and(|least| severity >= least) && !self.quiet_kinds.contains(&kind)
    }
}

/// Where addresses belong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// Databases of which the first that knows something says it; `None` for Portolan's own, an empty list for none.
    pub databases: Option<Vec<PathBuf>>,
}

/// What is recorded, as lines of a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The file, an absolute path; `None`: no log.
    pub file: Option<PathBuf>,
    /// How it is written.
    pub format: LogFormat,
    /// A file of this size is put aside as `FILE.1`, and a new one begun.
    pub rotate_bytes: u64,
    /// So many of those are kept.
    pub keep: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { file: None, format: LogFormat::Json, rotate_bytes: 64 << 20, keep: 5 }
    }
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object on each.
    Json,
    /// Commas between cells, and headings at the top.
    Csv,
}

impl LogFormat {
    /// The word in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}
