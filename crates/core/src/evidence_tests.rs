use super::*;
use crate::{Package, PackageManager};

fn process(path: &str, pid: u32) -> ProcessEvidence {
    ProcessEvidence {
        pid: Pid(pid),
        started: UnixMillis(i64::from(pid)),
        uid: Uid(0),
        path: path.into(),
        sha256: None,
        command_line: Some("x".repeat(4096).into()),
        working_directory: Some("/".into()),
    }
}

fn change(content: u8, by: &str, pid: u32) -> Evidence {
    let change = ChangeEvidence {
        kind: ChangeKind::Replaced,
        at: UnixMillis(i64::from(pid)),
        by: vec![process(by, pid), process("/usr/bin/bash", pid)],
        provenance: Some(Provenance::Unowned),
        sha256: Some(Sha256Digest([content; 32])),
    };
    Evidence { change: Some(change), ..Evidence::default() }
}

fn preload(content: u8, since: i64) -> ForeignCode {
    ForeignCode {
        kind: ForeignCodeKind::Preload,
        path: "/tmp/x.so".into(),
        sha256: Some(Sha256Digest([content; 32])),
        provenance: None,
        since: UnixMillis(since),
    }
}

fn verified(version: &str) -> Provenance {
    Provenance::Verified(Package {
        manager: PackageManager::Deb,
        name: "curl".into(),
        version: version.into(),
    })
}

#[test]
fn another_content_or_another_who_did_it_is_news_and_another_process_is_none() {
    let before = change(1, "/usr/bin/vim", 7);
    assert!(!change(1, "/usr/bin/vim", 8).is_news_after(&before));
    assert!(change(2, "/usr/bin/vim", 7).is_news_after(&before));
    assert!(change(1, "/usr/bin/cp", 7).is_news_after(&before));
    assert!(before.is_news_after(&Evidence::default()));
    assert!(!Evidence::default().is_news_after(&before));
}

#[test]
fn who_is_not_known_is_nobody_else_and_who_was_known_stays() {
    let mut known = change(1, "/usr/bin/vim", 7);
    let mut unknown = change(1, "", 8);
    let seen_later =
        |change: &mut ChangeEvidence| (change.kind, change.by) = (ChangeKind::Written, Vec::new());
    unknown.change.iter_mut().for_each(seen_later);
    assert!(!unknown.is_news_after(&known) && !known.is_news_after(&unknown));
    let expected = known.clone();
    let mut other = change(2, "", 8);
    other.change.iter_mut().for_each(|change| change.by.clear());
    unknown.absorb(known.clone());
    assert_eq!(unknown, expected);
    let content = other.clone();
    other.absorb(known.clone());
    assert_eq!(other, content, "nobody knows who did that");
    known.change.iter_mut().for_each(|change| (change.kind, change.sha256) = (ChangeKind::Removed, None));
    assert!(known.is_news_after(&expected));
}

#[test]
fn members_are_bounded_by_what_they_weigh() {
    let executable = crate::Executable { path: "/bin/a".into(), sha256: Sha256Digest([1; 32]) };
    let member = Member {
        application: ApplicationKey::of_path(&executable),
        uid: Uid(1),
        path: "\u{1}".repeat(4096).into(),
        before: None,
        after: Some(executable.sha256),
        provenance: None,
    };
    let evidence = Evidence { members: vec![member; 1000], ..change(1, "/usr/bin/vim", 7) };
    let json = evidence.to_json();
    assert!(json.len() <= MEMBERS_MAX_BYTES + EVIDENCE_MAX_BYTES, "{}", json.len());
    let read = Evidence::from_json(&json);
    assert!((10..1000).contains(&read.members.len()));
    assert_eq!(read.change, evidence.change);
}

#[test]
fn what_is_not_known_is_no_other_provenance() {
    let with = |provenance| Evidence { provenance: Some(provenance), ..Evidence::default() };
    let unknown = with(Provenance::not_looked_at());
    assert!(!with(verified("1")).is_news_after(&unknown));
    let code = |code| Evidence { code: Some(code), ..Evidence::default() };
    assert!(code(Provenance::Unowned).is_news_after(&code(verified("1"))));
    assert!(!code(Provenance::not_looked_at()).is_news_after(&code(verified("1"))));
    let mut again = code(Provenance::not_looked_at());
    again.absorb(code(verified("1")));
    assert_eq!(again.code, Some(verified("1")));
    assert!(!unknown.is_news_after(&with(verified("1"))));
    assert!(with(verified("2")).is_news_after(&with(verified("1"))));
    assert!(with(Provenance::Unowned).is_news_after(&with(verified("1"))));
}

#[test]
fn foreign_code_adds_up_and_is_news_once() {
    let with = |code| Evidence { foreign_code: vec![code], ..Evidence::default() };
    let first = with(preload(1, 10));
    assert!(!with(preload(1, 20)).is_news_after(&first));
    let mut second = with(preload(2, 20));
    assert!(second.is_news_after(&first));
    second.absorb(first.clone());
    assert_eq!(second.foreign_code, [preload(2, 20), preload(1, 10)]);
    assert!(!first.is_news_after(&second));
    for content in 0..=u8::MAX {
        let mut more = with(preload(content, 30));
        more.absorb(second);
        second = more;
    }
    assert_eq!(second.foreign_code.len(), FOREIGN_CODE_AT_MOST);
}

#[test]
fn what_is_no_evidence_reads_as_none() {
    for json in [
        "",
        "null",
        "[]",
        "{\"parents\": 3}",
        "{\"provenance\":{\"state\":\"blessed\"}}",
        &"[".repeat(100_000),
    ] {
        assert!(Evidence::from_json(json).is_empty());
    }
}

#[test]
fn json_reads_back_and_is_never_too_long() {
    let evidence = change(1, "/usr/bin/vim", 7);
    assert_eq!(Evidence::from_json(&evidence.to_json()), evidence);
    let parents = (0..300).map(|pid| process("/usr/bin/bash", pid)).collect();
    let long = Evidence { parents, ..Evidence::default() };
    let json = long.to_json();
    assert!(json.len() <= EVIDENCE_MAX_BYTES);
    let read = Evidence::from_json(&json);
    assert_eq!((read.parents.len(), &read.parents[0].command_line), (300, &None));
    let parents = (0..300).map(|pid| process(&"/x".repeat(2048), pid)).collect();
    let json = Evidence { parents, ..Evidence::default() }.to_json();
    assert!(json.len() <= EVIDENCE_MAX_BYTES, "{}", json.len());
}
