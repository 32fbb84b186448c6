//! The traffic that is watched: some of the scenarios, by the scenarios' own generator.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use portolan_testbed::{Folder, Program, built};

use crate::{
    Effort,
    wire::{OTHER_ADDRESS, Wire},
};

const PATIENCE: Duration = Duration::from_secs(240);

/// Bytes sent and received by each executable.
pub(super) type Moved = BTreeMap<PathBuf, u64>;

pub(super) struct Scenario {
    pub(super) number: u8,
    pub(super) name: &'static str,
    /// The command lines of the programs to run; the first word is the name of the executable, and the kernel shows no more
    /// than 15 bytes of it.
    run: fn(&Stage<'_>) -> anyhow::Result<Vec<Vec<String>>>,
}

/// The first two last for seconds: the others show themselves each second.
pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario {
        number: 1,
        name: "TCP down, 16 GiB",
        run: |stage| Ok(vec![line(&format!("s1-down tcp {} up=0 down={}", stage.tcp, stage.bulk))]),
    },
    Scenario {
        number: 4,
        name: "UDP up and down, 8 GB",
        run: |stage| {
            let udp = |name: &str, connected: &str| {
                let (to, count) = (&stage.udp, stage.bulk / 100_000);
                line(&format!(
                    "{name} udp {to} count={count} size=8000 answers=2 answer_size=8000 connected={connected}"
                ))
            };
            Ok(vec![udp("s4-connected", "yes"), udp("s4-unconnected", "no")])
        },
    },
    Scenario {
        number: 11,
        name: "200 short-lived processes",
        run: |stage| stage.spawn("s11", "count=200 at_once=no"),
    },
    Scenario {
        number: 19,
        name: "2,000 small connections",
        run: |stage| Ok(vec![line(&format!("s19-many tcp-many {} count=2000 up=1000 down=2000", stage.tcp))]),
    },
    Scenario {
        number: 20,
        name: "a burst from 50 processes at once",
        run: |stage| stage.spawn("s20", "count=50 at_once=yes"),
    },
    Scenario { number: 32, name: "10,000 execs, 1 KiB each", run: |stage| stage.execs() },
];

/// Where a scenario runs.
pub(super) struct Stage<'a> {
    wire: &'a Wire,
    folder: &'a Folder,
    peer: Program,
    /// The address of the peer as the generator takes it.
    tcp: String,
    udp: String,
    /// Bytes of a transfer that lasts.
    bulk: u64,
    execs: u32,
}

impl<'a> Stage<'a> {
    /// Starts the peer at the other end of the wire.
    pub(super) fn new(wire: &'a Wire, folder: &'a Folder, effort: &Effort) -> anyhow::Result<Self> {
        let mut command = Command::new(copy(folder, "bench-peer")?);
        command.args(["peer", "tcp=0", "udp=0"]);
        let mut peer = wire.there(|| Ok(Program::start_with_stdin("bench-peer", command)?))?;
        let (tcp, udp) = peer.wait_for_line("the peer's ports", PATIENCE, |line| {
            let (tcp, udp) = line.strip_prefix("ready tcp=")?.split_once(" udp=")?;
            Some((format!("to={OTHER_ADDRESS}:{tcp}"), format!("to={OTHER_ADDRESS}:{udp}")))
        })?;
        Ok(Self {
            wire,
            folder,
            peer,
            tcp,
            udp,
            bulk: effort.choose(1 << 34, 1 << 32),
            execs: effort.choose(10_000, 400),
        })
    }

    /// Runs it to its end: what each executable says that it moved, and how long all took.
    pub(super) fn run(&self, scenario: &Scenario) -> anyhow::Result<(Moved, Duration)> {
        let lines = (scenario.run)(self)?;
        let mut moved = Moved::new();
        let began = Instant::now();
        for words in lines {
            let (name, arguments) = words.split_first().context("a scenario without words")?;
            let mut command = Command::new(copy(self.folder, name)?);
            command.args(arguments);
            let mut program = self.wire.here(|| Ok(Program::start(name, command)?))?;
            let status = program.ended(PATIENCE)?;
            if !status.success() {
                bail!("{name} failed ({status}). It printed:\n{}", program.output());
            }
            read(&program.output(), &mut moved)?;
        }
        // Those that only start others move nothing.
        moved.retain(|_, bytes| *bytes > 0);
        Ok((moved, began.elapsed()))
    }

    /// Ends the peer.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.peer.close_stdin();
        self.peer.ended(PATIENCE)?;
        Ok(())
    }

    fn spawn(&self, name: &str, how: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let child = copy(self.folder, &format!("{name}-child"))?;
        let to = &self.tcp;
        Ok(vec![line(&format!(
            "{name}-spawner spawn {how} -- {} tcp {to} up=20000 down=20000",
            child.display()
        ))])
    }

    fn execs(&self) -> anyhow::Result<Vec<Vec<String>>> {
        let programs: Vec<PathBuf> = (0..8)
            .map(|number| copy(self.folder, &format!("s32-short-{number}")))
            .collect::<Result<_, _>>()?;
        let list: Vec<String> = programs.iter().map(|path| path.display().to_string()).collect();
        let (list, count, to) = (list.join(","), self.execs, &self.tcp);
        Ok(vec![line(&format!(
            "s32-launcher execs programs={list} count={count} {to} up=1008 down=0 at-once=4"
        ))])
    }
}

fn line(words: &str) -> Vec<String> {
    words.split(' ').map(str::to_owned).collect()
}

/// The generator under a path and with a content of its own: what follows the end of an ELF file changes nothing else.
fn copy(folder: &Folder, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.path().join(name);
    let make = || -> anyhow::Result<()> {
        fs::copy(built("portolan-generator")?, &path)?;
        fs::File::options().append(true).open(&path)?.write_all(name.as_bytes())?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        fs::metadata(&path)?;
        Ok(())
    };
    make().with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// Adds up the lines `moved path=PATH tx=N rx=N`.
fn read(output: &str, moved: &mut Moved) -> anyhow::Result<()> {
    for line in output.lines().filter(|line| line.starts_with("moved ")) {
        let read = || {
            let (rest, rx) = line.rsplit_once(" rx=")?;
            let (rest, tx) = rest.rsplit_once(" tx=")?;
            Some((rest.strip_prefix("moved path=")?, tx.parse::<u64>().ok()? + rx.parse::<u64>().ok()?))
        };
        let (path, bytes) = read().with_context(|| format!("cannot read what was moved from “{line}”"))?;
        *moved.entry(Path::new(path).to_owned()).or_default() += bytes;
    }
    Ok(())
}
