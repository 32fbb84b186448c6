use super::super::testing::finding;
use super::*;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn keys(changes: &[PopupChange]) -> Vec<(bool, PopupKey)> {
    let key = |change: &PopupChange| match change {
        PopupChange::Show(popup) => (true, popup.key),
        PopupChange::Close(key) => (false, *key),
    };
    changes.iter().map(key).collect()
}

fn answered(mut finding: Finding) -> Finding {
    finding.state = FindingState::Approved;
    finding
}

#[test]
fn a_finding_is_announced_once_also_over_a_reconnect() {
    let mut inbox = Inbox::default();
    let curl = finding(1, "/usr/bin/curl");
    assert_eq!(keys(&inbox.update(curl.clone(), NOW)), [(true, PopupKey::Finding(1))]);
    assert_eq!(inbox.update(curl.clone(), NOW), []);
    inbox.closed(PopupKey::Finding(1));
    assert_eq!(inbox.replace(vec![curl], NOW), []);
    assert_eq!(inbox.to_review(), 1);
}

#[test]
fn a_new_history_counts_from_one_again_and_is_announced() {
    let mut inbox = Inbox::default();
    inbox.update(finding(1, "/usr/bin/curl"), NOW);
    let mut other = finding(1, "/usr/bin/wget");
    other.unix_ms += 1;
    assert_eq!(keys(&inbox.replace(vec![other], NOW)), [(true, PopupKey::Finding(1))]);
}

#[test]
fn an_answer_from_elsewhere_takes_the_notification_away() {
    let mut inbox = Inbox::default();
    let curl = finding(1, "/usr/bin/curl");
    inbox.update(curl.clone(), NOW);
    assert_eq!(keys(&inbox.update(answered(curl), NOW)), [(false, PopupKey::Finding(1))]);
    assert_eq!(inbox.to_review(), 0);
}

#[test]
fn an_answer_covers_all_findings_of_the_application() {
    let mut inbox = Inbox::default();
    inbox.replace(vec![finding(1, "/usr/bin/curl"), finding(2, "/usr/bin/curl"), finding(3, "/bin/x")], NOW);
    let changes = inbox.answered("path:/usr/bin/curl");
    assert_eq!(keys(&changes), [(false, PopupKey::Finding(1)), (false, PopupKey::Finding(2))]);
}

#[test]
fn a_burst_at_start_is_one_notification() {
    let mut inbox = Inbox::default();
    let many = (1..=6).map(|id| finding(id, &format!("/bin/{id}"))).collect();
    assert_eq!(keys(&inbox.replace(many, NOW)), [(true, PopupKey::Group)]);
}

#[test]
fn a_burst_that_builds_up_folds_what_is_on_the_screen() {
    let mut inbox = Inbox::default();
    for id in 1..=5 {
        assert_eq!(keys(&inbox.update(finding(id, "/bin/x"), NOW)), [(true, PopupKey::Finding(id))]);
    }
    let mut expected: Vec<_> = (1..=5).map(|id| (false, PopupKey::Finding(id))).collect();
    expected.push((true, PopupKey::Group));
    assert_eq!(keys(&inbox.update(finding(6, "/bin/x"), NOW)), expected);
    assert_eq!(keys(&inbox.update(finding(7, "/bin/y"), NOW)), [(true, PopupKey::Group)]);
    assert_eq!(keys(&inbox.update(answered(finding(7, "/bin/y")), NOW)), [(true, PopupKey::Group)]);
    assert_eq!(keys(&inbox.answered("path:/bin/x")), [(false, PopupKey::Group)]);
    assert_eq!(keys(&inbox.update(finding(8, "/bin/z"), NOW)), [(true, PopupKey::Finding(8))]);
}

#[test]
fn notifications_that_left_the_screen_make_room() {
    let mut inbox = Inbox::default();
    for id in 1..=20 {
        assert_eq!(keys(&inbox.update(finding(id, "/bin/x"), NOW)), [(true, PopupKey::Finding(id))]);
        inbox.closed(PopupKey::Finding(id));
    }
}

#[test]
fn a_change_overtakes_an_older_finding_about_the_same_application() {
    let mut inbox = Inbox::default();
    inbox.replace(vec![finding(1, "/bin/x"), finding(2, "/bin/y"), finding(3, "/bin/x")], NOW);
    assert_eq!([1, 2, 3, 4].map(|id| inbox.overtaken_by(id)), [Some(3), None, None, None]);
    inbox.replace([1, 2].map(|id| Finding { application: None, ..finding(id, "/bin/x") }).into(), NOW);
    assert_eq!(inbox.overtaken_by(1), None, "they are about no application");
}

#[test]
fn a_snoozed_finding_is_gone_until_then_and_is_told_again() {
    let mut inbox = Inbox::default();
    let curl = finding(1, "/usr/bin/curl");
    inbox.update(curl.clone(), NOW);
    let until = NOW.0 + 5000;
    let snoozed = Finding { snoozed_until_unix_ms: Some(until), ..curl };
    assert_eq!(keys(&inbox.update(snoozed.clone(), NOW)), [(false, PopupKey::Finding(1))]);
    assert_eq!((inbox.to_review(), inbox.newest_first().len()), (0, 0));
    assert_eq!(inbox.pass(UnixMillis(until - 1)), None);
    let back = inbox.pass(UnixMillis(until)).unwrap();
    assert_eq!(keys(&back), [(true, PopupKey::Finding(1))]);
    assert_eq!(inbox.pass(UnixMillis(until + 1)), None);
    assert_eq!(inbox.to_review(), 1);
}

