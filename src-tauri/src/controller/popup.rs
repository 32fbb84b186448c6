use std::collections::BTreeSet;

use portolan_bus::{Finding, Severity};
use portolan_core::{ChangeKind, Evidence, FindingKind, ProcessEvidence};

use super::text::{Text, file_name};

const NAME: usize = 48;
const PATH: usize = 120;
const REMOTE: usize = 60;
const HASH_DIGITS: usize = 12;
const REASON: usize = 300;
/// Who changed a file, and what started that: so many are named.
const CHANGERS: usize = 3;

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
    /// Stays until a person answers.
    pub(crate) critical: bool,
    /// From left to right. A click on the text does what the last one does.
    pub(crate) buttons: &'static [Button],
}

impl Popup {
    /// The notification of a finding that a review can answer; `None` for any other, and for a quiet one.
    pub(crate) fn of(finding: &Finding) -> Option<Self> {
        match finding.kind.parse() {
            Ok(FindingKind::Baseline) => return Self::of_baseline(finding),
            Ok(FindingKind::Unidentified) => return Self::of_unidentified(finding),
            _ => {}
        }
        let application = finding.application.as_deref().filter(|_| finding.severity > Severity::Quiet)?;
        let path = finding.path.as_deref().unwrap_or(application);
        let name = file_name(path);
        let summary = match finding.kind.parse() {
            Ok(FindingKind::NewApplication) => "New application on the network: ",
            Ok(FindingKind::ChangedExecutable) => "Changed application: ",
            Ok(FindingKind::ChangedFile) => "Changed file of an application: ",
            Ok(FindingKind::ForeignCode) => "Foreign code in an application: ",
            _ => return None,
        };
        let body = and_where(Text::default().and_theirs(path, PATH), finding);
        Some(Self {
            key: PopupKey::Finding(finding.id),
            summary: Text::ours(summary).and_theirs(name, NAME),
            body: match finding.kind.parse() {
                Ok(FindingKind::ChangedExecutable) => and_what_changed(body, finding),
                Ok(FindingKind::ChangedFile) => and_who_changed(body, finding),
                _ => body,
            },
            critical: finding.severity == Severity::Loud,
            buttons: &[Button::Approve, Button::Ignore, Button::Details],
        })
    }

    /// The one of a program that cannot be identified: there is nothing that could be approved.
    fn of_unidentified(finding: &Finding) -> Option<Self> {
        if finding.severity == Severity::Quiet {
            return None;
        }
        let path =
            finding.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("(its file is not known)");
        let body = and_where(Text::default().and_theirs(path, PATH), finding).and("\n");
        Some(Self {
            key: PopupKey::Finding(finding.id),
            summary: Text::ours("Program that cannot be identified: ").and_theirs(file_name(path), NAME),
            body: body.and_theirs(finding.detail.as_deref().unwrap_or_default(), REASON),
            critical: finding.severity == Severity::Loud,
            buttons: &[Button::Details],
        })
    }

    /// The one that tells of all that was learned.
    fn of_baseline(finding: &Finding) -> Option<Self> {
        if finding.severity == Severity::Quiet {
            return None;
        }
        let evidence = finding.evidence.as_deref().map(Evidence::from_json).unwrap_or_default();
        let known: BTreeSet<_> = evidence.members.iter().map(|member| &member.application).collect();
        let count = match known.len() {
            1 => "1 application".to_owned(),
            count => format!("{count} applications"),
        };
        Some(Self {
            key: PopupKey::Finding(finding.id),
            summary: Text::ours(format!("Portolan has learned {count}")),
            body: Text::ours(
                "They talked in the first hours, and packages own them. Have a look at the list.",
            ),
            critical: false,
            buttons: &[Button::Review],
        })
    }

    /// One notification for many findings.
    pub(crate) fn group(findings: &[&Finding]) -> Self {
        let changed = findings.iter().filter(|finding| !is(finding, FindingKind::NewApplication)).count();
        let count = findings.len();
        let what = match (changed, count) {
            _ if findings.iter().any(|finding| is(finding, FindingKind::Unidentified)) => "programs are",
            (0, _) => "new applications are",
            (changed, count) if changed == count => "changed applications are",
            _ => "new or changed applications are",
        };
        let mut names = Vec::new();
        for finding in findings {
            let name = finding.path.as_deref().or(finding.application.as_deref()).map(file_name);
            names.extend(name.filter(|name| !names.contains(name)));
        }
        let mut body = Text::default();
        for (index, name) in names.iter().take(3).enumerate() {
            body = body.and(if index == 0 { "" } else { ", " }).and_theirs(name, NAME);
        }
        if let Some(more @ 1..) = names.len().checked_sub(3) {
            body = body.and(format!(" and {more} more"));
        }
        Self {
            key: PopupKey::Group,
            summary: Text::ours(format!("{count} {what} waiting for review")),
            body,
            critical: findings.iter().any(|finding| finding.severity == Severity::Loud),
            buttons: &[Button::Review],
        }
    }

