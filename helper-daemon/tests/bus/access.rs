//! Who may do what, and how polkit is asked.

use futures_util::StreamExt;
use portolan_bus::{Access, Error, QueryRequest, Status, action};
use portolan_core::Uid;
use zbus::proxy::MethodFlags;

use crate::{
    polkit::Question,
    sample::{self, OTHER_UID, own_uid},
    setup::{Stage, client, history, soon},
};

fn is_denied<T: std::fmt::Debug>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::AccessDenied(_)))
}

#[tokio::test]
async fn without_a_right_nothing_is_answered() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[]);
    let connection = stage.bus.connect().await;
    let (client, asker) = (client(&connection).await, history(&connection).await);
    assert!(is_denied(&client.status().await));
    assert!(is_denied(&asker.query(&QueryRequest::default()).await));
    assert!(is_denied(&asker.series(&QueryRequest::default()).await));
    assert!(is_denied(&asker.values("app", "", 0).await));
    assert!(is_denied(&asker.complete("app:", 4).await));
    assert!(is_denied(&asker.details("flow", "").await));
    assert!(is_denied(&client.lookup(&["192.0.2.1"]).await));
    assert!(is_denied(&client.findings(true).await));
    assert!(is_denied(&client.applications().await));
    assert!(is_denied(&client.review("/usr/bin/curl", "approved").await));
    assert!(is_denied(&client.dismiss(4).await));
    assert!(is_denied(&client.snooze(4, None).await));
    assert!(is_denied(&client.end_learning().await));
    assert!(is_denied(&client.run_self_test().await));
    assert!(is_denied(&client.subscribe_live().await));
    assert!(is_denied(&client.subscribe_findings().await));
    assert!(stage.memory().queries.lock().unwrap().is_empty());
    assert!(stage.memory().lookups.lock().unwrap().is_empty());
    assert!(stage.memory().reviews.lock().unwrap().is_empty());
    assert!(stage.memory().dismissed.lock().unwrap().is_empty());
    assert!(stage.memory().snoozed.lock().unwrap().is_empty());
    assert_eq!(*stage.memory().learning_ended.lock().unwrap(), 0);
    assert_eq!(*stage.memory().self_tests.lock().unwrap(), 0);
}

#[tokio::test]
async fn with_view_own_only_own_rows_and_findings_are_seen() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[action::VIEW_OWN]);
    let client = stage.client().await;
    assert_eq!(client.status().await.unwrap().access, Access::Own);
    let ticks = client.subscribe_live().await.unwrap();
    assert_eq!(ticks, [sample::tick(1000, &[own_uid()]), sample::tick(2000, &[])]);
    let ids = |findings: Vec<portolan_bus::Finding>| {
        findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    // 4 is about the daemon; 3 is of an unknown user, 1 of another.
    assert_eq!(ids(client.findings(true).await.unwrap()), [4, 2, 0]);
    assert_eq!(ids(client.subscribe_findings().await.unwrap()), [4, 0]);
    let asker = stage.asker().await;
    assert_eq!(asker.query(&QueryRequest::default()).await.unwrap().access, Access::Own);
    assert_eq!(asker.series(&QueryRequest::default()).await.unwrap().access, Access::Own);
    let details = asker.details("flow", "").await.unwrap();
    assert_eq!((details.access, ids(details.findings)), (Access::Own, vec![4, 2, 0]));
    let viewer = {
        let asked = stage.memory().queries.lock().unwrap();
        assert!(asked.len() == 2 && asked.iter().all(|(_, asked)| asked.viewer == Some(Uid(own_uid()))));
        asked[0].0
    };
    assert_eq!((viewer.uid, viewer.access), (Uid(own_uid()), Access::Own));
    assert_eq!(client.lookup(&["192.0.2.1"]).await.unwrap().access, Access::Own);
    assert_eq!(stage.memory().lookups.lock().unwrap()[0].0, viewer);
    assert!(is_denied(&client.review("/usr/bin/curl", "approved").await));
    assert!(is_denied(&client.dismiss(4).await));
    assert!(is_denied(&client.snooze(4, None).await));
    assert!(is_denied(&client.end_learning().await));
    assert!(is_denied(&client.run_self_test().await), "it is done for all, so it is for who sees all");
}

