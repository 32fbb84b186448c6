use std::collections::BTreeSet;

use portolan_bus::{Finding, Severity};
use portolan_core::{ChangeKind, Evidence, FindingKind, PackageManager, ProcessEvidence, Provenance};

use super::text::{Text, file_name};
use crate::words::{Language, Waiting};

const NAME: usize = 48;
const PATH: usize = 120;
const REMOTE: usize = 60;
const HASH_DIGITS: usize = 12;
const REASON: usize = 300;
/// Who changed a file, and what started that: so many are named.
const CHANGERS: usize = 3;
/// So many of many are named.
const NAMED: usize = 3;
const PORT: usize = 5;
/// What people call when they upgrade, besides what that calls.
const MANAGERS: [&str; 12] = [
    "apt",
    "apt-get",
    "aptitude",
    "dpkg",
    "dnf",
    "flatpak",
    "packagekitd",
    "pacman",
    "rpm",
    "snapd",
    "yum",
    "zypper",
];

/// Which notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PopupKey {
    /// The one of a finding, by its id.
    Finding(i64),
    /// The one that stands for many findings.
    Group,
    /// An answer could not be stored.
    Failure,
}

/// What a person can press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    /// Approve the application.
    Approve,
    /// Ignore the application.
    Ignore,
    /// Open the window on the finding.
    Details,
    /// Open the window on all findings.
    Review,
}

/// A notification, before a server that shows it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Popup {
    /// Which one: another with the same key takes its place.
    pub(crate) key: PopupKey,
    /// The title.
    pub(crate) summary: Text,
    /// The lines under it.
    pub(crate) body: Text,
    /// Whether it goes by itself, as usual or not before a person answers.
    pub(crate) severity: Severity,
    /// From left to right.
    pub(crate) buttons: &'static [Button],
    /// Of the buttons.
    pub(crate) language: Language,
}

impl Popup {
    /// The notification of a finding; `None` for a quiet one, unless many upgrades made it.
    pub(crate) fn of(finding: &Finding, language: Language) -> Option<Self> {
        let kind = finding.kind.parse().ok()?;
        if finding.severity == Severity::Quiet && kind != FindingKind::Upgraded {
            return None;
        }
        match kind {
            FindingKind::NewApplication
            | FindingKind::ChangedExecutable
            | FindingKind::ChangedFile
            | FindingKind::ForeignCode => Self::of_application(kind, finding, language),
            FindingKind::Unidentified => Some(Self::of_unidentified(finding, language)),
            FindingKind::Baseline => Some(Self::of_baseline(finding, language)),
            FindingKind::Upgraded => Self::of_upgrades(finding, language),
            FindingKind::LostEvents
            | FindingKind::SelfTestFailed
            | FindingKind::UnbalancedLedger
            | FindingKind::HistoryDamaged
            | FindingKind::HistoryNotWritten => Some(Self::of_daemon(kind, finding, language)),
        }
    }

    fn about(
        finding: &Finding,
        summary: Text,
        body: Text,
        buttons: &'static [Button],
        language: Language,
    ) -> Self {
        let (key, severity) = (PopupKey::Finding(finding.id), finding.severity);
        Self { key, summary, body, severity, buttons, language }
    }

    /// One that a review answers.
    fn of_application(kind: FindingKind, finding: &Finding, language: Language) -> Option<Self> {
        let application = finding.application.as_deref()?;
        let path = finding.path.as_deref().unwrap_or(application);
        let evidence = evidence_of(finding);
        let body = and_origin(Text::default().and_theirs(path, PATH), &evidence, language);
        let body = and_where(body, finding, language);
        let (title, body) = match kind {
            FindingKind::NewApplication => (language.new_application(), body),
            FindingKind::ChangedExecutable => {
                (language.changed_application(), and_what_changed(body, finding, language))
            }
            FindingKind::ChangedFile => (language.changed_file(), and_who_changed(body, evidence, language)),
            _ => (language.foreign_code(), and_foreign_code(body, &evidence)),
        };
        let summary = Text::ours(title).and_theirs(file_name(path), NAME);
        let buttons = &[Button::Approve, Button::Ignore, Button::Details];
        Some(Self::about(finding, summary, body, buttons, language))
    }

    /// The one of a program that cannot be identified: there is nothing that could be approved.
    fn of_unidentified(finding: &Finding, language: Language) -> Self {
        let path = finding.path.as_deref().filter(|path| !path.is_empty()).unwrap_or(language.no_file());
        let body = and_where(Text::default().and_theirs(path, PATH), finding, language).and("\n");
        let body = body.and_theirs(finding.detail.as_deref().unwrap_or_default(), REASON);
        let summary = Text::ours(language.unidentified()).and_theirs(file_name(path), NAME);
        Self::about(finding, summary, body, &[Button::Details], language)
    }

