//! One finding as a few lines, with what to do about it.

use portolan_bus::{Finding, FindingState, Severity};
use portolan_core::{
    ApplicationKey, Evidence, FindingKind, ProcessEvidence, UnixMillis, Untrusted, named_remote,
};

use crate::show::{clock::Clock, shell, users::Users, wrap::wrap};

/// How the lines that say what to do begin.
pub(super) const TODO: &str = "    -> ";

pub(super) fn block(
    finding: &Finding,
    clock: &Clock,
    users: &mut Users,
    terminal_width: Option<usize>,
) -> Vec<String> {
    let when = clock.full(UnixMillis(finding.unix_ms));
    let mut lines =
        vec![format!("#{}  {when}  {}{}", finding.id, title(finding), state(finding, clock, users))];
    let mut say = |line: String| lines.push(wrap(&format!("    {line}"), terminal_width, 6));
    if let Some(path) = finding.path.as_ref().filter(|path| !path.is_empty()) {
        say(named(path, finding.application.as_deref()));
    }
    if let Some(detail) = &finding.detail {
        say(harmless(detail));
    }
    if let Some(group) = group(finding) {
        say(group);
    }
    let parent = finding.parent_path.as_ref().map(|path| format!("started by {}", harmless(path)));
    let user = finding.uid.map(|uid| format!("as user {}", users.name(uid)));
    let (name, is_inferred) = (finding.remote_name.as_deref(), finding.remote_name_inferred);
    let remote = finding.remote.as_ref().map(|remote| named_remote(remote, name, is_inferred));
    let remote = remote.map(|remote| format!("talked first to {}", harmless(&remote)));
    let circumstances: Vec<String> = [parent, user, remote].into_iter().flatten().collect();
    if !circumstances.is_empty() {
        say(circumstances.join(", "));
    }
    if finding.times > 1 {
        let last = clock.full(UnixMillis(finding.updated_unix_ms));
        say(format!("found {} times, last {last}", finding.times));
    }
    // From here in one piece, to be copied.
    if let Some(hash) = &finding.sha256 {
        let name = if finding.kind == FindingKind::ChangedFile.as_str() { "before " } else { "SHA-256" };
        lines.push(format!("    {name} {}", harmless(hash)));
    }
    if let Some(hash) = &finding.previous_sha256 {
        lines.push(format!("    before  {}", harmless(hash)));
    }
    if finding.evidence.is_some() {
        lines.push(format!("{TODO}portolan findings {}", finding.id));
    }
    match (&finding.application, finding.state) {
        (Some(application), FindingState::Open) => {
            let word = shell::word(&application.as_str().into());
            lines.push(format!("{TODO}portolan review approve {word}"));
        }
        (None, FindingState::Open) => lines.push(format!("{TODO}portolan findings dismiss {}", finding.id)),
        _ => {}
    }
    lines
}

fn title(finding: &Finding) -> String {
    let kind = match finding.kind.parse() {
        Ok(FindingKind::NewApplication) => "new application".to_owned(),
        Ok(FindingKind::ChangedExecutable) => "changed executable".to_owned(),
        Ok(FindingKind::ChangedFile) => "changed file".to_owned(),
        Ok(FindingKind::Upgraded) => "upgraded".to_owned(),
        Ok(FindingKind::ForeignCode) => "foreign code".to_owned(),
        Ok(FindingKind::Unidentified) => "program that cannot be identified".to_owned(),
        Ok(FindingKind::Baseline) => "baseline".to_owned(),
        Ok(FindingKind::LostEvents) => "lost events".to_owned(),
        Ok(FindingKind::SelfTestFailed) => "self-test failed".to_owned(),
        Ok(FindingKind::UnbalancedLedger) => "the ledger does not balance".to_owned(),
        Ok(FindingKind::HistoryDamaged) => "the history was damaged".to_owned(),
        Ok(FindingKind::HistoryNotWritten) => "the history could not be written".to_owned(),
        Err(_) => harmless(&finding.kind),
    };
    match finding.severity {
        Severity::Loud => format!("{kind} (loud)"),
        Severity::Normal => kind,
        Severity::Quiet => format!("{kind} (quiet)"),
    }
}

fn state(finding: &Finding, clock: &Clock, users: &mut Users) -> String {
    let word = match finding.state {
        FindingState::Open => {
            let until = finding.snoozed_until_unix_ms.filter(|until| *until > clock.now_ms());
            return until
                .map(|until| format!(", snoozed until {}", clock.full(UnixMillis(until))))
                .unwrap_or_default();
        }
        FindingState::Approved => "approved",
        FindingState::Ignored if finding.application.is_none() => "dismissed",
        FindingState::Ignored => "ignored",
    };
    let by = finding.answered_by.map(|uid| format!(" by {}", users.name(uid))).unwrap_or_default();
    let when = finding.answered_unix_ms.map(|at| format!(" {}", clock.full(UnixMillis(at))));
    format!(", {word}{by}{}", when.unwrap_or_default())
}

/// What a finding about several applications says of them.
fn group(finding: &Finding) -> Option<String> {
    let what = match finding.kind.parse() {
        Ok(FindingKind::Upgraded) => "upgraded to what a package ships",
        Ok(FindingKind::Baseline) => "seen while Portolan learned",
        _ => return None,
    };
    let evidence = finding.evidence.as_deref().map(Evidence::from_json).unwrap_or_default();
    let applications: std::collections::BTreeSet<_> =
        evidence.members.iter().map(|member| &member.application).collect();
    let by = evidence.process.as_ref().map(|process| {
        let started = evidence.parents.first().map(|parent| format!(", started by {}", file_name(parent)));
        format!(" by {}{}", file_name(process), started.unwrap_or_default())
    });
    let by = by.unwrap_or_default();
    Some(match applications.len() {
        1 => format!("1 application was {what}{by}"),
        count => format!("{count} applications were {what}{by}"),
    })
}

fn file_name(process: &ProcessEvidence) -> String {
    Untrusted::from(process.path.as_raw().rsplit('/').next().unwrap_or_default()).for_terminal()
}

/// The path, after the application's name where that says more: `x.py (python3): /usr/bin/python3.11`.
fn named(path: &str, application: Option<&str>) -> String {
    let path = Untrusted::from(path);
    let name = application.map(|key| ApplicationKey::from_stored(key.into()).display_name());
    match name.filter(|name| path.as_raw().rsplit('/').next() != Some(name.as_raw())) {
        Some(name) => format!("{}: {}", name.for_terminal(), path.for_terminal()),
        None => path.for_terminal(),
    }
}

pub(super) fn harmless(text: &str) -> String {
    Untrusted::from(text).for_terminal()
}
