//! The same traffic, watched by Portolan and by other tools, one after the other: whose bytes are named right.

mod tools;
mod traffic;

use std::{path::Path, process::Command, thread, time::Duration};

use anyhow::Context as _;
use portolan_testbed::{Folder, Program};

use self::{
    tools::{SETTLE, TOOLS, Tool},
    traffic::{SCENARIOS, Scenario, Stage},
};
use crate::{
    Effort,
    bed::Bed,
    figures::{Rounds, figure, percent},
    process::cpu_time,
    say,
    table::Table,
    wire::{DEVICE, Wire},
};

/// How long a tool may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one watcher made of one scenario, in all rounds.
#[derive(Default)]
struct Cell {
    /// Bytes that are attributed to the right executable, of those that it moved, at most all.
    share: Rounds,
    /// The same, and more than all where headers are counted as well.
    said: Rounds,
    cpu: Rounds,
}

/// One round of one watcher.
struct Watched {
    share: f64,
    said: f64,
    cpu: Duration,
}

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let rounds = effort.choose(3, 1);
    let bed = Bed::start()?;
    let mut table = Table::new(&["scenario", "Portolan", "bandwhich", "rustnet-monitor", "nethogs"]);
    let mut cells: Vec<[Cell; TOOLS.len() + 1]> = SCENARIOS.iter().map(|_| Default::default()).collect();
    for round in 1..=rounds {
        for (scenario, cells) in SCENARIOS.iter().zip(&mut cells) {
            say(&format!("round {round} of {rounds}, scenario {}", scenario.number));
            let (own, others) = cells.split_first_mut().context("nobody watches")?;
            own.take(&watched_by_portolan(&bed, scenario, effort)?);
            for (tool, cell) in TOOLS.iter().zip(others) {
                if let Some(program) = tool.find(&effort.tools) {
                    cell.take(&watched_by(tool, &program, scenario, effort)?);
                }
            }
        }
    }
    for (scenario, cells) in SCENARIOS.iter().zip(&cells) {
        let name = format!("{}: {}", scenario.number, scenario.name);
        let row: Vec<String> = std::iter::once(name).chain(cells.iter().map(Cell::show)).collect();
        table.row(&row);
    }
    table.note(format!(
        "In each cell: bytes attributed to the right executable, of the bytes that it moved by its own count; CPU time of the \
         tool, from its start on. Medians of {rounds} rounds, least and most in brackets. At most 100 % of each executable \
         count; “says” is what the tool attributes to them where that is more, because it counts headers and repetitions."
    ));
    table.note("Portolan is asked by the path of the executable.");
    for tool in &TOOLS {
        match tool.find(&effort.tools) {
            Some(_) => table.note(tool.note),
            None => table.note(format!(
                "{}: –, because it is not there (it did not compile, or is not installed).",
                tool.name
            )),
        }
    }
    Ok(vec![table])
}

impl Cell {
    fn take(&mut self, watched: &Watched) {
        self.share.push(watched.share);
        self.said.push(watched.said);
        self.cpu.push(watched.cpu.as_secs_f64());
    }

    fn show(&self) -> String {
        let Some(said) = self.said.median() else { return "–".to_owned() };
        let says = if said > 1.0005 { format!(", says {}", percent(said)) } else { String::new() };
        format!("{}{says}; {}", self.share.show(percent), self.cpu.show(|seconds| format!("{seconds:.2} s")))
    }
}

fn watched_by_portolan(bed: &Bed, scenario: &Scenario, effort: &Effort) -> anyhow::Result<Watched> {
    let (wire, folder) = (Wire::new()?, Folder::for_everybody()?);
    let daemon = bed.daemon()?;
    let stage = Stage::new(&wire, &folder, effort)?;
    let (moved, _) = stage.run(scenario)?;
    thread::sleep(SETTLE);
    stage.end()?;
    let mut said = Vec::new();
    for (path, bytes) in &moved {
        said.push((bed.moved(path)?, *bytes));
    }
    Ok(judge(&said, cpu_time(daemon.pid())?))
}

fn watched_by(tool: &Tool, program: &Path, scenario: &Scenario, effort: &Effort) -> anyhow::Result<Watched> {
    let (wire, folder) = (Wire::new()?, Folder::for_everybody()?);
    let stage = Stage::new(&wire, &folder, effort)?;
    let mut command = Command::new(program);
    command.args(tool.arguments(DEVICE, &folder));
    let mut watcher = wire.here(|| Ok(Program::start(tool.name, command)?))?;
    match tool.ready {
        Some(word) => {
            watcher.wait_for_line("its first screen", PATIENCE, |line| line.contains(word).then_some(()))?
        }
        None => thread::sleep(SETTLE),
    }
    let (moved, _) = stage.run(scenario)?;
    thread::sleep(SETTLE);
    stage.end()?;
    let cpu = cpu_time(watcher.pid())
        .with_context(|| format!("{} ended. It printed:\n{}", tool.name, watcher.output()))?;
    // One that has to be killed has said what it saw before that.
    drop(watcher.stop());
    let seen = tool.read(&watcher.output(), &folder);
    let word = |path: &Path| {
        let name = if tool.knows_paths { path.as_os_str() } else { path.file_name().unwrap_or_default() };
        name.to_string_lossy().into_owned()
    };
    let said = moved.iter().map(|(path, bytes)| (seen.get(&word(path)).copied().unwrap_or_default(), *bytes));
    Ok(judge(&said.collect::<Vec<_>>(), cpu))
}

/// `said` holds for each executable what was attributed to it, and what it moved.
fn judge(said: &[(u64, u64)], cpu: Duration) -> Watched {
    let moved: u64 = said.iter().map(|(_, moved)| moved).sum();
    let of = |bytes: u64| figure(bytes) / figure(moved.max(1));
    Watched {
        share: of(said.iter().map(|(said, moved)| said.min(moved)).sum()),
        said: of(said.iter().map(|(said, _)| said).sum()),
        cpu,
    }
}
