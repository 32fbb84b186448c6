//! What `findings snooze` understands.

use portolan_core::ParseError;
use portolan_history::language::moment;

use crate::show::clock::Clock;

/// Reads how long from now, as the moment when that is over; `None` for `off`.
pub(crate) fn coming(text: &str, clock: &Clock) -> Result<Option<i64>, ParseError> {
    let given = text.trim();
    if given == "off" {
        return Ok(None);
    }
    let moment = moment::length(given).and_then(|long| clock.now.checked_add(long).ok());
    let expected = "how long (90m, 2h, 7d, 1h30m), or off";
    moment.map(|moment| Some(moment.as_millisecond())).ok_or_else(|| ParseError::new("time", text, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