    /// The one that tells of all that was learned.
    fn of_baseline(finding: &Finding, language: Language) -> Self {
        let summary = Text::ours(language.learned(members_of(&evidence_of(finding))));
        Self::about(finding, summary, Text::ours(language.baseline()), &[Button::Review], language)
    }

    /// The one that stands for all that a package manager changed in one go.
    fn of_upgrades(finding: &Finding, language: Language) -> Option<Self> {
        let evidence = evidence_of(finding);
        let count = Some(members_of(&evidence)).filter(|count| *count > 0)?;
        let mut summary = Text::ours(language.upgraded(count));
        if let Some(doer) = manager_of(&evidence) {
            summary = summary.and(language.by()).and_theirs(&doer, NAME);
        }
        let paths = evidence.members.iter().map(|member| file_name(member.path.as_raw()));
        let body = and_some(Text::default(), paths, language);
        Some(Self::about(finding, summary, body, &[Button::Review], language))
    }

    /// The one about the daemon itself.
    fn of_daemon(kind: FindingKind, finding: &Finding, language: Language) -> Self {
        let title = match kind {
            FindingKind::SelfTestFailed => language.self_test_failed(),
            FindingKind::UnbalancedLedger => language.unbalanced(),
            FindingKind::HistoryDamaged => language.history_damaged(),
            FindingKind::HistoryNotWritten => language.history_not_written(),
            _ => language.lost_events(),
        };
        let body = Text::default().and_theirs(finding.detail.as_deref().unwrap_or_default(), REASON);
        Self::about(finding, Text::ours(title), body, &[Button::Details], language)
    }

    /// One notification for many findings.
    pub(crate) fn group(findings: &[&Finding], language: Language) -> Self {
        let count = findings.len();
        let all = |kinds: &[FindingKind]| {
            findings.iter().all(|finding| finding.kind.parse().is_ok_and(|kind| kinds.contains(&kind)))
        };
        let changed = [FindingKind::ChangedExecutable, FindingKind::ChangedFile, FindingKind::ForeignCode];
        let what = if all(&[FindingKind::NewApplication]) {
            Waiting::New
        } else if all(&changed) {
            Waiting::Changed
        } else if all(&[&changed[..], &[FindingKind::NewApplication]].concat()) {
            Waiting::NewOrChanged
        } else if findings.iter().all(|finding| finding.path.is_some()) {
            Waiting::Programs
        } else {
            Waiting::Findings
        };
        let names =
            findings.iter().filter_map(|finding| finding.path.as_deref().or(finding.application.as_deref()));
        Self {
            key: PopupKey::Group,
            summary: Text::ours(language.waiting(count, what)),
            body: and_some(Text::default(), names.map(file_name), language),
            severity: findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Normal),
            buttons: &[Button::Review],
            language,
        }
    }

    /// An answer that could not be stored, and why.
    pub(crate) fn failure(application: &str, reason: &str, language: Language) -> Self {
        let summary = Text::ours(language.not_stored()).and_theirs(file_name(application), NAME);
        Self { summary, ..Self::notice("", reason, language) }
    }

    /// Something that went wrong in the app, and why.
    pub(crate) fn notice(title: &str, reason: &str, language: Language) -> Self {
        Self {
            key: PopupKey::Failure,
            summary: Text::ours(title),
            body: Text::default().and_theirs(reason, REASON),
            severity: Severity::Normal,
            buttons: &[Button::Review],
            language,
        }
    }
}

fn evidence_of(finding: &Finding) -> Evidence {
    finding.evidence.as_deref().map(Evidence::from_json).unwrap_or_default()
}

/// How many applications it is about.
fn members_of(evidence: &Evidence) -> usize {
    evidence.members.iter().map(|member| &member.application).collect::<BTreeSet<_>>().len()
}

/// Who made the upgrades: what a person typed (apt), and not what that started (dpkg). Only a name for a person: who it was is
/// in the evidence.
fn manager_of(evidence: &Evidence) -> Option<String> {
    let chain = evidence.process.iter().chain(&evidence.parents);
    let names: Vec<&str> = chain.map(|process| file_name(process.path.as_raw())).collect();
    let typed = names.iter().rev().find(|name| MANAGERS.contains(name)).or(names.first());
    typed.filter(|name| !name.is_empty()).map(|name| (*name).to_owned())
}

