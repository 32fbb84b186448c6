//! What each kernel program costs in a call: what the kernel measures, less what it measures of an empty program on the
//! same hook, in the same calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use aya::{
    programs::loaded_programs,
    sys::{Stats, enable_stats},
};

use crate::{
    Effort,
    bed::Bed,
    connections::{self, Ipv4OrV6},
    cores::Cores,
    empty::{self, Empty},
    figures::{Rounds, figure},
    say,
    table::Table,
};

/// The kernel keeps so much of a program's name.
const NAME_LENGTH: usize = 15;

/// How often a program ran, and for how long.
#[derive(Debug, Clone, Copy, Default)]
struct Ran {
    time: Duration,
    count: u64,
}

/// A hook of Portolan's, and what was measured on it.
struct Hook {
    empty: Empty,
    /// The kernel's number of the program that the daemon has attached.
    ours: u32,
    calls: u64,
    whole: Rounds,
    bare: Rounds,
    net: Rounds,
}

impl Ran {
    fn since(self, before: Self) -> Self {
        Self { time: self.time.saturating_sub(before.time), count: self.count.saturating_sub(before.count) }
    }

    /// Nanoseconds of one call; `None` when there was none.
    fn nanos(self) -> Option<f64> {
        (self.count > 0).then(|| self.time.as_secs_f64() * 1e9 / figure(self.count))
    }
}

pub(crate) fn run(effort: &Effort) -> anyhow::Result<Vec<Table>> {
    let (rounds, cores) = (effort.choose(9, 1), Cores::find()?);
    let of_others: BTreeSet<u32> = programs().into_keys().collect();
    let bed = Bed::start()?;
    let _daemon = bed.daemon()?;
    let ours = of_the_daemon(&of_others);
    let mut attached = empty::attach(|hook| ours.contains_key(&name_of(hook)))?;
    let mut hooks: Vec<Hook> = attached
        .programs
        .drain(..)
        .filter_map(|empty| {
            let ours = *ours.get(&name_of(empty.hook))?;
            let none = Rounds::default;
            Some(Hook { empty, ours, calls: 0, whole: none(), bare: none(), net: none() })
        })
        .collect();
    if hooks.is_empty() {
        bail!("the daemon has attached nothing");
    }
    // On for as long as this descriptor is open, whatever kernel.bpf_stats_enabled says.
    let _statistics = enable_stats(Stats::RunTime).context("the kernel does not measure its programs")?;
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}"));
        let before = programs();
        work(cores, effort)?;
        let now = programs();
        let ran = |id: u32| {
            let ran = |programs: &Programs| programs.get(&id).map(|(_, ran)| *ran).unwrap_or_default();
            ran(&now).since(ran(&before))
        };
        hooks.iter_mut().for_each(|hook| hook.take(ran(hook.ours), ran(hook.empty.id)));
    }
    Ok(vec![table(&hooks, rounds)])
}

impl Hook {
    fn take(&mut self, whole: Ran, bare: Ran) {
        self.calls += whole.count;
        if let (Some(whole), Some(bare)) = (whole.nanos(), bare.nanos()) {
            self.whole.push(whole);
            self.bare.push(bare);
            self.net.push(whole - bare);
        }
    }
}

/// The daemon's programs by their names. On kernels before 6.3 there are some whose names begin alike, and the kernel keeps only
/// the beginning: of those, none is known.
fn of_the_daemon(of_others: &BTreeSet<u32>) -> BTreeMap<String, u32> {
    let mut by_name: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (id, (name, _)) in programs() {
        if !of_others.contains(&id) && name.starts_with("at_") {
            by_name.entry(name).or_default().push(id);
        }
    }
    by_name
        .into_iter()
        .filter_map(|(name, ids)| Some((name, *<&[u32; 1]>::try_from(&*ids).ok()?.first()?)))
        .collect()
}

/// What the kernel calls the program that the daemon attaches to a hook.
fn name_of(hook: &str) -> String {
    format!("at_{hook}").chars().take(NAME_LENGTH).collect()
}

type Programs = BTreeMap<u32, (String, Ran)>;

/// All programs of the kernel, by their number.
fn programs() -> Programs {
    let mut found = BTreeMap::new();
    // One that is unloaded meanwhile is an error, and of others.
    for program in loaded_programs().flatten() {
        let ran = Ran { time: program.run_time(), count: program.run_count() };
        found.insert(program.id(), (program.name_as_str().unwrap_or_default().to_owned(), ran));
    }
    found
}

/// Something for every hook.
fn work(cores: Cores, effort: &Effort) -> anyhow::Result<()> {
    let time = effort.choose(Duration::from_millis(700), Duration::from_millis(100));
    connections::udp(cores, time, Ipv4OrV6::V4)?;
    connections::udp(cores, time, Ipv4OrV6::V6)?;
    connections::tcp(cores, time)?;
    connections::connections(cores, time)?;
    for _ in 0..effort.choose(1000, 100) {
        let status = Command::new("/bin/true").status().context("/bin/true cannot be started")?;
        if !status.success() {
            bail!("/bin/true failed ({status})");
        }
    }
    Ok(())
}

fn table(hooks: &[Hook], rounds: u32) -> Table {
    let mut table = Table::new(&["hook", "calls", "whole, ns", "empty, ns", "net, ns", "target"]);
    let nanos = |figure: f64| format!("{figure:.0}");
    for hook in hooks {
        table.row(&[
            hook.empty.section.to_owned(),
            hook.calls.to_string(),
            hook.whole.show(nanos),
            hook.bare.show(nanos),
            hook.net.show(nanos),
            "≤ 30".to_owned(),
        ]);
    }
    table.note(format!("Medians of {rounds} rounds, least and most in brackets. The kernel's own measuring is in both columns."));
    table
}