    /// An answer that could not be stored, and why.
    pub(crate) fn failure(application: &str, reason: &str) -> Self {
        Self {
            key: PopupKey::Failure,
            summary: Text::ours("Your answer was not stored: ").and_theirs(file_name(application), NAME),
            body: Text::default().and_theirs(reason, REASON),
            critical: false,
            buttons: &[Button::Review],
        }
    }
}

/// Whether a finding is of this kind.
pub(crate) fn is(finding: &Finding, kind: FindingKind) -> bool {
    finding.kind.parse() == Ok(kind)
}

fn and_what_changed(body: Text, finding: &Finding) -> Text {
    let digits = |hash: &str| hash.chars().take(HASH_DIGITS).collect::<String>();
    match (finding.previous_sha256.as_deref(), finding.sha256.as_deref()) {
        (Some(old), Some(new)) => body
            .and("\nIts content was ")
            .and_theirs(&digits(old), HASH_DIGITS)
            .and("…, is now ")
            .and_theirs(&digits(new), HASH_DIGITS)
            .and("…"),
        (None, Some(new)) => body.and("\nIts content is now ").and_theirs(&digits(new), HASH_DIGITS).and("…"),
        _ => body.and("\nIts content changed."),
    }
}

/// `Changed by dpkg ← apt.`
fn and_who_changed(body: Text, finding: &Finding) -> Text {
    let evidence = finding.evidence.as_deref().map(Evidence::from_json).unwrap_or_default();
    let Some(change) = evidence.change else { return body };
    let done = if change.kind == ChangeKind::Removed { "Removed" } else { "Changed" };
    let name = |process: &ProcessEvidence| match file_name(process.path.as_raw()) {
        "" => "(not known)".to_owned(),
        name => name.to_owned(),
    };
    let mut names: Vec<String> = change.by.iter().map(name).collect();
    // Who only forked is said once.
    names.dedup();
    let mut body = body.and(format!("\n{done}"));
    if names.is_empty() {
        return body.and("; by whom is not known.");
    }
    for (index, name) in names.iter().take(CHANGERS).enumerate() {
        body = body.and(if index == 0 { " by " } else { " ← " }).and_theirs(name, NAME);
    }
    body.and(".")
}

fn and_where(mut body: Text, finding: &Finding) -> Text {
    if let Some(remote) = &finding.remote {
        body = body.and(" → ");
        body = match &finding.remote_name {
            // Each by itself, so that no long name takes the place of its address.
            Some(name) => body
                .and(if finding.remote_name_inferred { "~" } else { "" })
                .and_theirs(name, REMOTE)
                .and(" (")
                .and_theirs(remote, REMOTE)
                .and(")"),
            None => body.and_theirs(remote, REMOTE),
        };
    }
    if let Some(parent) = &finding.parent_path {
        body = body.and(" · started by ").and_theirs(file_name(parent), NAME);
    }
    body
}

#[cfg(test)]
mod tests {
    use portolan_core::{ChangeEvidence, Pid, Uid, UnixMillis};

    use super::super::testing::{changed, finding};
    use super::*;

    #[test]
    fn a_new_application_says_what_where_and_by_whom() {
        let popup = Popup::of(&finding(7, "/usr/bin/curl")).unwrap();
        assert_eq!(popup.summary.plain(), "New application on the network: curl");
        assert_eq!(popup.body.plain(), "/usr/bin/curl → example.org (10.0.0.1:443) · started by bash");
        assert_eq!(popup.buttons, [Button::Approve, Button::Ignore, Button::Details]);
        assert!(!popup.critical);
    }

    #[test]
    fn a_changed_application_says_both_hashes_and_stays() {
        let popup = Popup::of(&changed(8, "/usr/bin/curl")).unwrap();
        assert_eq!(popup.summary.plain(), "Changed application: curl");
        assert_eq!(
            popup.body.plain(),
            "/usr/bin/curl → example.org (10.0.0.1:443) · started by bash\n\
             Its content was aaaaaaaaaaaa…, is now bbbbbbbbbbbb…"
        );
        assert!(popup.critical);
    }

    #[test]
    fn a_changed_file_says_who_changed_it() {
        let of = |kind, by: &[&str]| {
            let process = |path: &&str| ProcessEvidence {
                pid: Pid(7),
                started: UnixMillis(0),
                uid: Uid(0),
                path: (*path).into(),
                sha256: None,
                command_line: None,
                working_directory: None,
            };
            let by = by.iter().map(process).collect();
            let change = ChangeEvidence { kind, at: UnixMillis(0), by, provenance: None, sha256: None };
            let evidence = Evidence { change: Some(change), ..Evidence::default() }.to_json();
            let (remote, parent_path, kind) = (None, None, "changed-file".to_owned());
            let finding = finding(7, "/usr/bin/curl");
            let finding = Finding { kind, remote, parent_path, evidence: Some(evidence), ..finding };
            Popup::of(&finding).unwrap().body
        };
        let apt = ["/usr/bin/dpkg", "/usr/bin/apt", "/usr/bin/apt", "/bin/bash", "/sbin/init"];
        assert_eq!(of(ChangeKind::Replaced, &apt).plain(), "/usr/bin/curl\nChanged by dpkg ← apt ← bash.");
        assert_eq!(of(ChangeKind::Removed, &["/bin/rm"]).plain(), "/usr/bin/curl\nRemoved by rm.");
        assert_eq!(of(ChangeKind::Written, &[]).plain(), "/usr/bin/curl\nChanged; by whom is not known.");
        let hostile = format!("/tmp/<b>\n{}", "x".repeat(5000));
        let body = of(ChangeKind::Written, &[&hostile, ""]);
        assert!(body.markup().contains("Changed by &lt;b&gt;\\u{a}xxx"), "{}", body.markup());
        assert!(body.markup().ends_with(" ← (not known).") && body.plain().len() < 300);
    }

