//! Moments as people write them.

use jiff::{SignedDuration, Timestamp, ToSpan as _, Unit, Zoned, civil};
use portolan_core::{ParseError, UnixMillis};

const EXPECTED: &str = "how long ago (90s, 15m, 1h, 7d, 2w, 1h30m), a local date or date and time (2026-03-01, \
                        \"2026-03-01 14:30\"), RFC 3339 (2026-03-01T14:30:00Z), @ and the seconds since 1970, now, \
                        today or yesterday";

/// Reads a moment.
///
/// A duration lies before now; a date is its start in the time zone of `now`. A local time that the clocks jumped over is
/// read as if they had not, one that came twice is its first.
pub fn parse(text: &str, now: &Zoned) -> Result<UnixMillis, ParseError> {
    let given = text.trim();
    let moment = match given {
        "now" => Some(now.timestamp()),
        _ => start(given, now)
            .or_else(|| seconds(given))
            .or_else(|| now.timestamp().checked_sub(length(given)?).ok())
            .or_else(|| given.parse::<Timestamp>().ok())
            .or_else(|| local(given, now)),
    };
    moment.map(millis).ok_or_else(|| ParseError::new("moment", text, EXPECTED))
}

/// The first moment of a day, and the first after it: of `today`, `yesterday` or a date.
pub fn day(text: &str, now: &Zoned) -> Result<(UnixMillis, UnixMillis), ParseError> {
    let found = date(text.trim(), now).and_then(|date| {
        let next = date.checked_add(1.day()).ok()?;
        Some((millis(midnight(date, now)?), millis(midnight(next, now)?)))
    });
    found.ok_or_else(|| ParseError::new("day", text, "a date such as 2026-03-01, today or yesterday"))
}

/// Reads a length of time: numbers, each with its unit (`90s`, `1h30m`).
#[must_use]
pub fn length(given: &str) -> Option<SignedDuration> {
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

/// RFC 3339 in UTC, which [`parse`] reads back; of what lies outside of jiff's years, the nearest moment within.
pub(super) fn written(moment: UnixMillis) -> String {
    let limit = if moment.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(moment.0).unwrap_or(limit).to_string()
}

fn millis(moment: Timestamp) -> UnixMillis {
    UnixMillis(moment.as_millisecond())
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

/// The start of `today` or `yesterday`.
fn start(given: &str, now: &Zoned) -> Option<Timestamp> {
    matches!(given, "today" | "yesterday").then(|| midnight(date(given, now)?, now))?
}

fn date(given: &str, now: &Zoned) -> Option<civil::Date> {
    match given {
        "today" => Some(now.date()),
        "yesterday" => now.date().yesterday().ok(),
        // A date with a time of day is no day.
        _ if given.len() <= "-009999-12-31".len() && !given.contains(['T', 't', ' ']) => given.parse().ok(),
        _ => None,
    }
}

fn midnight(date: civil::Date, now: &Zoned) -> Option<Timestamp> {
    date.to_zoned(now.time_zone().clone()).ok().map(|zoned| zoned.timestamp())
}

/// A date with or without a time of day, without a zone.
fn local(given: &str, now: &Zoned) -> Option<Timestamp> {
    let datetime: civil::DateTime = given.parse().ok()?;
    let zoned = datetime.round(Unit::Millisecond).ok()?.to_zoned(now.time_zone().clone()).ok()?;
    Some(zoned.timestamp())
}
