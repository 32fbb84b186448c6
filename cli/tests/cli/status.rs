use portolan_bus::{LedgerState, SelfTestPart, SelfTestState, Status};

use crate::{
    bus::{Bus, Policy},
    peer::{Answers, Peer},
    program::{is_harmless, run},
    samples,
};

#[tokio::test]
async fn status_as_json_is_the_daemons_answer() {
    let bus = Bus::start(Policy::Everybody).await;
    let answers = Answers { status: samples::troubled_status(), ..Answers::default() };
    let _peer = Peer::start(&bus.address, answers).await;
    let ended = run(&bus.address, &["status", "--json"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(is_harmless(&ended.stdout));
    let json = ended.json();
    assert_eq!(serde_json::from_value::<Status>(json.clone()).unwrap(), samples::troubled_status());
    assert_eq!(json["state"], "reduced");
    assert_eq!(json["self_test"]["state"], "failed");
    assert_eq!(json["hooks"][1]["active"], false);
    assert_eq!(json["attribution"]["unattributed"]["process-gone"], 500);
    assert_eq!(json["losses"]["ring_buffer_events"], 7);
}

#[tokio::test]
async fn status_for_a_person_begins_with_the_problems() {
    let bus = Bus::start(Policy::Everybody).await;
    let answers = Answers { status: samples::troubled_status(), ..Answers::default() };
    let peer = Peer::start(&bus.address, answers).await;
    let ended = run(&bus.address, &["status"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(is_harmless(&ended.stdout));
    let place = |text: &str| ended.stdout.find(text).unwrap_or_else(|| panic!("no {text}: {}", ended.stdout));
    assert!(place("Problems") < place("the self-test failed: "));
    assert!(place("ring_buffer_events 7") < place("You see") && place("fanotify") < place("You see"));
    assert_eq!(ended.stdout.matches("fanotify").count(), 1, "said twice: {}", ended.stdout);

    assert_eq!(run(&bus.address, &["status", "--check", "--json"]).await.code, Some(6));
    peer.answers().status = samples::status();
    let ended = run(&bus.address, &["status", "--check"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("  83.1 %  by programs whose executable is known"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Problems"));
}

#[tokio::test]
async fn the_ledger_shows_every_byte_and_says_what_is_an_estimate() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let shown = run(&bus.address, &["status"]).await.stdout;
    for part in [
        "All bytes accounted for: yes",
        "  1 200 000          bytes counted, of which\n",
        "    998 000  83.1 %  by programs",
        "    200 000  16.6 %  by Portolan's self-tests",
        "~ 6 000  ~ -1  headers and acknowledgements",
        "/proc/1/ns/net cannot be read",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(" 0  ") && !shown.contains("sent again"), "a line that is 0: {shown}");
    let all = run(&bus.address, &["status", "--all"]).await.stdout;
    for part in [
        "          0   0.0 %  not accounted for",
        "over tcp: 600 000 out, 600 000 in",
        "~ 5 200  ~ -1  headers of TCP segments, acknowledgements included",
        "    ~ 0   ~ 0  TCP segments sent again",
        "Counted by the kernel's tracepoints",
        "Hooks: 1 of 1 active",
        "sock_send_length: counts bytes",
        "  0  ring_buffer_events",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert_eq!(run(&bus.address, &["status", "--check"]).await.code, Some(0));
    peer.answers().status.network.lines.push(samples::network_line("other-namespaces", -70, -7, false));
    let shown = run(&bus.address, &["status"]).await.stdout;
    assert!(shown.contains("-70    -7  of that in containers") && !shown.contains("/proc/1/ns"), "{shown}");
    peer.answers().status.ledger.state = LedgerState::Unbalanced;
    let ended = run(&bus.address, &["status", "--check"]).await;
    assert_eq!(ended.code, Some(6));
    assert!(ended.stdout.contains("All bytes accounted for: NO"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_self_test_now_says_each_protocol_and_fails_with_it() {
    let bus = Bus::start(Policy::Everybody).await;
    let peer = Peer::start(&bus.address, Answers::default()).await;
    let ended = run(&bus.address, &["status", "--self-test"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stdout.contains("tcp-ipv4   passed: moved 100 003, counted 100 003 sent"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("udp-ipv6   not possible on this machine"), "{}", ended.stdout);
    peer.answers().self_test.state = SelfTestState::Failed;
    let ended = run(&bus.address, &["status", "--self-test", "--json"]).await;
    assert_eq!((ended.code, ended.json()["self_test"]["state"].as_str()), (Some(6), Some("failed")));
    assert!(is_harmless(&ended.stderr), "{}", ended.stderr);
}

#[tokio::test]
async fn a_self_test_that_counted_nothing_is_in_the_first_line() {
    let bus = Bus::start(Policy::Everybody).await;
    let part = |counted| SelfTestPart {
        name: "tcp-ipv4".to_owned(),
        state: SelfTestState::Failed,
        moved_bytes: 9,
        counted_tx_bytes: counted,
        counted_rx_bytes: counted,
    };
    let mut status = samples::status();
    status.self_test.state = SelfTestState::Failed;
    status.self_test.parts = vec![part(0)];
    let peer = Peer::start(&bus.address, Answers { status, ..Answers::default() }).await;
    let first_line = async || {
        let shown = run(&bus.address, &["status"]).await.stdout;
        shown.lines().next().unwrap_or_default().to_owned()
    };
    assert!(first_line().await.starts_with("Portolan 0.1.0 is running but COUNTS NOTHING"));
    peer.answers().status.self_test.parts.push(part(8));
    assert!(first_line().await.starts_with("Portolan 0.1.0 is running but COUNTS WRONG"));
    peer.answers().status = samples::status();
    assert!(first_line().await.starts_with("Portolan 0.1.0 is recording (started 2026-01-01 00:00:00, "));
}
