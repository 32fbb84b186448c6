use portolan_bus::{Finding, FindingState};
use portolan_core::{UnixMillis, Untrusted};
use serde_json::json;

use crate::{
    args, bus,
    failure::Failure,
    output,
    show::{clock::Clock, shell, users::Users, wrap::wrap},
};

/// Lists the findings, newest first.
pub(crate) async fn run(options: &args::Findings, json: bool) -> Result<(), Failure> {
    if !options.dismiss.is_empty() {
        return dismiss(&options.dismiss, json).await;
    }
    let connection = bus::connect().await?;
    let findings = bus::daemon(&connection).await?.findings(options.all).await.map_err(bus::failed_call)?;
    if json {
        return output::json(&json!({ "findings": findings }));
    }
    if findings.is_empty() {
        let none = if options.all { "No findings.\n" } else { "No open findings.\n" };
        return output::text(none);
    }
    let (clock, mut users) = (Clock::read(), Users::default());
    let terminal_width = output::terminal_width();
    let block = |finding| block(finding, &clock, &mut users, terminal_width);
    let blocks: Vec<String> = findings.iter().map(block).collect();
    output::text(&blocks.join("\n"))
}

/// Dismisses each; the first that fails ends it.
async fn dismiss(numbers: &[i64], json: bool) -> Result<(), Failure> {
    let connection = bus::connect().await?;
    let daemon = bus::daemon(&connection).await?;
    for number in numbers {
        daemon.dismiss(*number).await.map_err(bus::failed_call)?;
        if !json {
            output::text(&format!("#{number}: dismissed\n"))?;
        }
    }
    if json { output::json(&json!({ "dismissed": numbers })) } else { Ok(()) }
}

/// One finding as a few lines, with what to do about it.
fn block(finding: &Finding, clock: &Clock, users: &mut Users, terminal_width: Option<usize>) -> String {
    let state = match finding.state {
        FindingState::Open => "",
        FindingState::Approved => ", approved",
        FindingState::Ignored if finding.application.is_none() => ", dismissed",
        FindingState::Ignored => ", ignored",
    };
    let when = clock.full(UnixMillis(finding.unix_ms));
    let mut lines = vec![format!("#{}  {when}  {}{state}", finding.id, title(&finding.kind))];
    let mut say = |line: String| lines.push(wrap(&format!("    {line}"), terminal_width, 6));
    if let Some(path) = &finding.path {
        say(harmless(path));
    }
    if let Some(detail) = &finding.detail {
        say(harmless(detail));
    }
    let parent = finding.parent_path.as_ref().map(|path| format!("started by {}", harmless(path)));
    let user = finding.uid.map(|uid| format!("as user {}", users.name(uid)));
    let remote = finding.remote.as_ref().map(|remote| format!("talked first to {}", harmless(remote)));
    let circumstances: Vec<String> = [parent, user, remote].into_iter().flatten().collect();
    if !circumstances.is_empty() {
        say(circumstances.join(", "));
    }
    // From here in one piece, to be copied.
    if let Some(hash) = &finding.sha256 {
        lines.push(format!("    SHA-256 {}", harmless(hash)));
    }
    if let Some(hash) = &finding.previous_sha256 {
        lines.push(format!("    before  {}", harmless(hash)));
    }
    if let (Some(application), FindingState::Open) = (&finding.application, finding.state) {
        let word = shell::word(&application.as_str().into());
        lines.push(format!("    -> portolan review approve {word}"));
    }
    if finding.application.is_none() && finding.state == FindingState::Open {
        lines.push(format!("    -> portolan findings --dismiss {}", finding.id));
    }
    lines.join("\n") + "\n"
}

fn title(kind: &str) -> String {
    match kind {
        "new-application" => "new application".to_owned(),
        "changed-executable" => "changed executable".to_owned(),
        "lost-events" => "lost events".to_owned(),
        "self-test-failed" => "self-test failed".to_owned(),
        "unbalanced-ledger" => "the ledger does not balance".to_owned(),
        other => harmless(other),
    }
}

fn harmless(text: &str) -> String {
    Untrusted::from(text).for_terminal()
}