    #[test]
    fn how_loud_it_is_decides_whether_it_shows_and_stays() {
        for (kind, summary) in [
            ("changed-file", "Changed file of an application: curl"),
            ("foreign-code", "Foreign code in an application: curl"),
            ("new-application", "New application on the network: curl"),
        ] {
            let of = |severity| {
                Popup::of(&Finding { kind: kind.to_owned(), severity, ..finding(7, "/usr/bin/curl") })
            };
            assert_eq!(of(Severity::Quiet), None);
            assert!(!of(Severity::Normal).unwrap().critical);
            let loud = of(Severity::Loud).unwrap();
            assert!(loud.critical && loud.summary.plain() == summary);
        }
    }

    #[test]
    fn the_baseline_is_told_when_learning_has_ended() {
        let mut learned =
            Finding { kind: "baseline".to_owned(), severity: Severity::Quiet, ..finding(7, "/x") };
        (learned.application, learned.path) = (None, None);
        assert_eq!(Popup::of(&learned), None);
        learned.severity = Severity::Normal;
        let popup = Popup::of(&learned).unwrap();
        assert_eq!(popup.summary.plain(), "Portolan has learned 0 applications");
        assert_eq!(popup.buttons, [Button::Review]);
    }

    #[test]
    fn a_program_that_cannot_be_identified_says_why_and_cannot_be_approved() {
        let kind = "unidentified".to_owned();
        let mut nameless = Finding { kind, severity: Severity::Loud, ..finding(7, "/tmp/<x>") };
        (nameless.application, nameless.remote) = (None, None);
        nameless.detail = Some("Its file was changed.".to_owned());
        let popup = Popup::of(&nameless).unwrap();
        assert_eq!(popup.summary.plain(), "Program that cannot be identified: <x>");
        assert_eq!(popup.body.markup(), "/tmp/&lt;x&gt; · started by bash\nIts file was changed.");
        assert!(popup.critical && popup.buttons == [Button::Details]);
        let both = [&nameless, &finding(8, "/usr/bin/curl")];
        assert_eq!(Popup::group(&both).summary.plain(), "2 programs are waiting for review");
        nameless.path = Some(String::new());
        assert!(Popup::of(&nameless).unwrap().summary.plain().ends_with("(its file is not known)"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut bare = finding(7, "/usr/bin/curl");
        bare.remote_name_inferred = true;
        assert!(Popup::of(&bare).unwrap().body.plain().contains("→ ~example.org (10.0.0.1:443)"));
        bare.remote_name = None;
        assert!(Popup::of(&bare).unwrap().body.plain().contains("→ 10.0.0.1:443"));
        bare.remote = None;
        bare.parent_path = None;
        assert_eq!(Popup::of(&bare).unwrap().body.plain(), "/usr/bin/curl");
        bare.application = None;
        assert_eq!(Popup::of(&bare), None);
    }

    #[test]
    fn a_hostile_name_is_only_text() {
        let popup = Popup::of(&finding(1, "/tmp/<b>\n\u{202e}gpj.exe")).unwrap();
        assert_eq!(popup.body.markup().split(' ').next(), Some("/tmp/&lt;b&gt;\\u{a}\\u{202e}gpj.exe"));
        assert_eq!(popup.summary.plain(), "New application on the network: <b>\\u{a}\\u{202e}gpj.exe");
        let long = Popup::of(&finding(1, &format!("/{}", "x".repeat(5000)))).unwrap();
        assert!(long.body.plain().chars().count() < 300 && long.summary.plain().chars().count() < 100);
    }

    #[test]
    fn many_findings_are_counted_and_some_named() {
        let findings: Vec<_> = (0..12).map(|id| finding(id, &format!("/usr/bin/tool{id}"))).collect();
        let popup = Popup::group(&findings.iter().collect::<Vec<_>>());
        assert_eq!(popup.summary.plain(), "12 new applications are waiting for review");
        assert_eq!(popup.body.plain(), "tool0, tool1, tool2 and 9 more");
        let both = [&findings[0], &changed(20, "/usr/bin/curl")];
        assert_eq!(
            Popup::group(&both).summary.plain(),
            "2 new or changed applications are waiting for review"
        );
        assert_eq!(Popup::group(&both).body.plain(), "tool0, curl");
        assert!(Popup::group(&both).critical);
    }
}