#[test]
fn what_became_news_is_told_again_and_what_was_only_seen_again_is_not() {
    let mut inbox = Inbox::default();
    let mut curl = finding(1, "/usr/bin/curl");
    inbox.update(curl.clone(), NOW);
    inbox.closed(PopupKey::Finding(1));
    (curl.times, curl.updated_unix_ms) = (2, curl.updated_unix_ms + 9);
    assert_eq!(inbox.update(curl.clone(), NOW), []);
    curl.unix_ms += 9;
    assert_eq!(keys(&inbox.update(curl, NOW)), [(true, PopupKey::Finding(1))]);
}

#[test]
fn findings_about_the_daemon_are_told_and_wait() {
    let mut inbox = Inbox::default();
    let mut lost = finding(1, "/bin/x");
    (lost.kind, lost.application, lost.path) = ("lost-events".into(), None, None);
    assert_eq!(keys(&inbox.update(lost, NOW)), [(true, PopupKey::Finding(1))]);
    assert_eq!((inbox.to_review(), inbox.is_loud()), (1, false));
}

#[test]
fn what_is_quiet_is_there_and_disturbs_nobody() {
    let mut inbox = Inbox::default();
    let quiet = Finding { severity: Severity::Quiet, ..finding(1, "/bin/x") };
    assert_eq!(inbox.update(quiet, NOW), []);
    assert_eq!((inbox.to_review(), inbox.waiting().len(), inbox.newest_first().len()), (0, 0, 1));
}

#[test]
fn nothing_is_shown_in_a_pause_and_what_waits_is_told_after_it() {
    let mut inbox = Inbox::default();
    inbox.update(finding(1, "/bin/x"), NOW);
    assert_eq!(keys(&inbox.pause(true)), [(false, PopupKey::Finding(1))]);
    assert_eq!(inbox.update(finding(2, "/bin/y"), NOW), []);
    assert_eq!(inbox.to_review(), 2);
    assert_eq!(keys(&inbox.pause(false)), [(true, PopupKey::Finding(2))]);
    assert_eq!(inbox.pause(true).len(), 1);
    let many = (1..=9).map(|id| finding(id, &format!("/bin/{id}"))).collect();
    assert_eq!(inbox.replace(many, NOW), []);
    assert_eq!(keys(&inbox.pause(false)), [(true, PopupKey::Group)]);
    assert_eq!(keys(&inbox.pause(true)), [(false, PopupKey::Group)]);
}

#[test]
fn what_is_on_the_screen_follows_what_is_known() {
    let mut inbox = Inbox::default();
    inbox.update(finding(1, "/bin/x"), NOW);
    let named = Finding { remote_name: Some("other.example".to_owned()), ..finding(1, "/bin/x") };
    assert_eq!(keys(&inbox.update(named.clone(), NOW)), [(true, PopupKey::Finding(1))]);
    inbox.closed(PopupKey::Finding(1));
    let again = Finding { remote_name: None, ..named };
    assert_eq!(inbox.update(again, NOW), [], "what a person closed does not come back");
}

#[test]
fn another_language_is_on_the_screen_at_once() {
    let mut inbox = Inbox::default();
    inbox.update(finding(1, "/usr/bin/curl"), NOW);
    let other = if inbox.language == Language::Es { Language::En } else { Language::Es };
    let changes = inbox.speak(other);
    assert_eq!(keys(&changes), [(true, PopupKey::Finding(1))]);
    assert!(matches!(&changes[0], PopupChange::Show(popup) if popup.language == other));
    assert_eq!(inbox.speak(other), []);
    inbox.replace((1..=9).map(|id| finding(id, &format!("/bin/{id}"))).collect(), NOW);
    assert_eq!(keys(&inbox.speak(Language::En)), [(true, PopupKey::Group)]);
}

#[test]
fn what_is_over_is_forgotten_and_yet_never_told_again() {
    const DAY: i64 = REMEMBERED_MS;
    let at = |id: i64, unix_ms: i64| Finding { unix_ms, ..finding(id, "/usr/bin/curl") };
    let mut inbox = Inbox::default();
    inbox.replace(vec![at(1, NOW.0), at(2, NOW.0 + 1)], NOW);
    for id in 3..100 {
        let time = NOW.0 + id * DAY;
        inbox.update(at(id, time), UnixMillis(time));
        inbox.update(answered(at(id, time)), UnixMillis(time));
    }
    assert!(inbox.announced.len() <= 5, "{}", inbox.announced.len());
    let later = UnixMillis(NOW.0 + 100 * DAY);
    assert_eq!(inbox.update(at(50, NOW.0 + 50 * DAY), later), []);
    inbox.on_screen.clear();
    assert_eq!(inbox.replace(vec![at(1, NOW.0), at(2, NOW.0 + 1)], later), [], "what is open is known");
    assert_eq!(keys(&inbox.update(at(100, later.0), later)), [(true, PopupKey::Finding(100))]);
}
