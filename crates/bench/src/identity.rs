//! What it costs that every executed file is looked at, and how fast files are hashed.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::{
    Effort,
    bed::Bed,
    figures::{Rounds, figure},
    process::cpu_time,
    say,
    table::Table,
};

/// What is executed: it does nothing.
const PROGRAM: &str = "/bin/true";
/// What an exec may cost more, in microseconds.
const TARGET_MICROS: f64 = 100.0;
/// Nothing is hashed for longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A daemon that has used no CPU for so long is done.
const QUIET: Duration = Duration::from_millis(300);

/// What is executed, so often.
struct Load {
    name: &'static str,
    run: fn(&Folder, u32) -> anyhow::Result<Duration>,
}

const LOADS: [Load; 3] = [
    Load {
        name: "exec of a program that ran before",
        run: |_, count| execute(&vec![PROGRAM.into(); size(count)]),
    },
    Load { name: "exec of a file that is new", run: |folder, count| execute(&folder.copies(count)?) },
    Load { name: "exec of a script", run: |folder, count| execute(&vec![folder.script()?; size(count)]) },
];

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let bed = Bed::start()?;
    Ok(vec![execs(&bed, effort)?, hashing(&bed, effort)?])
}

fn execs(bed: &Bed, effort: &Effort) -> anyhow::Result<Table> {
    let (rounds, count) = (effort.choose(11, 1), effort.choose(300, 10));
    let mut with = [const { Vec::new() }; LOADS.len()];
    let mut without = [const { Vec::new() }; LOADS.len()];
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}"));
        // In turn, so that neither always follows the other.
        let turns = if round % 2 == 0 { [true, false] } else { [false, true] };
        for is_with in turns {
            let daemon = if is_with { Some(bed.daemon()?) } else { None };
            for (load, (with, without)) in LOADS.iter().zip(with.iter_mut().zip(&mut without)) {
                let folder = Folder::new()?;
                let micros = (load.run)(&folder, count)?.as_secs_f64() * 1e6 / f64::from(count);
                if is_with { with.push(micros) } else { without.push(micros) }
            }
            drop(daemon);
        }
    }
    let mut table =
        Table::new(&["start to end of a program", "without, µs", "with, µs", "more, µs", "target"]);
    let micros = |figure: f64| format!("{figure:.0}");
    for (load, (with, without)) in LOADS.iter().zip(with.into_iter().zip(without)) {
        let more: Rounds = with.iter().zip(&without).map(|(with, without)| with - without).collect();
        table.row(&[
            load.name.to_owned(),
            without.into_iter().collect::<Rounds>().show(micros),
            with.into_iter().collect::<Rounds>().show(micros),
            more.show(micros),
            format!("≤ {TARGET_MICROS:.0}"),
        ]);
    }
    table.note(format!(
        "Medians of {rounds} rounds of {count} programs, one after the other, least and most in brackets; what is more is that of \
         each round. The daemon hashes meanwhile, on this machine's other core."
    ));
    Ok(table)
}

/// A large executable: how fast it is hashed, and what that costs others.
fn hashing(bed: &Bed, effort: &Effort) -> anyhow::Result<Table> {
    let bytes: u64 = effort.choose(500_000_000, 5_000_000);
    let folder = Folder::new()?;
    let large = folder.large(bytes)?;
    let rate = |time: Duration| figure(bytes) / time.as_secs_f64() / 1e9;
    let mut table = Table::new(&["SHA-256 of an executable of 500 MB", "GB/s", "target"]);
    for tool in ["sha256sum", "openssl dgst -sha256"] {
        let mut words = tool.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        let began = Instant::now();
        let output = command.args(words).arg(&large).output();
        let shown = match output {
            Ok(output) if output.status.success() => format!("{:.2}", rate(began.elapsed())),
            _ => "is not installed".to_owned(),
        };
        table.row(&[tool.to_owned(), shown, "–".to_owned()]);
    }
    let daemon = bed.daemon()?;
    let pid = daemon.pid();
    wait_until_quiet(pid)?;
    let before = cpu_time(pid)?;
    execute(&[large])?;
    // What it costs others is measured while it is hashed.
    let beside = execute(&vec![PROGRAM.into(); 50])?.as_secs_f64() * 1e6 / 50.0;
    wait_until_quiet(pid)?;
    let cpu = cpu_time(pid)?.saturating_sub(before);
    table.row(&["the daemon, by its CPU time".to_owned(), format!("{:.2}", rate(cpu)), "≥ 1.7".to_owned()]);
    table.note(format!("While the daemon hashed it, another program took {beside:.0} µs from start to end."));
    Ok(table)
}

/// Runs them one after the other.
fn execute(programs: &[PathBuf]) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for program in programs {
        let status =
            Command::new(program).status().with_context(|| format!("{} cannot run", program.display()))?;
        if !status.success() {
            bail!("{} failed", program.display());
        }
    }
    Ok(began.elapsed())
}

fn wait_until_quiet(pid: u32) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut used = cpu_time(pid)?;
    while Instant::now() < deadline {
        thread::sleep(QUIET);
        let now = cpu_time(pid)?;
        // Its ticks go on.
        if now.saturating_sub(used) < QUIET / 20 {
            return Ok(());
        }
        used = now;
    }
    bail!("the daemon did not come to rest within {} s", PATIENCE.as_secs())
}

/// Programs that are there for one round.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::tempdir().context("cannot make a folder for programs")?))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// So many files that differ, and all do nothing.
    fn copies(&self, count: u32) -> anyhow::Result<Vec<PathBuf>> {
        (0..count)
            .map(|number| self.padded(&format!("program-{number}"), number.to_string().as_bytes(), 1))
            .collect()
    }

    /// One of so many bytes.
    fn large(&self, bytes: u64) -> anyhow::Result<PathBuf> {
        let block: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
        self.padded("large", &block, bytes >> 20)
    }

    fn script(&self) -> anyhow::Result<PathBuf> {
        let path = self.path().join("script");
        fs::write(&path, "#!/bin/true\n")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// The program with something behind it, which nobody reads.
    fn padded(&self, name: &str, padding: &[u8], times: u64) -> anyhow::Result<PathBuf> {
        let path = self.path().join(name);
        fs::copy(PROGRAM, &path)?;
        let mut file = File::options().append(true).open(&path)?;
        (0..times).try_for_each(|_| file.write_all(padding))?;
        Ok(path)
    }
}
