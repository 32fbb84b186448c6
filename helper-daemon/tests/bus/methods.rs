//! Each method, there and back through the proxy.

use portolan_bus::{Access, Error, FindingState, QueryRequest, WrongQuery};
use portolan_core::{Dimension, ReviewState, Uid, UnixMillis};
use portolan_history::Step;

use crate::{
    sample::{self, OTHER_UID, own_uid},
    setup::Stage,
};

#[tokio::test]
async fn status_travels_whole() {
    let stage = Stage::set().await;
    assert_eq!(stage.client().await.status().await.unwrap(), sample::status(Access::All));
}

#[tokio::test]
async fn a_question_arrives_and_its_answer_comes_back() {
    let stage = Stage::set().await;
    let request = QueryRequest {
        query: "port:443 since:@1000 until:@2000".into(),
        by: vec!["user".into(), "command".into()],
        top: 5,
        ..QueryRequest::default()
    };
    let asker = stage.asker().await;
    let result = asker.query(&request).await.unwrap();
    let mut expected = sample::query_result(Access::All);
    expected.groups.keys[0].texts = vec!["curl -v".into()];
    assert_eq!(result, expected, "zero bytes, which no D-Bus text may hold, became spaces");
    let commands: Vec<_> =
        result.groups.rows().into_iter().map(|row| row.keys.get("command").cloned()).collect();
    assert_eq!(commands, [Some("curl -v".to_owned()), None]);
    let series = asker.series(&request).await.unwrap();
    assert_eq!(series.lines, sample::series_result(Access::All).lines);
    let queries = stage.memory().queries.lock().unwrap();
    for (viewer, question) in &*queries {
        assert_eq!(viewer.uid, Uid(own_uid()));
        assert_eq!((question.top, question.viewer, question.step), (5, None, Step::Bucket));
        assert_eq!(question.by, [Dimension::User, Dimension::Command]);
        assert_eq!(
            (question.query.since, question.query.until),
            (Some(UnixMillis(1_000_000)), Some(UnixMillis(2_000_000)))
        );
    }
    assert_eq!(queries.len(), 2);
}

#[tokio::test]
async fn values_completion_and_details_travel_whole() {
    let stage = Stage::set().await;
    let asker = stage.asker().await;
    assert_eq!(asker.values("domain", "exa", 2).await.unwrap(), ["domain=exa ", "a b"]);
    let completion = asker.complete("port:443 domain:ex", 18).await.unwrap();
    assert_eq!((completion.start, completion.end), (16, 18));
    assert_eq!(completion.words[1], "\"a b\"", "as it has to be written");
    let fields = asker.complete("dom", 3).await.unwrap();
    assert_eq!((fields.start, fields.words.first().map(String::as_str)), (0, Some("domain:")));
    let details = asker.details("application", "/usr/bin/curl").await.unwrap();
    let findings = stage.memory().findings.lock().unwrap().clone();
    let mut expected = sample::details_result(Access::All, findings);
    expected.groups.get_mut("users").unwrap().keys[0].texts = vec!["curl -v".into()];
    assert_eq!(details, expected);
    assert!(!asker.cancel(7).await.unwrap());
}

