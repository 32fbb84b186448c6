//! Figures of several rounds.

/// One figure of each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The middle one; of an even number, the mean of the two in the middle. `None` without a round.
    pub(crate) fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let upper = sorted.get(sorted.len() / 2)?;
        let lower = sorted.get(sorted.len().checked_sub(1)? / 2)?;
        Some(f64::midpoint(*lower, *upper))
    }

    /// Each figure in relation to the one of the same round in `other`.
    pub(crate) fn over(&self, other: &Self) -> Self {
        self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect()
    }

    /// Median, least and most, each shown by `show`.
    pub(crate) fn show(&self, show: impl Fn(f64) -> String) -> String {
        let sorted = self.sorted();
        match (self.median(), sorted.first(), sorted.last()) {
            (Some(median), Some(least), Some(most)) if sorted.len() > 1 => {
                format!("{} ({} to {})", show(median), show(*least), show(*most))
            }
            (Some(median), ..) => show(median),
            _ => "–".to_owned(),
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<T: IntoIterator<Item = f64>>(figures: T) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// A count as a figure.
#[expect(clippy::as_conversions, reason = "a figure that is measured has fewer than 53 exact bits")]
pub(crate) fn figure(count: impl Into<u128>) -> f64 {
    count.into() as f64
}

/// `1.07` as `+7.0 %`.
pub(crate) fn growth(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// `0.991` as `99.1 %`.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Rounds::default().median(), None);
        assert_eq!([3.0, 1.0, 2.0].into_iter().collect::<Rounds>().median(), Some(2.0));
        assert_eq!([4.0, 1.0, 2.0, 3.0].into_iter().collect::<Rounds>().median(), Some(2.5));
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let with: Rounds = [11.0, 20.0, 33.0].into_iter().collect();
        let without: Rounds = [10.0, 20.0, 30.0].into_iter().collect();
        assert_eq!(with.over(&without).show(growth), "+10.0 % (+0.0 % to +10.0 %)");
    }
}
