use jiff::{Timestamp, Zoned, tz::TimeZone};
use portolan_core::UnixMillis;

/// The clock and the time zone of the person at the terminal, read once when a command starts.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
}

impl Clock {
    /// Reads the system's clock and zone.
    pub(crate) fn read() -> Self {
        Self { now: Timestamp::now(), zone: TimeZone::system() }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.now.as_millisecond()
    }

    /// `2026-03-01 14:05:09`, local time.
    pub(crate) fn full(&self, instant: UnixMillis) -> String {
        self.zoned(instant, |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// `14:05:09` for today, else `2026-03-01 14:05`.
    pub(crate) fn short(&self, instant: UnixMillis) -> String {
        let today = self.now.to_zoned(self.zone.clone()).date();
        self.zoned(instant, |zoned| {
            let format = if zoned.date() == today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
            zoned.strftime(format).to_string()
        })
    }

    /// As [`Clock::short`] for a terminal, as [`Clock::full`] for a file or a pipe (`terminal_width` is `None`).
    pub(crate) fn for_table(&self, instant: UnixMillis, terminal_width: Option<usize>) -> String {
        if terminal_width.is_some() { self.short(instant) } else { self.full(instant) }
    }

    /// An instant outside of jiff's years is shown as its number.
    fn zoned(&self, instant: UnixMillis, show: impl Fn(Zoned) -> String) -> String {
        match Timestamp::from_millisecond(instant.0) {
            Ok(timestamp) => show(timestamp.to_zoned(self.zone.clone())),
            Err(_) => format!("{} ms", instant.0),
        }
    }
}

/// A length of time: `3 min 20 s`, `2 h 5 min`, `4 d 1 h`. Below 0 is 0.
pub(crate) fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_short_and_other_days_are_not() {
        let now = "2026-03-01T14:00:00Z".parse().unwrap();
        let clock = Clock { now, zone: TimeZone::fixed(jiff::tz::offset(2)) };
        assert_eq!(clock.short(UnixMillis(clock.now_ms() - 1000)), "15:59:59");
        assert_eq!(clock.short(UnixMillis(clock.now_ms() - 86_400_000)), "2026-02-28 16:00");
        assert_eq!(clock.full(UnixMillis(0)), "1970-01-01 02:00:00");
        assert_eq!(clock.full(UnixMillis(i64::MAX)), "9223372036854775807 ms");
    }

    #[test]
    fn durations_name_their_two_largest_units() {
        let shown: Vec<String> =
            [-1, 59_999, 200_000, 7_500_000, 349_200_000].into_iter().map(duration).collect();
        assert_eq!(shown, ["0 s", "59 s", "3 min 20 s", "2 h 5 min", "4 d 1 h"]);
    }
}
