//! Amounts, rates and shares as a person reads them.

use crate::{
    look::{Language, Look},
    number::real,
};

const DECIMAL: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl Look {
    /// Bytes with three digits and their unit: `1.23 GB`.
    pub(crate) fn bytes(&self, bytes: u64) -> String {
        self.amount(real(bytes))
    }

    /// Bytes, which a mean need not have whole.
    pub(crate) fn amount(&self, bytes: f64) -> String {
        let (mut rest, base, prefixes) = self.in_units(bytes);
        let mut prefixes = prefixes.iter();
        let mut prefix = prefixes.next().copied().unwrap_or_default();
        while rest >= 999.5 {
            let Some(next) = prefixes.next() else { break };
            (rest, prefix) = (rest / base, next);
        }
        let digits = match rest {
            _ if prefix.is_empty() => 0,
            rest if rest < 9.995 => 2,
            rest if rest < 99.95 => 1,
            _ => 0,
        };
        format!("{}\u{a0}{prefix}{}", self.digits(rest, digits), self.unit())
    }

    /// What an axis is marked with from 0 to at least `max`, which is bytes: few round amounts, each with its label.
    pub(crate) fn marks(&self, max: f64, most: f64) -> Vec<(f64, String)> {
        let (top, base, prefixes) = self.in_units(max.max(1.0));
        let mut unit = 1.0;
        let mut prefix = "";
        for next in prefixes.iter().skip(1) {
            if top / unit < base {
                break;
            }
            (unit, prefix) = (unit * base, next);
        }
        let rough = top / unit / most.max(1.0);
        let power = 10_f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 2.5, 5.0, 10.0].map(|of| of * power).into_iter().find(|step| *step >= rough * 0.999);
        // There are no parts of a byte.
        let step = step.unwrap_or(power).max(if prefix.is_empty() { 1.0 } else { 0.0 });
        let decimals = if step >= 1.0 && step.fract() == 0.0 {
            0
        } else if step >= 0.1 {
            1
        } else {
            2
        };
        let per_byte = if self.units.bits { 8.0 } else { 1.0 };
        let mut marks = Vec::new();
        for at in 0_u32..=20 {
            let value = f64::from(at) * step;
            let label = match at {
                0 => "0".to_owned(),
                _ => format!("{}\u{a0}{prefix}{}", self.digits(value, decimals), self.unit()),
            };
            marks.push((value * unit / per_byte, label));
            if value >= top / unit {
                break;
            }
        }
        marks
    }

    /// A share in percent, never rounded up to all or down to nothing.
    pub(crate) fn percent(&self, part: u64, whole: u64) -> String {
        let Some(per_myriad) = (u128::from(part) * 10_000).checked_div(u128::from(whole)) else {
            return "–".to_owned();
        };
        if per_myriad < 10 && part > 0 {
            return format!("<{}\u{a0}%", self.digits(0.1, 1));
        }
        let per_myriad = u32::try_from(per_myriad.min(10_000)).unwrap_or_default();
        let decimals = match per_myriad {
            10_000 => 0,
            9_900.. => 2,
            _ => 1,
        };
        // Down, so that all is all.
        let per_myriad = if decimals == 1 { per_myriad / 10 * 10 } else { per_myriad };
        format!("{}\u{a0}%", self.digits(f64::from(per_myriad) / 100.0, decimals))
    }

    /// A number of things, in groups of three digits.
    pub(crate) fn count(&self, number: u64) -> String {
        let digits = number.to_string();
        // In Spanish four digits stay together.
        let separator = match self.language {
            Language::English => ',',
            Language::Spanish if digits.len() < 5 => return digits,
            Language::Spanish => '\u{202f}',
        };
        let mut shown = String::new();
        for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
            shown.push(digit);
            if place > 0 && place % 3 == 0 {
                shown.push(separator);
            }
        }
        shown
    }

    fn in_units(&self, bytes: f64) -> (f64, f64, [&'static str; 7]) {
        let amount = if self.units.bits { bytes * 8.0 } else { bytes };
        if self.units.binary { (amount, 1024.0, BINARY) } else { (amount, 1000.0, DECIMAL) }
    }

    fn unit(&self) -> &'static str {
        if self.units.bits { "bit" } else { "B" }
    }

    fn digits(&self, number: f64, decimals: usize) -> String {
        let shown = format!("{number:.decimals$}");
        self.say(shown.clone(), shown.replace('.', ","))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::look::Units;

    fn look(language: Language, bits: bool, binary: bool) -> Look {
        Look { units: Units { bits, binary }, ..Look::new(language, TimeZone::UTC) }
    }

    #[test]
    fn amounts_have_three_digits_in_either_language() {
        let english = look(Language::English, false, false);
        for (bytes, shown) in [(0, "0 B"), (999, "999 B"), (1_234_567, "1.23 MB"), (99_960_000, "100 MB")] {
            assert_eq!(english.bytes(bytes).replace('\u{a0}', " "), shown);
        }
        assert_eq!(look(Language::Spanish, false, true).bytes(1_536), "1,50\u{a0}KiB");
        assert_eq!(look(Language::English, true, false).bytes(1_000), "8.00\u{a0}kbit");
        assert_eq!(look(Language::English, false, false).bytes(u64::MAX), "18.4\u{a0}EB");
        assert_eq!(
            [1_234, 12_345].map(|n| look(Language::Spanish, false, false).count(n)),
            ["1234", "12\u{202f}345"]
        );
    }

    #[test]
    fn marks_are_round_and_reach_the_top() {
        for look in [look(Language::English, false, false), look(Language::Spanish, true, true)] {
            for max in [0.0, 1.0, 37.0, 999.0, 1_000.0, 2.4e6, 1.8e19] {
                let marks = look.marks(max, 5.0);
                assert!((2..=8).contains(&marks.len()), "{max} {marks:?}");
                assert!(marks.last().unwrap().0 >= max * 0.999, "{max} {marks:?}");
            }
        }
        let marks = look(Language::English, false, false).marks(2.4e6, 5.0);
        assert_eq!(marks[1].1, "0.5\u{a0}MB");
    }

    #[test]
    fn a_share_is_never_all_of_it_that_is_not() {
        let english = look(Language::English, false, false);
        assert_eq!(english.percent(999_999, 1_000_000), "99.99\u{a0}%");
        assert_eq!(english.percent(1, u64::MAX), "<0.1\u{a0}%");
        assert_eq!((english.percent(5, 5), english.percent(0, 0)), ("100\u{a0}%".to_owned(), "–".to_owned()));
    }
}
