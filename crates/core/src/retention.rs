use std::time::Duration;

/// How long what moved is kept, by how exactly it is known; `None` for ever. What is coarser is kept at least as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Buckets as they were counted, with ports and times.
    pub bucket: Option<Duration>,
    /// Minutes.
    pub minute: Option<Duration>,
    /// Hours.
    pub hour: Option<Duration>,
    /// Days.
    pub day: Option<Duration>,
    /// How large the history may become, in bytes. Beyond, the oldest of the finest go first, never the newest.
    pub max_bytes: u64,
}

impl Default for Retention {
    /// Buckets 7 days, minutes 30, hours 2 years, days for ever; 2 GB.
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        Self { bucket: days(7), minute: days(30), hour: days(730), day: None, max_bytes: 2_000_000_000 }
    }
}

impl Retention {
    /// The same without ages: what holds while the clock is not believed.
    #[must_use]
    pub fn by_size_only(self) -> Self {
        Self { bucket: None, minute: None, hour: None, day: None, ..self }
    }
}
