use portolan_bus::{DaemonState, LedgerState, SelfTestState, Status};
use portolan_core::Untrusted;

use crate::{
    args, bus,
    failure::{Failure, Kind},
    output,
    show::{amount::grouped, clock::Clock},
};

mod ledger;
mod network;
mod page;
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
        output::text(&page::page(&status, options.all, &Clock::read(), output::terminal_width()))?;
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

/// What the daemon does, after “is”. A self-test that failed says more of it than the hooks that are in place.
pub(crate) fn state(status: &Status) -> &'static str {
    let test = &status.self_test;
    let is_blind = test.parts.iter().all(|part| (part.counted_tx_bytes, part.counted_rx_bytes) == (0, 0));
    match (test.state, status.state) {
        (SelfTestState::Failed, _) if is_blind && !test.parts.is_empty() => {
            "running but COUNTS NOTHING (the self-test failed)"
        }
        (SelfTestState::Failed, _) => "running but COUNTS WRONG (the self-test failed)",
        (_, DaemonState::Reduced) => "recording in reduced mode",
        (SelfTestState::Impossible, DaemonState::Recording) => "recording, untested",
        (SelfTestState::Running | SelfTestState::Passed, DaemonState::Recording) => "recording",
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
        let difference = i128::from(status.ledger.difference);
        let (count, which) = (grouped(difference.abs()), if difference < 0 { "more" } else { "less" });
        add(format!("the ledger does not balance: the owners' bytes are {count} {which} than were counted"));
    }
    if let Some(problem) = &status.history.problem {
        add(harmless(problem));
    }
    losses(status).for_each(|(kind, count)| add(format!("lost since the start: {kind} {}", grouped(count))));
    if problems.is_empty() && status.state == DaemonState::Reduced {
        problems.push("the daemon does only a part of its work".to_owned());
    }
    problems
}

/// What was lost, harmless, without the zeros.
pub(crate) fn losses(status: &Status) -> impl Iterator<Item = (String, u64)> {
    status.losses.iter().filter(|(_, count)| **count > 0).map(|(kind, count)| (harmless(kind), *count))
}

fn harmless(text: &str) -> String {
    Untrusted::from(text).for_terminal()
}
