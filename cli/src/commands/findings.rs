use portolan_bus::{Daemon1Proxy, Finding};
use portolan_core::Evidence;
use serde_json::{Value, json};

use crate::{
    args, bus,
    failure::{Failure, Kind},
    moment, output,
    show::{clock::Clock, users::Users},
};

mod block;
mod evidence;

/// Lists the findings, shows one, or does something about some.
pub(crate) async fn run(options: &args::Findings, json: bool) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    match (&options.action, options.number) {
        (Some(args::FindingsAction::Dismiss { numbers }), _) => dismiss(&daemon, numbers, json).await,
        (Some(args::FindingsAction::Snooze { number, until }), _) => {
            snooze(&daemon, *number, until, json).await
        }
        (None, Some(number)) => one(&daemon, number, json).await,
        (None, None) => list(&daemon, options.all, json).await,
    }
}

/// Newest first; without `all` those that wait for an answer now.
async fn list(daemon: &Daemon1Proxy<'_>, all: bool, json: bool) -> Result<(), Failure> {
    let mut findings = daemon.findings(all).await.map_err(bus::failed_call)?;
    if json {
        let findings: Vec<Value> = findings.iter().map(as_json).collect();
        return output::json(&json!({ "findings": findings }));
    }
    let clock = Clock::read();
    let count = findings.len();
    let is_snoozed =
        |finding: &Finding| finding.snoozed_until_unix_ms.is_some_and(|until| until > clock.now_ms());
    findings.retain(|finding| all || !is_snoozed(finding));
    let snoozed = match count - findings.len() {
        0 => String::new(),
        1 => "1 finding is snoozed; --all shows it.\n".to_owned(),
        more => format!("{more} findings are snoozed; --all shows them.\n"),
    };
    if findings.is_empty() {
        let none = if all { "No findings.\n" } else { "No open findings.\n" };
        return output::text(&format!("{none}{snoozed}"));
    }
    let (mut users, terminal_width) = (Users::default(), output::terminal_width());
    let mut blocks: Vec<String> = findings
        .iter()
        .map(|finding| block::block(finding, &clock, &mut users, terminal_width).join("\n") + "\n")
        .collect();
    blocks.extend((!snoozed.is_empty()).then_some(snoozed));
    output::text(&blocks.join("\n"))
}

/// One finding with all that it rests on.
async fn one(daemon: &Daemon1Proxy<'_>, number: i64, json: bool) -> Result<(), Failure> {
    let findings = daemon.findings(true).await.map_err(bus::failed_call)?;
    let finding = findings.iter().find(|finding| finding.id == number).ok_or_else(|| {
        Failure::new(Kind::NotFound, format!("there is no finding {number} that you may see"))
    })?;
    if json {
        return output::json(&json!({ "finding": as_json(finding) }));
    }
    let (clock, mut users, terminal_width) = (Clock::read(), Users::default(), output::terminal_width());
    let mut lines = block::block(finding, &clock, &mut users, terminal_width);
    let evidence = finding.evidence.as_deref().map(Evidence::from_json).unwrap_or_default();
    let shown = evidence::lines(&evidence, &clock, &mut users, terminal_width);
    // Before what to do about it.
    let todo = lines.iter().position(|line| line.starts_with(block::TODO)).unwrap_or(lines.len());
    lines.splice(todo..todo, shown);
    output::text(&(lines.join("\n") + "\n"))
}

/// Dismisses each; the first that fails ends it.
async fn dismiss(daemon: &Daemon1Proxy<'_>, numbers: &[i64], json: bool) -> Result<(), Failure> {
    for number in numbers {
        daemon.dismiss(*number).await.map_err(bus::failed_call)?;
        if !json {
            output::text(&format!("#{number}: dismissed\n"))?;
        }
    }
    if json { output::json(&json!({ "dismissed": numbers })) } else { Ok(()) }
}

async fn snooze(daemon: &Daemon1Proxy<'_>, number: i64, until: &str, json: bool) -> Result<(), Failure> {
    let clock = Clock::read();
    let until = moment::coming(until, &clock)?;
    daemon.snooze(number, until).await.map_err(bus::failed_call)?;
    if json {
        return output::json(&json!({ "snoozed": { "id": number, "until_unix_ms": until } }));
    }
    let told = match until {
        Some(until) => format!("snoozed until {}", clock.full(portolan_core::UnixMillis(until))),
        None => "no longer snoozed".to_owned(),
    };
    output::text(&format!("#{number}: {told}\n"))
}

/// As the bus has it, with the evidence as an object.
fn as_json(finding: &Finding) -> Value {
    let evidence = finding.evidence.as_deref().map(Evidence::from_json);
    let mut value = json!(finding);
    if let Value::Object(fields) = &mut value {
        fields.insert("evidence".to_owned(), json!(evidence));
    }
    value
}
