//! What a person chooses about the app itself.

use super::{Desk, PATIENCE, open};
use crate::{
    controller::{
        Choice, Icon, Outside, PopupKey, Request, Until,
        testing::{Bus, FakeDaemon, Knowledge, Seen, changed, finding},
    },
    preferences::{Preferences, Spoken},
    question::{FailureKind, Question},
    words::Language,
};

#[tokio::test(flavor = "multi_thread")]
async fn all_that_waits_is_snoozed() {
    let bus = Bus::start(None);
    let daemon = FakeDaemon::start(&bus, open(vec![finding(1, "/bin/x"), finding(2, "/bin/y")])).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Review).await;
    desk.ask(Request::Chosen(Choice::Snooze(Until::Hour))).await;
    desk.until_icon(Icon::Fine).await;
    let snoozed = daemon.knowledge.lock().unwrap().snoozed.clone();
    assert_eq!(snoozed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2]);
    assert!(snoozed[0].1 > finding(1, "/").unix_ms, "{snoozed:?}");
    daemon.stop().await;
    desk.until_icon(Icon::Gone).await;
    desk.ask(Request::Chosen(Choice::Snooze(Until::Tomorrow))).await;
    assert_eq!(desk.until_popup().await, PopupKey::Failure);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_kept_and_ends_when_a_person_wants() {
    let bus = Bus::start(None);
    let daemon = FakeDaemon::start(&bus, Knowledge::default()).await;
    let mut desk = Desk::new(&bus.address);
    desk.until_icon(Icon::Fine).await;
    desk.ask(Request::Chosen(Choice::Pause)).await;
    desk.until_icon(Icon::Paused).await;
    daemon.say(finding(1, "/bin/x")).await;
    let text = desk.until("the count", |seen| match seen {
        Seen::Tray(tray) if tray.review.1 => Some(tray.status.clone()),
        Seen::Popup(popup) => panic!("{popup:?} in a pause"),
        _ => None,
    });
    assert_eq!(text.await, "Recording · 1 to review");
    daemon.say(changed(2, "/bin/y")).await;
    desk.until_icon(Icon::Loud).await;
    desk.ask(Request::Chosen(Choice::Pause)).await;
    assert_eq!(desk.until_popup().await, PopupKey::Finding(1));

    let file = desk.home.path().join("desktop.toml");
    let kept = async |text| {
        while !std::fs::read_to_string(&file).unwrap().contains(text) {
            tokio::task::yield_now().await;
        }
    };
    // The first pause must not be taken for the second.
    let ended = kept("notifications_paused = false");
    tokio::time::timeout(PATIENCE, ended).await.expect("the end of the pause was not written");
    desk.ask(Request::Chosen(Choice::Pause)).await;
    desk.until("the end of the notification", |seen| matches!(seen, Seen::Closed(_)).then_some(())).await;
    let paused = kept("notifications_paused = true");
    tokio::time::timeout(PATIENCE, paused).await.expect("the pause was not written");
    let mut again = Desk::at(&bus.address, desk.home);
    assert!(
        again.until("the tray", |seen| matches!(seen, Seen::Tray(tray) if tray.paused).then_some(true)).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_are_kept_and_the_tray_follows_the_language() {
    let bus = Bus::start(None);
    let mut desk = Desk::new(&bus.address);
    let said = desk.answer(Question::Preferences).await.unwrap();
    let mut preferences: Preferences = serde_json::from_str(said.get()).unwrap();
    preferences.language = Spoken::Es;
    let wish = Question::Prefer { preferences: preferences.clone() };
    assert_eq!(desk.answer(wish).await.unwrap().get(), "null");
    desk.until("Spanish", |seen| {
        matches!(seen, Seen::Tray(tray) if tray.status.contains("servicio de Portolan")).then_some(())
    })
    .await;
    let kept = std::fs::read_to_string(desk.home.path().join("desktop.toml")).unwrap();
    assert!(kept.contains("language = \"es\""), "{kept}");
    preferences.home = Some("x".repeat(101));
    assert_eq!(desk.answer(Question::Prefer { preferences }).await.unwrap_err().kind, FailureKind::Other);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_language_is_on_the_screen_at_once() {
    let bus = Bus::start(None);
    let _daemon = FakeDaemon::start(&bus, open(vec![finding(1, "/bin/x")])).await;
    let mut desk = Desk::new(&bus.address);
    assert_eq!(desk.until_popup().await, PopupKey::Finding(1));
    let preferences = Preferences { language: Spoken::Es, ..Preferences::default() };
    desk.answer(Question::Prefer { preferences }).await.unwrap();
    let shown = desk.until("it in Spanish", |seen| match seen {
        Seen::Popup(popup) => Some((popup.key, popup.language)),
        _ => None,
    });
    assert_eq!(shown.await, (PopupKey::Finding(1), Language::Es));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_of_choices_is_told() {
    let bus = Bus::start(None);
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("desktop.toml"), "theme = 7").unwrap();
    let mut desk = Desk::at(&bus.address, home);
    assert_eq!(desk.until_popup().await, PopupKey::Failure);
    assert_eq!(std::fs::read_to_string(desk.home.path().join("desktop.toml.broken")).unwrap(), "theme = 7");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_folder_and_a_known_page_are_opened() {
    let bus = Bus::start(None);
    let mut desk = Desk::new(&bus.address);
    let folder = |path: &str| Question::OpenFolder { path: path.to_owned() };
    let hash = |sha256: &str| Question::VirusTotal { sha256: sha256.to_owned() };
    for wrong in [folder("usr/bin"), folder(""), folder("/a\0b"), hash("../../x"), hash(&"é".repeat(32))] {
        assert_eq!(desk.answer(wrong).await.unwrap_err().kind, FailureKind::Other);
    }
    let opened = |seen: &Seen| match seen {
        Seen::Opened(what) => Some(what.clone()),
        _ => None,
    };
    desk.answer(folder("/usr/bin/curl")).await.unwrap();
    assert_eq!(desk.until("the folder", opened).await, Outside::FolderOf("/usr/bin/curl".into()));
    desk.answer(hash(&"A".repeat(64))).await.unwrap();
    let page = format!("https://www.virustotal.com/gui/file/{}", "a".repeat(64));
    assert_eq!(desk.until("the page", opened).await, Outside::Page(page));
}
