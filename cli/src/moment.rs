//! What `--since`, `--until` and `findings snooze` understand.

use jiff::{SignedDuration, Timestamp, Unit, Zoned, civil};
use portolan_core::ParseError;

use crate::show::clock::Clock;

const EXPECTED: &str = "how long ago (90s, 15m, 1h, 7d, 2w, 1h30m), a local date or date and time (2026-03-01, \
                        \"2026-03-01 14:30\"), RFC 3339 (2026-03-01T14:30:00Z), @ and the seconds since 1970, now, \
                        today or yesterday";

/// Reads a moment, in milliseconds since 1970.
///
/// A duration lies before now; a date is its start in the local time zone. A local time that the clocks jumped over is
/// read as if they had not, one that came twice is its first.
pub(crate) fn parse(text: &str, clock: &Clock) -> Result<i64, ParseError> {
    let given = text.trim();
    let moment = match given {
        "now" => Some(clock.now),
        "today" => midnight(clock, 0),
        "yesterday" => midnight(clock, 1),
        _ => seconds(given)
            .or_else(|| clock.now.checked_sub(ago(given)?).ok())
            .or_else(|| given.parse::<Timestamp>().ok())
            .or_else(|| local(given, clock)),
    };
    moment.map(|moment| moment.as_millisecond()).ok_or_else(|| ParseError::new("moment", text, EXPECTED))
}

/// Reads how long from now, as the moment when that is over; `None` for `off`.
pub(crate) fn coming(text: &str, clock: &Clock) -> Result<Option<i64>, ParseError> {
    let given = text.trim();
    if given == "off" {
        return Ok(None);
    }
    let moment = ago(given).and_then(|long| clock.now.checked_add(long).ok());
    let expected = "how long (90m, 2h, 7d, 1h30m), or off";
    moment.map(|moment| Some(moment.as_millisecond())).ok_or_else(|| ParseError::new("time", text, expected))
}

/// `@1767225600`, also with a fraction.
fn seconds(given: &str) -> Option<Timestamp> {
    let digits = given.strip_prefix('@')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let negative = whole.starts_with('-');
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i32 = format!("{fraction:0<9.9}").parse().ok()?;
    Timestamp::new(whole.parse().ok()?, if negative { -nanoseconds } else { nanoseconds }).ok()
}

/// Numbers, each with its unit: `90s`, `1h30m`.
fn ago(given: &str) -> Option<SignedDuration> {
    let mut total = 0_i64;
    let mut number = String::new();
    for c in given.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && !given.is_empty()).then(|| SignedDuration::from_secs(total))
}

fn midnight(clock: &Clock, days_ago: i64) -> Option<Timestamp> {
    let today = clock.now.to_zoned(clock.zone.clone()).date();
    let date = today.checked_sub(jiff::Span::new().try_days(days_ago).ok()?).ok()?;
    date.to_zoned(clock.zone.clone()).ok().map(|zoned: Zoned| zoned.timestamp())
}

/// A date with or without a time of day, without a zone.
fn local(given: &str, clock: &Clock) -> Option<Timestamp> {
    let datetime: civil::DateTime = given.parse().ok()?;
    let zoned = datetime.round(Unit::Millisecond).ok()?.to_zoned(clock.zone.clone()).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, ParseError> {
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let clock = Clock { now: "2026-03-01T14:05:09Z".parse().unwrap(), zone };
        parse(text, &clock).map(|ms| Timestamp::from_millisecond(ms).unwrap().to_string())
    }

    #[test]
    fn every_documented_form_is_understood() {
        let cases = [
            ("now", "2026-03-01T14:05:09Z"),
            ("90s", "2026-03-01T14:03:39Z"),
            ("15m", "2026-03-01T13:50:09Z"),
            ("1h30m", "2026-03-01T12:35:09Z"),
            ("7d", "2026-02-22T14:05:09Z"),
            ("2w", "2026-02-15T14:05:09Z"),
            ("today", "2026-02-28T23:00:00Z"),
            ("yesterday", "2026-02-27T23:00:00Z"),
            ("2026-02-01", "2026-01-31T23:00:00Z"),
            ("2026-02-01 14:30", "2026-02-01T13:30:00Z"),
            ("2026-02-01T14:30:15", "2026-02-01T13:30:15Z"),
            ("2026-07-01 14:30", "2026-07-01T12:30:00Z"),
            ("2026-02-01T14:30:00Z", "2026-02-01T14:30:00Z"),
            ("2026-02-01T14:30:00+05:30", "2026-02-01T09:00:00Z"),
            ("@0", "1970-01-01T00:00:00Z"),
            ("@1.5", "1970-01-01T00:00:01.5Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_to_come_is_a_length_of_time_or_off() {
        let clock = Clock { now: "2026-03-01T14:05:09Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC };
        let now = clock.now.as_millisecond();
        assert_eq!(coming("1h30m", &clock), Ok(Some(now + 5_400_000)));
        assert_eq!(coming(" off ", &clock), Ok(None));
        for text in ["", "2", "tomorrow", "-2h", "9999999999999w"] {
            assert!(coming(text, &clock).unwrap_err().to_string().contains("90m, 2h"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_would_do() {
        let bad = [
            "",
            "h",
            "1",
            "1x",
            "1h2",
            "-1h",
            "@",
            "@x",
            "@1.",
            "2026-13-01",
            "99999999999999999999h",
            "14:30",
        ];
        for text in bad {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains("15m, 1h, 7d"), "{text}: {error}");
        }
        assert!(read("9999999999999w").is_err());
    }
}
