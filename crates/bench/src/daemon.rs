//! What the daemon itself uses: idle, with many connections, and with many open sockets.

use std::{
    env,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use portolan_testbed::{Daemon, Program};

use crate::{
    Effort,
    bed::Bed,
    connections::connections_at,
    cores::Cores,
    figures::figure,
    process::{cpu_time, pss},
    say, sockets,
    table::Table,
};

/// The daemon reads the counters so often, unless it is configured otherwise.
const TICK: Duration = Duration::from_secs(1);
/// How many sockets one program opens: below what a shell lets it.
const OF_ONE_HOLDER: u32 = 5_000;
/// How long the opening of all sockets may take.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB: f64 = 1_048_576.0;

/// What the daemon used during a time.
struct Used {
    cpu: Duration,
    elapsed: Duration,
    pss: u64,
}

impl Used {
    /// Measures the daemon while `work` runs.
    fn during<T>(daemon: &Daemon, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(Self, T)> {
        let (before, began) = (cpu_time(daemon.pid())?, Instant::now());
        let done = work()?;
        let cpu = cpu_time(daemon.pid())?.saturating_sub(before);
        Ok((Self { cpu, elapsed: began.elapsed(), pss: pss(daemon.pid())? }, done))
    }

    /// Measures it while nothing is done.
    fn resting(daemon: &Daemon, seconds: u64) -> anyhow::Result<Self> {
        let (used, ()) = Self::during(daemon, || {
            rest(seconds);
            Ok(())
        })?;
        Ok(used)
    }

    /// Share of a core.
    fn share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    fn cells(&self) -> [String; 3] {
        let ticks = self.elapsed.as_secs_f64() / TICK.as_secs_f64();
        [
            format!("{:.2} %", self.share() * 100.0),
            format!("{:.2}", self.cpu.as_secs_f64() * 1e3 / ticks),
            format!("{:.1}", figure(self.pss) / MIB),
        ]
    }
}

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let bed = Bed::start()?;
    let mut table = Table::new(&["the daemon", "CPU, of a core", "CPU of a tick, ms", "PSS, MiB", "target"]);
    let mut row = |name: String, used: &Used, target: &str| {
        let [share, tick, pss] = used.cells();
        table.row(&[name, share, tick, pss, target.to_owned()]);
    };

    let daemon = bed.daemon()?;
    rest(effort.choose(20, 2));
    say("idle");
    let idle = Used::resting(&daemon, effort.choose(60, 5))?;
    row("idle".to_owned(), &idle, "≤ 0.1 %, ≤ 15 MB");

    say("1,000 connections a second");
    let time = Duration::from_secs(effort.choose(30, 3));
    let pace = Duration::from_millis(1);
    let (busy, paced) = Used::during(&daemon, || connections_at(Cores::find()?, time, pace))?;
    row(format!("{:.0} connections a second", paced.per_second()), &busy, "–");
    drop(daemon);

    let many = effort.choose(100_000, 20_000);
    for (count, is_moving, target) in
        [(10_000, false, "a tick ≤ 5 ms"), (10_000, true, "–"), (many, false, "–")]
    {
        let how = if is_moving { ", each with a message both ways a second" } else { "" };
        let name = format!("{count} open sockets{how}");
        say(&name);
        let daemon = bed.daemon()?;
        let holders = Holders::start(count, is_moving)?;
        // What was opened is taken in, and written into the history.
        rest(effort.choose(25, 12));
        row(name, &Used::resting(&daemon, effort.choose(20, 5))?, target);
        // Before the daemon, which sees their end.
        drop(holders);
    }
    table.note(
        "CPU time of the whole process, as the kernel counts it in nanoseconds; a tick is its share of one second, so it \
         holds what is done between the ticks as well.",
    );
    table.note("Half of the sockets is each side of TCP connections over loopback. PSS is that at the end.");
    Ok(vec![table])
}

fn rest(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

/// Programs of ours that hold open sockets.
struct Holders {
    _programs: Vec<Program>,
}

impl Holders {
    /// Several, because the kernel limits what one may open. Returns when all sockets have moved a message both ways.
    fn start(count: u32, is_moving: bool) -> anyhow::Result<Self> {
        let own = env::current_exe().context("cannot find this program")?;
        let mut programs = Vec::new();
        for part in 0..count.div_ceil(OF_ONE_HOLDER) {
            let sockets = OF_ONE_HOLDER.min(count - part * OF_ONE_HOLDER);
            let mut command = Command::new(&own);
            command.arg("hold").arg("--sockets").arg(sockets.to_string());
            if is_moving {
                command.arg("--moving");
            }
            programs.push(Program::start_with_stdin("portolan-bench hold", command)?);
        }
        for program in &mut programs {
            program.wait_for_line("the opening of sockets", PATIENCE, |line| {
                (line == sockets::OPEN).then_some(())
            })?;
        }
        Ok(Self { _programs: programs })
    }
}
