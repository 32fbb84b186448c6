use portolan_bus::{Access, Attribution, DaemonState, LedgerState, SelfTestState, Status};
use portolan_core::{UnixMillis, Untrusted};

use crate::{
    args, bus,
    failure::{Failure, Kind},
    output,
    show::{
        amount::{Precision::Rounded, bytes, percent},
        clock::{Clock, duration},
    },
};

mod ledger;
mod self_test;

/// Asks for the status and shows it; with `--check` a problem is a failure.
pub(crate) async fn run(options: &args::Status, json: bool) -> Result<(), Failure> {
    if options.self_test {
        return self_test::run(json).await;
    }
    let connection = bus::connect().await?;
    let status = bus::daemon(&connection).await?.status().await.map_err(bus::failed_call)?;
    if json {
        output::json(&status)?;
    } else {
        output::text(&page(&status, &Clock::read()))?;
    }
    let problems = problems(&status);
    match problems.len() {
        0 => Ok(()),
        _ if !options.check => Ok(()),
        count => {
            let plural = if count == 1 { "" } else { "s" };
            let sentence = format!("{count} problem{plural}: {}", problems.join("; "));
            let failure = Failure::new(Kind::Unhealthy, sentence);
            Err(failure.after_the_answer())
        }
    }
}

/// A sentence for each thing that does not work or was lost; empty when the daemon does all of its work.
pub(crate) fn problems(status: &Status) -> Vec<String> {
    let mut problems: Vec<String> = status.notes.iter().map(|note| harmless(note)).collect();
    let mut add = |problem: String| {
        // The daemon's own sentence says it already, and often more.
        if !problems.iter().any(|known| known.starts_with(&problem)) {
            problems.push(problem);
        }
    };
    let inactive = status.hooks.iter().filter(|hook| !hook.active);
    inactive.for_each(|hook| add(format!("{}: {}", harmless(&hook.name), harmless(&hook.reason))));
    let detail = harmless(&status.self_test.detail);
    match status.self_test.state {
        SelfTestState::Failed => add(format!("the self-test failed: {detail}")),
        SelfTestState::Impossible => add(format!("the self-test could not run: {detail}")),
        SelfTestState::Running | SelfTestState::Passed => {}
    }
    if status.ledger.state == LedgerState::Unbalanced {
        let difference = status.ledger.difference;
        add(format!(
            "the ledger does not balance: the owners' bytes are {difference} short of what was counted"
        ));
    }
    if let Some(problem) = &status.history.problem {
        add(harmless(problem));
    }
    losses(status).for_each(|(kind, count)| add(format!("lost since the start: {kind} {count}")));
    if problems.is_empty() && status.state == DaemonState::Reduced {
        problems.push("the daemon does only a part of its work".to_owned());
    }
    problems
}

/// What was lost, harmless, without the zeros.
pub(crate) fn losses(status: &Status) -> impl Iterator<Item = (String, u64)> {
    status.losses.iter().filter(|(_, count)| **count > 0).map(|(kind, count)| (harmless(kind), *count))
}

fn page(status: &Status, clock: &Clock) -> String {
    let mut page = String::new();
    let mut say = |line: String| {
        page.push_str(line.trim_end());
        page.push('\n');
    };
    let state = match status.state {
        DaemonState::Recording => "recording",
        DaemonState::Reduced => "recording in reduced mode",
    };
    let started = UnixMillis(status.started_unix_ms);
    say(format!(
        "Portolan {} is {state} since {} ({})",
        harmless(&status.version),
        clock.full(started),
        duration(clock.now_ms().saturating_sub(started.0))
    ));
    let problems = problems(status);
    if !problems.is_empty() {
        say("\nProblems".to_owned());
        problems.iter().for_each(|problem| say(format!("  ! {problem}")));
    }
    say(String::new());
    say(entry("You see", access(status.access)));
    say(entry("To review", &unreviewed(status.unreviewed)));
    say(entry("Self-test", &tested(status, clock)));
    attribution(&status.attribution).iter().for_each(|line| say(line.clone()));
    ledger::ledger(status).iter().for_each(|line| say(line.clone()));
    ledger::network(&status.network).iter().for_each(|line| say(line.clone()));
    let lost: Vec<String> = losses(status).map(|(kind, count)| format!("{kind} {count}")).collect();
    say(entry("Lost", if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") }.as_str()));
    say(entry("Counting", &harmless(&status.counting)));
    let active = status.hooks.iter().filter(|hook| hook.active).count();
    say(entry("Hooks", &format!("{active} of {} active", status.hooks.len())));
    say(entry("History", &history(status, clock)));
    let used = &status.resources;
    say(entry(
        "Daemon",
        &format!(
            "{} of memory, {}.{:03} s of CPU time, {} sockets, {} processes",
            bytes(used.pss_bytes, Rounded),
            used.cpu_ms / 1000,
            used.cpu_ms % 1000,
            used.sockets,
            used.processes
        ),
    ));
    page
}

pub(crate) fn entry(title: &str, text: &str) -> String {
    format!("{title:<10}  {text}")
}

fn access(access: Access) -> &'static str {
    match access {
        Access::All => "everybody's traffic",
        Access::Own => "your own traffic only; members of the group portolan see everybody's",
    }
}

fn unreviewed(count: u32) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => "1 application; see `portolan applications --state unreviewed`".to_owned(),
        _ => format!("{count} applications; see `portolan applications --state unreviewed`"),
    }
}

fn tested(status: &Status, clock: &Clock) -> String {
    let state = self_test::word(status.self_test.state);
    let when = status.self_test.checked_unix_ms.map(|ms| format!(" ({})", clock.short(UnixMillis(ms))));
    format!("{state}: {}{}", harmless(&status.self_test.detail), when.unwrap_or_default())
}

fn attribution(bytes_of: &Attribution) -> Vec<String> {
    if bytes_of.total == 0 && bytes_of.pending == 0 {
        return vec![entry("Bytes", "none since the start")];
    }
    let share = |part| percent(part, bytes_of.total).unwrap_or_else(|| "none".to_owned());
    let mut lines = vec![entry("Bytes", &format!("{} since the start", bytes(bytes_of.total, Rounded)))];
    let mut part = |count: u64, of: &str| {
        lines.push(entry("", &format!("{:>9}  {:>7}  {of}", bytes(count, Rounded), share(count))));
    };
    part(bytes_of.attributed, "of a known executable");
    part(bytes_of.kernel, "of the kernel itself");
    let unknown = bytes_of.unattributed.iter().filter(|(_, count)| **count > 0);
    unknown.for_each(|(reason, count)| part(*count, &format!("unattributed: {}", harmless(reason))));
    if bytes_of.pending > 0 {
        let pending = format!("{} more are being identified", bytes(bytes_of.pending, Rounded));
        lines.push(entry("", &pending));
    }
    lines
}

fn history(status: &Status, clock: &Clock) -> String {
    let history = &status.history;
    let since = match history.first_unix_ms {
        Some(first) => format!("since {}", clock.short(UnixMillis(first))),
        None => "empty".to_owned(),
    };
    format!("{}, {}, {since}", harmless(&history.path), bytes(history.size_bytes, Rounded))
}

fn harmless(text: &str) -> String {
    Untrusted::from(text).for_terminal()
}
