//! Durations and sizes as people write them.

use std::time::Duration;

/// Milliseconds of a unit, the words for it; the first is how it is shown with more than one, or one.
const DURATIONS: [(u64, &[&str]); 7] = [
    (365 * 86_400_000, &["years", "year", "y"]),
    (7 * 86_400_000, &["weeks", "week", "w"]),
    (86_400_000, &["days", "day", "d"]),
    (3_600_000, &["h", "hour", "hours"]),
    (60_000, &["min", "minute", "minutes"]),
    (1000, &["s", "sec", "second", "seconds"]),
    (1, &["ms", "millisecond", "milliseconds"]),
];

const SIZES: [(u64, &str); 7] = [
    (1_000_000_000_000, "TB"),
    (1_000_000_000, "GB"),
    (1 << 30, "GiB"),
    (1_000_000, "MB"),
    (1 << 20, "MiB"),
    (1000, "kB"),
    (1 << 10, "KiB"),
];

/// `10 s`, `7 days`; what it is not, as a clause.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let expected = "a number and its unit, such as \"10 s\", \"15 min\", \"24 h\", \"7 days\" or \"2 years\"";
    let (number, unit) =
        parts(text).ok_or_else(|| format!("{text:?} is no duration; expected {expected}"))?;
    let unit = unit.to_ascii_lowercase();
    let ms = DURATIONS.iter().find(|(_, words)| words.contains(&unit.as_str())).map(|(ms, _)| *ms);
    match (unit.as_str(), ms) {
        ("", None) if number == 0 => Ok(Duration::ZERO),
        ("", None) => Err(format!("{text:?} has no unit; expected {expected}")),
        (_, None) => Err(format!("{unit:?} is no unit of time; expected {expected}")),
        (_, Some(ms)) => number
            .checked_mul(ms)
            .map(Duration::from_millis)
            .ok_or_else(|| format!("{text:?} is longer than anything lasts")),
    }
}

/// The same, or `for ever`, which is `None`.
pub(crate) fn age(text: &str) -> Result<Option<Duration>, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "for ever" | "forever" => Ok(None),
        _ => duration(text).map(Some).map_err(|error| format!("{error}, or \"for ever\"")),
    }
}

/// `2 GB`, in bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let expected = "a number and its unit, such as \"500 MB\" or \"2 GB\"";
    let (number, unit) = parts(text).ok_or_else(|| format!("{text:?} is no size; expected {expected}"))?;
    let bytes = SIZES.iter().find(|(_, word)| word.eq_ignore_ascii_case(unit)).map(|(bytes, _)| *bytes);
    let bytes = bytes.ok_or_else(|| match unit {
        "" => format!("{text:?} has no unit; expected {expected}"),
        _ => format!("{unit:?} is no unit of a size; expected {expected}"),
    })?;
    number.checked_mul(bytes).ok_or_else(|| format!("{text:?} is more than any disk has"))
}

pub(crate) fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    // A week is shown in days.
    let shown = DURATIONS.iter().filter(|(unit, _)| *unit != 7 * 86_400_000);
    let fits = |(unit, _): &&(u64, &[&str])| ms >= *unit && ms % *unit == 0;
    match shown.into_iter().find(fits) {
        None => "0 s".to_owned(),
        Some((unit, words)) if ms == *unit && words[0].ends_with('s') && words[0].len() > 2 => {
            format!("1 {}", words[1])
        }
        Some((unit, words)) => format!("{} {}", ms / unit, words[0]),
    }
}

pub(crate) fn show_age(age: Option<Duration>) -> String {
    age.map_or_else(|| "for ever".to_owned(), show_duration)
}

pub(crate) fn show_size(bytes: u64) -> String {
    let (unit, word) = SIZES.iter().find(|(unit, _)| bytes.is_multiple_of(*unit)).unwrap_or(&(1, "B"));
    format!("{} {word}", bytes / unit)
}

fn parts(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_back() {
        for text in ["100 ms", "10 s", "90 s", "15 min", "1 day", "7 days", "1 year", "2 years", "1 h", "0 s"]
        {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for (text, shown) in [("10s", "10 s"), ("24 hours", "1 day"), ("2w", "14 days"), ("0", "0 s")] {
            assert_eq!(show_duration(duration(text).unwrap()), shown);
        }
        for text in ["2 GB", "500 MB", "1 GiB", "1536 KiB", "64 MiB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
        assert_eq!((size("2gb"), age("For Ever"), age("forever")), (Ok(2_000_000_000), Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_none_is_said() {
        for (text, part) in [
            ("10", "no unit"),
            ("ten s", "no duration"),
            ("", "no duration"),
            ("-1 s", "no duration"),
            ("1.5 h", "no unit of time"),
            ("1 fortnight", "\"fortnight\" is no unit"),
            ("99999999999999999999 s", "no duration"),
            ("9999999999999999 years", "longer than"),
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        for text in ["10", "2 GBs", "99999999999999 TB", "GB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
