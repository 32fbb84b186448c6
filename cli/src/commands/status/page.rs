//! The status for a person: a page that is read in ten seconds, or with `all` everything.

use portolan_bus::{Access, SelfTestState, Status};
use portolan_core::UnixMillis;

use super::{harmless, ledger::ledger, losses, network::network, problems, self_test, state};
use crate::show::{
    amount::{Precision::Rounded, bytes, grouped},
    clock::{Clock, duration},
    statement::Statement,
    wrap::wrap,
};

/// Where the text of an entry begins.
const TEXT: usize = 12;

pub(crate) fn page(status: &Status, all: bool, clock: &Clock, terminal_width: Option<usize>) -> String {
    let mut page = String::new();
    let mut say = |line: &str, hanging| {
        page.push_str(wrap(line, terminal_width, hanging).trim_end());
        page.push('\n');
    };
    let started = UnixMillis(status.started_unix_ms);
    let head = format!(
        "Portolan {} is {} (started {}, {} ago)",
        harmless(&status.version),
        state(status),
        clock.full(started),
        duration(clock.now_ms().saturating_sub(started.0))
    );
    say(&head, 2);
    let problems = problems(status);
    if !problems.is_empty() {
        say("\nProblems", 0);
        problems.iter().for_each(|problem| say(&format!("  ! {problem}"), 4));
    }
    say("", 0);
    let mut entry = |title: &str, text: &str| say(&format!("{title:<TEXT$}{text}"), TEXT);
    entry("You see", access(status.access));
    entry("To review", &unreviewed(status.unreviewed));
    if let Some(until) = status.learning_until_unix_ms {
        let until = clock.short(UnixMillis(until));
        let text =
            format!("until {until} what packages ship is only listed; `portolan learning end` ends it");
        entry("Learning", &text);
    }
    entry("Self-test", &tested(status, all, clock));
    let lost: Vec<String> =
        losses(status).map(|(kind, count)| format!("{kind} {}", grouped(count))).collect();
    entry("Lost", if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") }.as_str());
    entry("History", &history(status, clock));
    entry("Daemon", &used(status));
    page.push_str(&format!("\n{}", ledger(status, all, terminal_width)));
    page.push_str(&format!("\n{}", network(&status.network, all, terminal_width)));
    page.push_str(&if all {
        details(status, terminal_width)
    } else {
        "\nportolan status --all shows more.\n".to_owned()
    });
    page
}

/// How bytes are counted, where in the kernel, and every kind of loss.
fn details(status: &Status, terminal_width: Option<usize>) -> String {
    let mut lines = vec![(format!("Counted {}", harmless(&status.counting)), 2)];
    let active = status.hooks.iter().filter(|hook| hook.active).count();
    lines.push((format!("Hooks: {active} of {} active", status.hooks.len()), 2));
    for hook in &status.hooks {
        let missing = if hook.active { "" } else { "NOT ACTIVE: " };
        lines.push((format!("  {}: {missing}{}", harmless(&hook.name), harmless(&hook.reason)), 4));
    }
    lines.push(("Lost since the start".to_owned(), 2));
    let mut page = String::new();
    for (line, hanging) in lines {
        let paragraph = if line.starts_with(' ') { "" } else { "\n" };
        page.push_str(&format!("{paragraph}{}\n", wrap(&line, terminal_width, hanging)));
    }
    let mut lost = Statement::default();
    status.losses.iter().for_each(|(kind, count)| lost.say([grouped(*count)], harmless(kind)));
    page + &lost.render(terminal_width)
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

/// The detail of one that passed holds figures only.
fn tested(status: &Status, all: bool, clock: &Clock) -> String {
    let test = &status.self_test;
    let when = test.checked_unix_ms.map(|ms| format!(" at {}", clock.short(UnixMillis(ms))));
    let word = format!("{}{}", self_test::word(test.state), when.unwrap_or_default());
    match test.state {
        SelfTestState::Passed if !all => format!("{word}: known bytes were all counted"),
        _ => format!("{word}: {}", harmless(&test.detail)),
    }
}

fn history(status: &Status, clock: &Clock) -> String {
    let history = &status.history;
    let Some(size) = history.size_bytes else {
        return match status.access {
            Access::All => format!("{}, cannot be read now", harmless(&history.path)),
            Access::Own => "recorded; its size is for those who may see everybody's traffic".to_owned(),
        };
    };
    let since = match history.first_unix_ms {
        Some(first) => format!("since {}", clock.short(UnixMillis(first))),
        None => "empty".to_owned(),
    };
    format!("{}, {}, {since}", harmless(&history.path), bytes(size, Rounded))
}

fn used(status: &Status) -> String {
    let used = &status.resources;
    format!(
        "{} of memory, {}.{:03} s of CPU time, {} sockets, {} processes",
        bytes(used.pss_bytes, Rounded),
        used.cpu_ms / 1000,
        used.cpu_ms % 1000,
        grouped(used.sockets),
        grouped(used.processes)
    )
}
