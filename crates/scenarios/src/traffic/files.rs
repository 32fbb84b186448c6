//! 29: programs whose file has no name, or no longer the same.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use portolan_testbed::Program;

use crate::{Expected, Pace, Place, Scenario, Trial, address::PEER_V4, sha256};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    number: 29,
    name: "no file, a deleted file, a replaced file",
    special: "identity without a path",
    pace: Pace::Quick,
    run,
}];

const PATIENCE: Duration = Duration::from_secs(30);
/// How long a program goes on without its file: had it ended in the same tick, before the file was read, a change afterwards
/// could not be told.
const OUTLIVES: &str = "pause-ms=100";

fn run(trial: &mut Trial<'_>) -> anyhow::Result<()> {
    let peer = trial.peer(&["tcp=0"])?;
    let to = format!("to={PEER_V4}:{}", peer.port("tcp"));
    // One that is there when the daemon looks; one that is gone at once, perhaps before its file could be opened (the kernel
    // hands in no file in memory); one that nobody can write to any more; one that is run in the same tick in which it was
    // written, so that a change since cannot be told; and one that is changed.
    let mut running = Vec::new();
    for (name, provable, how) in [
        ("lasting", true, ["pause-ms=2500", "settle-ms=50"]),
        ("fleeting", false, ["pause-ms=0", "settle-ms=50"]),
        ("sealed", true, ["pause-ms=2500", "sealed=yes"]),
        ("hasty", false, ["pause-ms=0", "settle-ms=0"]),
        ("altered", false, ["pause-ms=2500", "altered=yes"]),
    ] {
        running.push(in_memory(trial, name, provable, &[to.as_str(), how[0], how[1]])?);
    }
    for (launcher, program) in running {
        trial.finish(program)?;
        trial.expected(&launcher)?.flows = Some(0);
    }
    deleted(trial, &to)?;
    replaced(trial, &to)?;
    trial.end(peer)
}

fn in_memory(
    trial: &mut Trial<'_>,
    name: &str,
    provable: bool,
    how: &[&str],
) -> anyhow::Result<(PathBuf, Program)> {
    let or_unknown = !provable;
    let (launcher, program) = (trial.copy(&format!("{name}-launcher"))?, trial.copy(name)?);
    // No other trial's program in memory may have this name.
    let name = format!("{name}-{:016x}", trial.random(0..=u64::MAX));
    let path = format!("/memfd:{name}");
    let parent = Some(launcher.clone());
    let sha256 = sha256(&program)?;
    trial.expect(Expected { sha256, parent, or_unknown, ..Expected::of(Path::new(&path)) });
    let words = [
        format!("program={}", program.display()),
        format!("name={name}"),
        format!("up={}", trial.random(1..=500_000)),
        format!("down={}", trial.random(0..=500_000)),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).chain(how.iter().copied()).collect();
    let running = trial.start(Place::Host, &launcher, &[&["memfd"], words.as_slice()].concat())?;
    Ok((launcher, running))
}

fn deleted(trial: &mut Trial<'_>, to: &str) -> anyhow::Result<()> {
    let path = trial.copy("deleted")?;
    let (up, down) = amounts(trial);
    let mut program = trial.start(Place::Host, &path, &["patient", to, &up, &down, OUTLIVES])?;
    program.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(()))?;
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    trial.finish(program)
}

/// The running program is the old file; the next one under the same path is the new one.
fn replaced(trial: &mut Trial<'_>, to: &str) -> anyhow::Result<()> {
    let (path, next) = (trial.copy("replaced")?, trial.copy("next")?);
    let (up, down) = amounts(trial);
    let mut program = trial.start(Place::Host, &path, &["patient", to, &up, &down, OUTLIVES])?;
    program.wait_for_line("its connection", PATIENCE, |line| (line == "connected").then_some(()))?;
    let sha256 = sha256(&next)?;
    fs::rename(&next, &path).with_context(|| format!("cannot replace {}", path.display()))?;
    trial.finish(program)?;

    let (up, down) = (trial.random(1..=500_000), trial.random(0..=500_000));
    let words = [format!("up={up}"), format!("down={down}")];
    let mut program = trial.start(Place::Host, &path, &["tcp", to, &words[0], &words[1]])?;
    let status = program.ended(PATIENCE)?;
    ensure!(status.success(), "{} failed ({status}): {}", path.display(), program.output());
    // Its line would be taken for the old file's, so this is by hand: 16 bytes tell the peer what comes.
    let parent = Some(std::env::current_exe().context("cannot find out my own path")?);
    trial.expect(Expected { sha256, parent, tx: 16 + up, rx: down, ..Expected::of(&path) });
    Ok(())
}

fn amounts(trial: &mut Trial<'_>) -> (String, String) {
    (format!("up={}", trial.random(1..=500_000)), format!("down={}", trial.random(0..=500_000)))
}
