use std::{env, ffi::OsStr};

use jiff::{Timestamp, Zoned, tz::TimeZone};
use portolan_core::{UnixMillis, Untrusted};

use crate::output;

/// The clock and the time zone of the person at the terminal, read once when a command starts.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
}

impl Clock {
    /// Reads the system's clock and zone. Where that is none, times are those of UTC, and who has asked for another is told.
    pub(crate) fn read() -> Self {
        let zone = TimeZone::try_system().or_else(|error| match env::var_os("TZ") {
            Some(given) => without_rule(&given).ok_or_else(|| {
                let sentence = format!("times are in UTC: TZ={} is no time zone: {error}", given.display());
                output::complain(&Untrusted::from(sentence).for_terminal());
            }),
            None => Err(()),
        });
        Self { now: Timestamp::now(), zone: zone.unwrap_or(TimeZone::UTC) }
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

/// A zone such as `CET-1CEST`, which has summers and does not say when. They are those that the C library means then, of the United
/// States.
fn without_rule(given: &OsStr) -> Option<TimeZone> {
    TimeZone::posix(&format!("{},M3.2.0,M11.1.0", given.to_str()?)).ok()
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
    fn a_zone_that_does_not_say_when_summer_is_has_one() {
        let zone = without_rule(OsStr::new("CET-1CEST")).unwrap();
        let hour = |at: &str| at.parse::<Timestamp>().unwrap().to_zoned(zone.clone()).hour();
        assert_eq!((hour("2026-01-01T00:00:00Z"), hour("2026-07-01T00:00:00Z")), (1, 2));
        assert!(without_rule(OsStr::new("nowhere")).is_none());
    }

    #[test]
    fn durations_name_their_two_largest_units() {
        let shown: Vec<String> =
            [-1, 59_999, 200_000, 7_500_000, 349_200_000].into_iter().map(duration).collect();
        assert_eq!(shown, ["0 s", "59 s", "3 min 20 s", "2 h 5 min", "4 d 1 h"]);
    }
}
