/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Three digits and a decimal unit.
    Rounded,
    /// Every digit in groups of three, no unit.
    Exact,
}

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Bytes for a person: `0 B`, `1.23 kB`, `12.3 MB`; 1 kB is 1000 bytes.
pub(crate) fn bytes(count: u64, precision: Precision) -> String {
    match precision {
        Precision::Exact => grouped(count),
        Precision::Rounded => rounded(count),
    }
}

/// Every digit, in groups of three: `12 345`, `-1 234`.
pub(crate) fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut shown = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        shown.push(digit);
        if place > 0 && place % 3 == 0 {
            shown.push(' ');
        }
    }
    shown
}

/// A number of things: `1 row`, `12 345 rows`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

/// Bytes in a second: `1.23 kB/s`.
///
/// An interval of 0 is read as 1 ms.
pub(crate) fn per_second(count: u64, interval_ms: u32) -> u64 {
    let rate = u128::from(count) * 1000 / u128::from(interval_ms.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A share of a whole in percent with one decimal, rounded down so that `100.0 %` means all of it; `<0.1 %` is
/// more than nothing.
///
/// `None` when the whole is 0.
pub(crate) fn percent(part: u64, whole: u64) -> Option<String> {
    let per_mille = (u128::from(part) * 1000).checked_div(u128::from(whole))?;
    Some(match per_mille {
        0 if part > 0 => "<0.1 %".to_owned(),
        _ => format!("{}.{} %", per_mille / 10, per_mille % 10),
    })
}

fn rounded(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    let count = u128::from(count);
    let mut unit = 1000_u128;
    for name in UNITS.iter().skip(1) {
        let parts = |scale: u128| (count * scale + unit / 2) / unit;
        let (hundredths, tenths, whole) = (parts(100), parts(10), parts(1));
        if hundredths < 1000 {
            return format!("{}.{:02} {name}", hundredths / 100, hundredths % 100);
        }
        if tenths < 1000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        if whole < 1000 {
            return format!("{whole} {name}");
        }
        unit *= 1000;
    }
    format!("{count} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_at_every_size() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (count, shown) in cases {
            assert_eq!(bytes(count, Precision::Rounded), shown);
        }
        assert_eq!(bytes(u64::MAX, Precision::Exact), "18 446 744 073 709 551 615");
        assert_eq!([0, -999, 1000, -1_234_567].map(grouped), ["0", "-999", "1 000", "-1 234 567"]);
    }

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(percent(999_999, 1_000_000).as_deref(), Some("99.9 %"));
        assert_eq!(percent(u64::MAX, u64::MAX).as_deref(), Some("100.0 %"));
        assert_eq!(percent(1, u64::MAX).as_deref(), Some("<0.1 %"));
        assert_eq!(percent(0, 7).as_deref(), Some("0.0 %"));
        assert_eq!(percent(0, 0), None);
    }

    #[test]
    fn a_rate_survives_odd_intervals() {
        assert_eq!(per_second(500, 250), 2000);
        assert_eq!(per_second(7, 0), 7000);
        assert_eq!(per_second(u64::MAX, 1), u64::MAX);
    }
}