#[tokio::test]
async fn a_wrong_query_says_where_and_what_was_meant() {
    let stage = Stage::set().await;
    let request = QueryRequest { query: "port:443 cuontry:DE".into(), ..QueryRequest::default() };
    let asker = stage.asker().await;
    for answer in [asker.query(&request).await.err(), asker.series(&request).await.err()] {
        let Some(Error::WrongQuery(wrong)) = answer else { panic!("{answer:?}") };
        let WrongQuery { message, column, length, suggestion } = wrong;
        assert_eq!((column, length, suggestion.as_deref()), (10, 7, Some("country")), "{message}");
        assert!(message.contains("cuontry"), "{message}");
    }
    let answer = asker.details("flow", "(port:1").await;
    assert!(matches!(&answer, Err(Error::WrongQuery(wrong)) if wrong.column == 1), "{answer:?}");
    assert!(stage.memory().queries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_look_up_asks_for_each_address_once_and_travels_whole() {
    let stage = Stage::set().await;
    let client = stage.client().await;
    let result = client.lookup(&["::ffff:192.0.2.1", "192.0.2.1", "2001:db8::1"]).await.unwrap();
    let mut expected = sample::lookup_result(Access::All, "192.0.2.1".into(), &[own_uid()]);
    let info = &mut expected.addresses[0];
    info.names[0].application = Some("path:/a b".into());
    (info.country_name, info.network) = (Some("Ger many".into()), Some(" ".into()));
    assert_eq!(result, expected, "zero bytes, which no D-Bus text may hold, became spaces");
    let lookups = stage.memory().lookups.lock().unwrap();
    let addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    assert_eq!((lookups[0].0.uid, &lookups[0].1), (Uid(own_uid()), &addresses));
}

#[tokio::test]
async fn findings_come_with_and_without_the_answered_ones() {
    let stage = Stage::set().await;
    let client = stage.client().await;
    let ids = |findings: Vec<portolan_bus::Finding>| {
        findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(client.findings(false).await.unwrap()), [4, 3, 1, 0]);
    let all = client.findings(true).await.unwrap();
    assert_eq!(all, *stage.memory().findings.lock().unwrap());
    assert_eq!(all[2].state, FindingState::Approved);
}

#[tokio::test]
async fn applications_travel_whole() {
    let stage = Stage::set().await;
    assert_eq!(stage.client().await.applications().await.unwrap(), [sample::application()]);
}

#[tokio::test]
async fn a_review_reaches_the_daemon_with_the_caller_that_the_bus_knows() {
    let stage = Stage::set().await;
    stage.client().await.review("/usr/bin/curl", "approved").await.unwrap();
    let reviews = stage.memory().reviews.lock().unwrap();
    let expected = (Uid(own_uid()), "path:/usr/bin/curl".parse().unwrap(), ReviewState::Approved);
    assert_eq!(*reviews, [expected]);
}

#[tokio::test]
async fn a_dismissal_and_a_self_test_reach_the_daemon() {
    let stage = Stage::set().await;
    let client = stage.client().await;
    client.dismiss(4).await.unwrap();
    assert_eq!(*stage.memory().dismissed.lock().unwrap(), [(Uid(own_uid()), 4)]);
    assert!(matches!(client.dismiss(-1).await, Err(Error::NotFound(_))));
    assert_eq!(client.run_self_test().await.unwrap(), sample::status(Access::All).self_test);
    assert_eq!(*stage.memory().self_tests.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_snooze_and_the_end_of_learning_reach_the_daemon() {
    let stage = Stage::set().await;
    let client = stage.client().await;
    client.snooze(4, Some(7000)).await.unwrap();
    client.snooze(4, None).await.unwrap();
    assert_eq!(*stage.memory().snoozed.lock().unwrap(), [(4, Some(UnixMillis(7000))), (4, None)]);
    assert!(matches!(client.snooze(-1, None).await, Err(Error::NotFound(_))));
    client.end_learning().await.unwrap();
    assert_eq!(*stage.memory().learning_ended.lock().unwrap(), 1);
}

#[tokio::test]
async fn errors_come_back_as_the_variants_that_they_were() {
    let stage = Stage::set().await;
    let client = stage.client().await;
    let unknown = client.review("/unknown", "approved").await;
    assert!(matches!(&unknown, Err(Error::NotFound(text)) if text == "No such application."), "{unknown:?}");
    let nonsense = client.review("/usr/bin/curl", "yes").await;
    assert!(matches!(nonsense, Err(Error::InvalidArgument(_))), "{nonsense:?}");
    let asker = stage.asker().await;
    let nonsense = asker.query(&QueryRequest { by: vec!["colour".into()], ..Default::default() }).await;
    assert!(matches!(nonsense, Err(Error::InvalidArgument(_))), "{nonsense:?}");
    let nonsense = asker.series(&QueryRequest { step: "week".into(), ..Default::default() }).await;
    assert!(matches!(nonsense, Err(Error::InvalidArgument(_))), "{nonsense:?}");
    let nonsense = asker.values("colour", "", 0).await;
    assert!(matches!(nonsense, Err(Error::InvalidArgument(_))), "{nonsense:?}");
    let says = |text: &str| text.contains("“http”");
    let nonsense = client.lookup(&["192.0.2.1", "http"]).await;
    assert!(matches!(&nonsense, Err(Error::InvalidArgument(text)) if says(text)), "{nonsense:?}");
    assert!(stage.memory().lookups.lock().unwrap().is_empty());
    let greedy = asker.query(&QueryRequest { top: u32::MAX, ..Default::default() }).await;
    assert!(matches!(greedy, Err(Error::LimitExceeded(_))), "{greedy:?}");
    assert!(
        stage.memory().reviews.lock().unwrap().is_empty()
            && stage.memory().queries.lock().unwrap().is_empty()
    );
    *stage.memory().broken_history.lock().unwrap() = true;
    let broken = client.findings(false).await;
    assert!(matches!(broken, Err(Error::HistoryUnavailable(_))), "{broken:?}");
}

#[tokio::test]
async fn subscribing_answers_with_what_there_is() {
    let stage = Stage::set().await;
    let client = stage.client().await;
    let ticks = client.subscribe_live().await.unwrap();
    let own = own_uid();
    assert_eq!(ticks, [sample::tick(1000, &[own, OTHER_UID]), sample::tick(2000, &[OTHER_UID])]);
    let open = client.subscribe_findings().await.unwrap();
    assert_eq!(open.len(), 4);
    client.unsubscribe_live().await.unwrap();
}