/// `a, b, c and 9 more`, each once.
fn and_some<'a>(mut body: Text, all: impl Iterator<Item = &'a str>, language: Language) -> Text {
    let mut names = Vec::new();
    all.for_each(|name| {
        if !names.contains(&name) {
            names.push(name);
        }
    });
    for (index, name) in names.iter().take(NAMED).enumerate() {
        body = body.and(if index == 0 { "" } else { ", " }).and_theirs(name, NAME);
    }
    match names.len().checked_sub(NAMED) {
        Some(more @ 1..) => body.and(language.more(more)),
        _ => body,
    }
}

/// ` (Debian package curl)`: of what it runs, where that is a script.
fn and_origin(body: Text, evidence: &Evidence, language: Language) -> Text {
    let named = |body: Text, package: &portolan_core::Package| {
        body.and(language.package(manager(package.manager))).and_theirs(&package.name, NAME)
    };
    match evidence.code.as_ref().or(evidence.provenance.as_ref()) {
        Some(Provenance::Verified(package)) => named(body.and(" ("), package).and(")"),
        Some(Provenance::Unchecked(package)) => {
            named(body.and(" ("), package).and(language.unchecked()).and(")")
        }
        Some(Provenance::Modified(package)) => {
            named(body.and(" (").and(language.differs()), package).and(")")
        }
        Some(Provenance::Unowned) => body.and(" (").and(language.of_no_package()).and(")"),
        Some(Provenance::Unknown(_)) | None => body,
    }
}

fn manager(manager: PackageManager) -> &'static str {
    match manager {
        PackageManager::Deb => "Debian",
        PackageManager::Rpm => "RPM",
        PackageManager::Pacman => "Pacman",
        PackageManager::Flatpak => "Flatpak",
        PackageManager::Snap => "Snap",
    }
}

/// The first file that is not the executable's.
fn and_foreign_code(body: Text, evidence: &Evidence) -> Text {
    let mut paths = evidence.foreign_code.iter().map(|code| code.path.as_raw());
    match paths.find(|path| !path.is_empty()) {
        Some(path) => body.and("\n").and_theirs(path, PATH),
        None => body,
    }
}

fn and_what_changed(body: Text, finding: &Finding, language: Language) -> Text {
    let digits = |hash: &str| hash.chars().take(HASH_DIGITS).collect::<String>();
    match (finding.previous_sha256.as_deref(), finding.sha256.as_deref()) {
        (Some(old), Some(new)) => body
            .and(language.content_was())
            .and_theirs(&digits(old), HASH_DIGITS)
            .and(language.is_now())
            .and_theirs(&digits(new), HASH_DIGITS)
            .and("…"),
        (None, Some(new)) => {
            body.and(language.content_is_now()).and_theirs(&digits(new), HASH_DIGITS).and("…")
        }
        _ => body.and(language.content_changed()),
    }
}

/// `Changed by dpkg ← apt.`
fn and_who_changed(body: Text, evidence: Evidence, language: Language) -> Text {
    let Some(change) = evidence.change else { return body };
    let done = if change.kind == ChangeKind::Removed { language.removed() } else { language.changed() };
    let name = |process: &ProcessEvidence| match file_name(process.path.as_raw()) {
        "" => language.not_known().to_owned(),
        name => name.to_owned(),
    };
    let mut names: Vec<String> = change.by.iter().map(name).collect();
    // Who only forked is said once.
    names.dedup();
    let mut body = body.and(done);
    if names.is_empty() {
        return body.and(language.by_unknown());
    }
    for (index, name) in names.iter().take(CHANGERS).enumerate() {
        body = body.and(if index == 0 { language.by() } else { " ← " }).and_theirs(name, NAME);
    }
    body.and(".")
}

/// ` → example.org:443 · started by bash`. A name that may as well be another has a `~` and its address beside it.
fn and_where(mut body: Text, finding: &Finding, language: Language) -> Text {
    if let Some(remote) = &finding.remote {
        body = body.and(" → ");
        body = match (&finding.remote_name, remote.rsplit_once(':')) {
            (Some(name), Some((_, port))) if !finding.remote_name_inferred => {
                // Each by itself, so that no long name takes the place of its port.
                body.and_theirs(name, REMOTE).and(":").and_theirs(port, PORT)
            }
            (Some(name), _) => {
                body.and("~").and_theirs(name, REMOTE).and(" (").and_theirs(remote, REMOTE).and(")")
            }
            (None, _) => body.and_theirs(remote, REMOTE),
        };
    }
    if let Some(parent) = &finding.parent_path {
        body = body.and(language.started_by()).and_theirs(file_name(parent), NAME);
    }
    body
}

#[cfg(test)]
#[path = "popup_tests.rs"]
mod tests;
