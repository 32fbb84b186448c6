use portolan_core::{ChangeEvidence, Member, Package, Pid, Uid, UnixMillis};

use super::super::testing::{changed, finding};
use super::*;

#[test]
fn a_new_application_says_what_where_and_by_whom() {
    let popup = Popup::of(&finding(7, "/usr/bin/curl"), Language::En).unwrap();
    assert_eq!(popup.summary.plain(), "New application on the network: curl");
    assert_eq!(popup.body.plain(), "/usr/bin/curl → example.org:443 · started by bash");
    assert_eq!(popup.buttons, [Button::Approve, Button::Ignore, Button::Details]);
    assert!(popup.severity < Severity::Loud);
}

#[test]
fn a_changed_application_says_both_hashes_and_stays() {
    let popup = Popup::of(&changed(8, "/usr/bin/curl"), Language::En).unwrap();
    assert_eq!(popup.summary.plain(), "Changed application: curl");
    assert_eq!(
        popup.body.plain(),
        "/usr/bin/curl → example.org:443 · started by bash\n\
         Its content was aaaaaaaaaaaa…, is now bbbbbbbbbbbb…"
    );
    assert!(popup.severity == Severity::Loud);
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
        Popup::of(&finding, Language::En).unwrap().body
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
            Popup::of(
                &Finding { kind: kind.to_owned(), severity, ..finding(7, "/usr/bin/curl") },
                Language::En,
            )
        };
        assert_eq!(of(Severity::Quiet), None);
        assert!(of(Severity::Normal).unwrap().severity < Severity::Loud);
        let loud = of(Severity::Loud).unwrap();
        assert!(loud.severity == Severity::Loud && loud.summary.plain() == summary);
    }
}

#[test]
fn the_baseline_is_told_when_learning_has_ended() {
    let mut learned = Finding { kind: "baseline".to_owned(), severity: Severity::Quiet, ..finding(7, "/x") };
    (learned.application, learned.path) = (None, None);
    assert_eq!(Popup::of(&learned, Language::En), None);
    learned.severity = Severity::Normal;
    let popup = Popup::of(&learned, Language::En).unwrap();
    assert_eq!(popup.summary.plain(), "Portolan has learned 0 applications");
    assert_eq!(popup.buttons, [Button::Review]);
}

#[test]
fn a_program_that_cannot_be_identified_says_why_and_cannot_be_approved() {
    let kind = "unidentified".to_owned();
    let mut nameless = Finding { kind, severity: Severity::Loud, ..finding(7, "/tmp/<x>") };
    (nameless.application, nameless.remote) = (None, None);
    nameless.detail = Some("Its file was changed.".to_owned());
    let popup = Popup::of(&nameless, Language::En).unwrap();
    assert_eq!(popup.summary.plain(), "Program that cannot be identified: <x>");
    assert_eq!(popup.body.markup(), "/tmp/&lt;x&gt; · started by bash\nIts file was changed.");
    assert!(popup.severity == Severity::Loud && popup.buttons == [Button::Details]);
    let both = [&nameless, &finding(8, "/usr/bin/curl")];
    assert_eq!(Popup::group(&both, Language::En).summary.plain(), "2 programs are waiting for review");
    nameless.path = Some(String::new());
    assert!(Popup::of(&nameless, Language::En).unwrap().summary.plain().ends_with("(its file is not known)"));
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut bare = finding(7, "/usr/bin/curl");
    bare.remote_name_inferred = true;
    assert!(Popup::of(&bare, Language::En).unwrap().body.plain().contains("→ ~example.org (10.0.0.1:443)"));
    bare.remote_name = None;
    assert!(Popup::of(&bare, Language::En).unwrap().body.plain().contains("→ 10.0.0.1:443"));
    bare.remote = None;
    bare.parent_path = None;
    assert_eq!(Popup::of(&bare, Language::En).unwrap().body.plain(), "/usr/bin/curl");
    bare.application = None;
    assert_eq!(Popup::of(&bare, Language::En), None);
}

