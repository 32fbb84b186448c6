use std::io::{self, Write};

use serde::Serialize;

use crate::{Scenario, Tried, Verdict, Witness};

/// What stands below the table.
const LEGEND: &str = "\
detection: executables that Portolan names with the right path, hash and parent, of those that were run.
expected, seen: bytes that the programs say they moved, and that Portolan says; error: by how many it is wrong.
witness: bytes that nftables counted on the wire, up (sent) and down, headers included; lo: over loopback.
agree: trials in which everything was right, of all. Figures are of the first that was not, else of the last.
";

/// All trials of one scenario.
#[derive(Debug, Serialize)]
pub struct Run {
    /// Its number in the table.
    pub number: u8,
    /// What it is called.
    pub name: &'static str,
    /// Why it is there.
    pub special: &'static str,
    /// What came of each trial.
    pub trials: Vec<Outcome>,
}

/// What came of one trial.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It was compared.
    Judged {
        /// The sizes of this trial come from it.
        seed: u64,
        /// One for each executable.
        verdicts: Vec<Verdict>,
        /// What nftables counted.
        witness: Witness,
        /// What does not fit between that and what was moved.
        witness_fault: Option<String>,
        /// What Portolan knows of those that it disagrees about, row by row.
        details: Vec<String>,
        /// How long after the traffic the answer was complete, in milliseconds.
        answered_after_ms: u64,
    },
    /// The kernel refuses.
    CannotRun {
        /// What it said.
        reason: String,
    },
    /// The scenario itself failed.
    Failed {
        /// The sizes of this trial come from it.
        seed: u64,
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// What came of a trial with this seed.
    #[must_use]
    pub fn new(tried: Tried, seed: u64) -> Self {
        match tried {
            Tried::Judged { verdicts, witness, witness_fault, details, answered_after } => Self::Judged {
                seed,
                verdicts,
                witness,
                witness_fault,
                details,
                answered_after_ms: u64::try_from(answered_after.as_millis()).unwrap_or(u64::MAX),
            },
            Tried::CannotRun(reason) => Self::CannotRun { reason },
            Tried::Failed(reason) => Self::Failed { seed, reason },
        }
    }

    fn agrees(&self) -> bool {
        match self {
            Self::Judged { verdicts, witness_fault, .. } => {
                witness_fault.is_none() && verdicts.iter().all(|verdict| verdict.faults.is_empty())
            }
            Self::CannotRun { .. } | Self::Failed { .. } => false,
        }
    }

    /// What disagrees, for a person.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        match self {
            Self::Judged { seed, verdicts, witness_fault, details, .. } => {
                let of = |verdict: &Verdict| -> Vec<String> {
                    let name = verdict.expected.path.display().to_string();
                    verdict.faults.iter().map(|fault| format!("seed {seed}: {name} {fault}")).collect()
                };
                let witness = witness_fault.iter().map(|fault| format!("seed {seed}: {fault}"));
                let details = details.iter().map(|row| format!("  {row}"));
                verdicts.iter().flat_map(of).chain(witness).chain(details).collect()
            }
            Self::CannotRun { .. } => Vec::new(),
            Self::Failed { seed, reason } => vec![format!("seed {seed}: {reason}")],
        }
    }
}

impl Run {
    /// The run of a scenario before its first trial.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self { number: scenario.number, name: scenario.name, special: scenario.special, trials: Vec::new() }
    }

    /// Whether the kernel refused each time.
    fn refusal(&self) -> Option<&str> {
        self.trials
            .iter()
            .map(|trial| match trial {
                Outcome::CannotRun { reason } => Some(reason.as_str()),
                Outcome::Judged { .. } | Outcome::Failed { .. } => None,
            })
            .next_back()
            .flatten()
    }
}

/// Whether every scenario that the kernel can run agreed in every trial.
#[must_use]
pub fn is_good(runs: &[Run]) -> bool {
    runs.iter().all(|run| run.refusal().is_some() || run.trials.iter().all(Outcome::agrees))
}

/// Prints the table: figures of the first trial that disagrees, else of the last one.
///
/// # Errors
/// The terminal is gone.
pub fn print(runs: &[Run], out: &mut impl Write) -> io::Result<()> {
    let head = ["#", "scenario", "detection", "tx expected", "tx seen", "rx expected", "rx seen", "error"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines[0].extend(["witness up".to_owned(), "witness down".to_owned(), "agree".to_owned()]);
    for run in runs {
        lines.push(line(run));
    }
    let columns = lines[0].len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            1 | 2 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    write!(out, "\n{LEGEND}")?;
    for run in runs {
        if let Some(reason) = run.refusal() {
            writeln!(out, "{} {} cannot run on this kernel: {reason}", run.number, run.name)?;
        }
        for fault in run.trials.iter().flat_map(Outcome::faults) {
            writeln!(out, "{} {}: {fault}", run.number, run.name)?;
        }
    }
    Ok(())
}

fn line(run: &Run) -> Vec<String> {
    let mut cells = vec![run.number.to_string(), run.name.to_owned()];
    if run.refusal().is_some() {
        cells.push("cannot run".to_owned());
        return cells;
    }
    let shown = run.trials.iter().find(|trial| !trial.agrees()).or(run.trials.last());
    let agreed = run.trials.iter().filter(|trial| trial.agrees()).count();
    if let Some(Outcome::Judged { verdicts, witness, .. }) = shown {
        let sum = |number: fn(&Verdict) -> u64| verdicts.iter().map(number).sum::<u64>();
        let detected = verdicts.iter().filter(|verdict| verdict.is_detected).count();
        cells.push(format!("{detected}/{}", verdicts.len()));
        cells.push(sum(|verdict| verdict.expected.tx).to_string());
        cells.push(sum(|verdict| verdict.seen.tx).to_string());
        cells.push(sum(|verdict| verdict.expected.rx).to_string());
        cells.push(sum(|verdict| verdict.seen.rx).to_string());
        cells.push(sum(Verdict::error_bytes).to_string());
        let is_local = witness.up.packets + witness.down.packets < witness.loopback.packets;
        if is_local {
            cells.extend([format!("lo {}", witness.loopback.bytes), String::new()]);
        } else {
            cells.extend([witness.up.bytes.to_string(), witness.down.bytes.to_string()]);
        }
    } else {
        cells.push("failed".to_owned());
        cells.extend(std::iter::repeat_n(String::new(), 7));
    }
    cells.push(format!("{agreed}/{}", run.trials.len()));
    cells
}
