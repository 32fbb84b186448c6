//! Amounts and comparisons of them.

use std::ops::RangeInclusive;

use super::Measure;

/// How a value compares with what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    /// The numbers for which it holds, of those up to `largest`; `None` when there is none.
    pub(super) fn range(self, number: u64, largest: u64) -> Option<RangeInclusive<u64>> {
        let range = match self {
            Self::Equal | Self::NotEqual => number..=number,
            Self::Below => 0..=number.checked_sub(1)?,
            Self::AtMost => 0..=number,
            Self::Above => number.checked_add(1)?..=largest,
            Self::AtLeast => number..=largest,
        };
        (*range.end() <= largest && !range.is_empty()).then_some(range)
    }
}

const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
];

/// Reads `10MB`, `1.5GiB`, `300`, `20k`; of flows without the `B`. `None` when it is no amount, or one that is not whole.
pub(super) fn read(text: &str, measure: Measure) -> Option<u64> {
    let (digits, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let unit = unit.trim_start();
    let factor = match unit {
        "" => 1,
        "b" | "B" if measure != Measure::Flows => 1,
        _ => {
            let fits = |name: &str| {
                let short = name.strip_suffix('B').unwrap_or(name);
                unit.eq_ignore_ascii_case(short)
                    || (unit.eq_ignore_ascii_case(name) && measure != Measure::Flows)
            };
            UNITS.iter().find(|(name, _)| fits(name))?.1
        }
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if fraction.len() > 12 || whole.is_empty() {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = whole.parse::<u64>().map(u128::from).ok()? * scale + fraction.parse::<u128>().ok()?;
    let amount = scaled.checked_mul(factor.into())?;
    (amount % scale == 0).then(|| u64::try_from(amount / scale).ok())?
}

/// The amount as [`read`] reads it back, with the largest unit that it is a whole number of.
pub(super) fn written(amount: u64, measure: Measure) -> String {
    let unit = UNITS.iter().find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) if measure != Measure::Flows => format!("{}{name}", amount / factor),
        _ => amount.to_string(),
    }
}

/// How a range is written behind the word of a measure.
pub(super) fn condition(range: &RangeInclusive<u64>, measure: Measure) -> String {
    let written = |amount| written(amount, measure);
    // The shorter of two ways to say the same.
    let either = |sign: &str, bound: u64, other: Option<u64>| {
        let (with, without) = (written(bound), other.map(written));
        match without {
            Some(other) if other.len() < with.len() => format!("{sign}{other}"),
            _ => format!("{sign}={with}"),
        }
    };
    match (*range.start(), *range.end()) {
        (from, to) if from == to => format!("={}", written(from)),
        (from, u64::MAX) => either(">", from, from.checked_sub(1)),
        (0, to) => either("<", to, to.checked_add(1)),
        (from, to) => format!(":{}-{}", written(from), written(to)),
    }
}