#[test]
fn a_hostile_name_is_only_text() {
    let popup = Popup::of(&finding(1, "/tmp/<b>\n\u{202e}gpj.exe"), Language::En).unwrap();
    assert_eq!(popup.body.markup().split(' ').next(), Some("/tmp/&lt;b&gt;\\u{a}\\u{202e}gpj.exe"));
    assert_eq!(popup.summary.plain(), "New application on the network: <b>\\u{a}\\u{202e}gpj.exe");
    let long = Popup::of(&finding(1, &format!("/{}", "x".repeat(5000))), Language::En).unwrap();
    assert!(long.body.plain().chars().count() < 300 && long.summary.plain().chars().count() < 100);
}

#[test]
fn many_findings_are_counted_and_some_named() {
    let findings: Vec<_> = (0..12).map(|id| finding(id, &format!("/usr/bin/tool{id}"))).collect();
    let popup = Popup::group(&findings.iter().collect::<Vec<_>>(), Language::En);
    assert_eq!(popup.summary.plain(), "12 new applications are waiting for review");
    assert_eq!(popup.body.plain(), "tool0, tool1, tool2 and 9 more");
    let both = [&findings[0], &changed(20, "/usr/bin/curl")];
    assert_eq!(
        Popup::group(&both, Language::En).summary.plain(),
        "2 new or changed applications are waiting for review"
    );
    assert_eq!(Popup::group(&both, Language::En).body.plain(), "tool0, curl");
    assert!(Popup::group(&both, Language::En).severity == Severity::Loud);
}

fn of_evidence(evidence: &Evidence) -> Finding {
    Finding { evidence: Some(evidence.to_json()), ..finding(7, "/usr/bin/curl") }
}

#[test]
fn a_package_that_explains_it_is_named() {
    let curl = Package { manager: PackageManager::Deb, name: "curl".into(), version: "8".into() };
    let body = |provenance, language| {
        let evidence = Evidence { provenance: Some(provenance), ..Evidence::default() };
        Popup::of(&of_evidence(&evidence), language).unwrap().body.plain()
    };
    assert_eq!(
        body(Provenance::Verified(curl.clone()), Language::En),
        "/usr/bin/curl (Debian package curl) → example.org:443 · started by bash"
    );
    assert_eq!(
        body(Provenance::Modified(curl), Language::Es),
        "/usr/bin/curl (difiere del paquete Debian curl) → example.org:443 · iniciado por bash"
    );
    assert!(body(Provenance::Unowned, Language::En).contains("/usr/bin/curl (of no package) → "));
}

#[test]
fn upgrades_are_one_quiet_notification() {
    let process = |path: &str| ProcessEvidence {
        pid: Pid(7),
        started: UnixMillis(0),
        uid: Uid(0),
        path: path.into(),
        sha256: None,
        command_line: None,
        working_directory: None,
    };
    let member = |index: usize| Member {
        application: format!("/usr/bin/t{index}").parse().unwrap(),
        uid: Uid(0),
        path: format!("/usr/bin/t{index}").as_str().into(),
        before: None,
        after: None,
        provenance: None,
    };
    let evidence = Evidence {
        process: Some(process("/usr/bin/dpkg")),
        parents: vec![process("/usr/bin/apt"), process("/bin/bash")],
        members: (0..12).map(member).collect(),
        ..Evidence::default()
    };
    let mut upgraded = of_evidence(&evidence);
    (upgraded.kind, upgraded.severity, upgraded.application) = ("upgraded".into(), Severity::Quiet, None);
    let popup = Popup::of(&upgraded, Language::En).unwrap();
    assert_eq!(popup.summary.plain(), "12 applications were upgraded by apt");
    assert_eq!(popup.body.plain(), "t0, t1, t2 and 9 more");
    assert_eq!((popup.severity, popup.buttons), (Severity::Quiet, &[Button::Review][..]));
    upgraded.evidence = None;
    assert_eq!(Popup::of(&upgraded, Language::En), None);
}

#[test]
fn losses_are_told_with_their_reason() {
    let mut lost = finding(7, "/x");
    (lost.kind, lost.application, lost.path) = ("lost-events".into(), None, None);
    lost.detail = Some("7 <b> were lost".into());
    let popup = Popup::of(&lost, Language::Es).unwrap();
    assert_eq!(popup.summary.plain(), "Portolan ha perdido eventos");
    assert_eq!(popup.body.markup(), "7 &lt;b&gt; were lost");
}
