use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{is_harmless, run},
    samples::{self, HOSTILE},
};

async fn start(paths: &[&str]) -> (Bus, Peer) {
    let bus = Bus::start(Policy::Everybody).await;
    let applications = paths.iter().map(|path| samples::application(path, "unreviewed")).collect();
    let peer = Peer::start(&bus.address, Answers { applications, ..Answers::default() }).await;
    (bus, peer)
}

fn told(application: &str, state: &str, ask: bool) -> (String, String, bool) {
    (application.to_owned(), state.to_owned(), ask)
}

#[tokio::test]
async fn each_answer_reaches_the_daemon() {
    let (bus, peer) = start(&["/usr/bin/curl", "/usr/bin/ssh"]).await;
    let ended = run(&bus.address, &["review", "approve", "/usr/bin/curl", "path:/usr/bin/ssh"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, "path:/usr/bin/curl: approved\npath:/usr/bin/ssh: approved\n");
    run(&bus.address, &["review", "ignore", "/usr/bin/ssh", "--no-ask-password"]).await;
    let ended = run(&bus.address, &["review", "reset", "/usr/bin/ssh", "--json"]).await;
    assert_eq!(ended.json()["results"][0]["review"], "unreviewed");
    let expected = [
        told("path:/usr/bin/curl", "approved", true),
        told("path:/usr/bin/ssh", "approved", true),
        told("path:/usr/bin/ssh", "ignored", false),
        told("path:/usr/bin/ssh", "unreviewed", true),
    ];
    assert_eq!(peer.answers().reviews, expected);
}

#[tokio::test]
async fn one_that_is_unknown_does_not_keep_the_others_from_it() {
    let (bus, peer) = start(&["/usr/bin/ssh"]).await;
    let ended = run(&bus.address, &["review", "approve", "/usr/bin/curl", "/usr/bin/ssh", "--json"]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("no application at /usr/bin/curl"), "{ended:?}");
    let json = ended.json();
    assert_eq!(json["error"]["kind"], "not-found");
    assert_eq!(json["results"][0]["error"]["kind"], "not-found");
    assert_eq!(json["results"][1]["review"], "approved");
    assert_eq!(peer.answers().reviews, [told("path:/usr/bin/ssh", "approved", true)]);
}

#[tokio::test]
async fn a_path_is_the_application_that_is_there_and_asks_which_when_there_are_several() {
    let bus = Bus::start(Policy::Everybody).await;
    let keys = [
        ("deb:curl:/usr/bin/curl", "/usr/bin/curl"),
        ("script:/usr/bin/python3:/home/u/x.py", "/usr/bin/python3.11"),
        ("deb:wget:/usr/bin/wget", "/usr/bin/wget"),
        ("script:/tmp/python3:/usr/bin/wget", "/tmp/python3"),
        ("elsewhere:/usr/bin/curl", "/usr/bin/curl"),
    ];
    let application = |(key, path): &(&str, &str)| portolan_bus::Application {
        application: (*key).to_owned(),
        ..samples::application(path, "unreviewed")
    };
    let applications = keys.iter().map(application).collect();
    let peer = Peer::start(&bus.address, Answers { applications, ..Answers::default() }).await;
    let ended = run(&bus.address, &["review", "approve", "/usr/bin/curl", "/home/u/x.py"]).await;
    assert_eq!(
        ended.stdout,
        "deb:curl:/usr/bin/curl: approved\nscript:/usr/bin/python3:/home/u/x.py: approved\n"
    );
    let told_so_far = peer.answers().reviews.len();
    let ended = run(&bus.address, &["review", "approve", "/usr/bin/wget"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("deb:wget:/usr/bin/wget, script:/tmp/python3:/usr/bin/wget"), "{ended:?}");
    let ended = run(&bus.address, &["review", "approve", "/usr/bin/python3.11"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("script:/usr/bin/python3:/home/u/x.py"), "{ended:?}");
    assert_eq!(peer.answers().reviews.len(), told_so_far, "nothing was changed");
}

#[tokio::test]
async fn a_hostile_name_can_be_reviewed_as_it_is_shown() {
    let (bus, peer) = start(&[HOSTILE]).await;
    let table = run(&bus.address, &["applications"]).await.stdout;
    let shown = table.lines().nth(1).unwrap().split("  ").nth(1).unwrap();
    assert!(shown.contains("\\u{1b}"), "{table}");
    let ended = run(&bus.address, &["review", "ignore", shown]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(is_harmless(&ended.stdout));
    assert_eq!(peer.answers().reviews, [told(&format!("path:{HOSTILE}"), "ignored", true)]);
}

#[tokio::test]
async fn a_name_that_imitates_another_is_not_reviewed() {
    let (bus, peer) = start(&["/tmp/a\u{202e}b", "/tmp/a\\u{202e}b"]).await;
    let ended = run(&bus.address, &["review", "approve", "/tmp/a\\u{202e}b"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("nothing was changed"), "{ended:?}");
    assert!(peer.answers().reviews.is_empty());
}