#[tokio::test]
async fn with_view_own_nobody_learns_from_a_group_what_another_user_runs() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[action::VIEW_OWN]);
    let client = stage.client().await;
    let mut changes = client.receive_finding_changed().await.unwrap();
    client.subscribe_findings().await.unwrap();
    let own = own_uid();
    for uids in [&[OTHER_UID][..], &[own, OTHER_UID], &[OTHER_UID, own]] {
        stage.memory().find(sample::group(9, uids));
    }
    for _ in 0..2 {
        let change = soon(changes.next()).await.unwrap();
        assert_eq!(change.args().unwrap().finding, sample::group(9, &[own]));
    }
    let listed = client.findings(false).await.unwrap();
    assert_eq!(listed[..2], [sample::group(9, &[own]), sample::group(9, &[own])]);
    assert_eq!(listed[2].id, 4, "the one without a member of theirs is not there");
}

#[tokio::test]
async fn the_right_to_review_is_not_the_right_to_see() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[action::REVIEW]);
    let client = stage.client().await;
    client.review("/usr/bin/curl", "ignored").await.unwrap();
    client.dismiss(4).await.unwrap();
    client.snooze(4, None).await.unwrap();
    client.end_learning().await.unwrap();
    assert!(is_denied(&client.status().await));
    assert_ne!(own_uid(), OTHER_UID);
}

#[tokio::test]
async fn polkit_is_asked_by_the_bus_name_and_without_bothering_anybody() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[]);
    let connection = stage.bus.connect().await;
    assert!(is_denied(&client(&connection).await.status().await));
    let questions = stage.polkit.questions();
    let question = |action: &str| Question {
        subject_kind: "system-bus-name".into(),
        details: vec![("name".into(), questions[0].details[0].1.clone())],
        action: action.into(),
        interactive: false,
    };
    assert_eq!(questions, [question(action::VIEW_ALL), question(action::VIEW_OWN)]);
    assert_eq!(questions[0].details[0].1, format!("Str(\"{}\")", connection.unique_name().unwrap()));
}

#[tokio::test]
async fn a_password_is_asked_for_only_when_the_caller_allows_it() {
    let stage = Stage::set().await;
    stage.polkit.allow(&[]);
    stage.polkit.allow_by_password(&[action::VIEW_ALL, action::VIEW_OWN, action::REVIEW]);
    let client = stage.client().await;
    assert!(is_denied(&client.status().await));
    let arguments = &("/usr/bin/curl", "approved");
    let silent = client.inner().call::<_, _, ()>("Review", arguments).await;
    assert!(is_denied(&silent.map_err(portolan_bus::Error::from)));
    assert!(stage.polkit.questions().iter().all(|question| !question.interactive));

    let flags = MethodFlags::AllowInteractiveAuth.into();
    let status: Option<Status> = client.inner().call_with_flags("Status", flags, &()).await.unwrap();
    assert_eq!(status.unwrap().access, Access::All);
    stage.polkit.allow_by_password(&[action::VIEW_OWN, action::REVIEW]);
    let status: Option<Status> = client.inner().call_with_flags("Status", flags, &()).await.unwrap();
    assert_eq!(status.unwrap().access, Access::Own);
    client.review("/usr/bin/curl", "approved").await.unwrap(); // the proxy allows it
    let interactive: Vec<_> =
        stage.polkit.questions().into_iter().filter(|question| question.interactive).collect();
    let actions: Vec<_> = interactive.iter().map(|question| question.action.as_str()).collect();
    assert_eq!(actions, [action::VIEW_ALL, action::VIEW_ALL, action::VIEW_OWN, action::REVIEW]);
}

#[tokio::test]
async fn an_error_of_polkit_is_a_no() {
    let stage = Stage::set().await;
    stage.polkit.fail();
    let client = stage.client().await;
    let answer = client.status().await;
    assert!(matches!(&answer, Err(Error::AccessDenied(text)) if text.contains("out of order")), "{answer:?}");
    assert!(is_denied(&client.review("/usr/bin/curl", "approved").await));
}

#[tokio::test]
async fn a_polkit_that_never_answers_is_a_no_after_its_time() {
    let stage = Stage::set().await;
    stage.polkit.hang();
    let answer = soon(stage.client().await.status()).await;
    assert!(matches!(&answer, Err(Error::AccessDenied(text)) if text.contains("within 10 s")), "{answer:?}");
}

#[tokio::test]
async fn without_polkit_nobody_may_anything() {
    let Stage { bus, polkit, service } = Stage::set().await;
    drop(polkit);
    let client = client(&bus.connect().await).await;
    assert!(is_denied(&client.status().await));
    service.stop().await.unwrap();
}
