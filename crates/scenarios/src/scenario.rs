use std::fmt;

use crate::{SCENARIOS, Trial};

/// One kind of traffic: a line of the table that everything is judged on.
pub struct Scenario {
    /// Its number in the table.
    pub number: u8,
    /// What it is called.
    pub name: &'static str,
    /// Why it is there.
    pub special: &'static str,
    /// How long a trial takes.
    pub pace: Pace,
    /// Moves the bytes, and says through the trial what is expected. Fails when something went wrong, and with
    /// [`cannot_run`] when the kernel cannot do it, as found by trying.
    pub run: fn(&mut Trial<'_>) -> anyhow::Result<()>,
}

/// How long a trial takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Seconds: also run by `cargo xtask test`.
    Quick,
    /// Longer.
    Slow,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.name)
    }
}

/// The scenarios with these numbers, in the order of the numbers; all of them when there are none.
///
/// # Errors
/// There is none with one of the numbers.
pub fn find(numbers: &[u8]) -> anyhow::Result<Vec<&'static Scenario>> {
    let mut all: Vec<&Scenario> = SCENARIOS.iter().copied().flatten().collect();
    all.sort_by_key(|scenario| scenario.number);
    if let Some(number) = numbers.iter().find(|number| !all.iter().any(|known| known.number == **number)) {
        anyhow::bail!("there is no scenario {number}; --list prints those that there are");
    }
    all.retain(|scenario| numbers.is_empty() || numbers.contains(&scenario.number));
    Ok(all)
}

/// The kernel cannot do what a scenario needs.
#[derive(Debug)]
pub(crate) struct CannotRun(pub(crate) String);

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotRun {}

/// The error of a scenario that this kernel cannot run; `reason` is what the kernel said when it was tried.
#[must_use]
pub fn cannot_run(reason: impl Into<String>) -> anyhow::Error {
    CannotRun(reason.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_there_once_and_can_be_chosen() {
        let numbers: Vec<u8> = find(&[]).unwrap().iter().map(|scenario| scenario.number).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!(find(&[9, 4]).unwrap().iter().map(|scenario| scenario.number).collect::<Vec<_>>(), [4, 9]);
        assert!(find(&[200]).is_err());
    }
}
