//! Nobody takes all the places.

use portolan_bus::Error;

use crate::setup::{Stage, client, soon};

#[tokio::test]
async fn a_connection_has_four_calls_under_way_and_others_go_on() {
    let stage = Stage::set().await;
    let memory = stage.service.backend.clone();
    memory.status_permits.forget_permits(1000);
    let connection = stage.bus.connect().await;
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move { client(&connection).await.status().await })
        })
        .collect();
    soon(memory.status_arrivals.acquire_many(4)).await.unwrap().forget();

    let fifth = soon(client(&connection).await.findings(false)).await;
    assert!(matches!(&fifth, Err(Error::LimitExceeded(text)) if text.contains("4 calls")), "{fifth:?}");
    assert!(soon(stage.client().await.findings(false)).await.is_ok());

    memory.status_permits.add_permits(4);
    for call in waiting {
        assert!(soon(call).await.unwrap().is_ok());
    }
    assert!(soon(client(&connection).await.findings(false)).await.is_ok());
}

#[tokio::test]
async fn subscribers_of_one_user_are_bounded_and_places_come_back() {
    let stage = Stage::set().await;
    let mut clients = Vec::new();
    for _ in 0..16 {
        let connection = stage.bus.connect().await;
        client(&connection).await.subscribe_live().await.unwrap();
        clients.push(connection);
    }
    let last = stage.client().await;
    assert!(matches!(last.subscribe_live().await, Err(Error::LimitExceeded(_))));

    // The bus says to the daemon that a client left before it answers the next one.
    clients.pop().unwrap().close().await.unwrap();
    soon(async {
        while last.subscribe_live().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_that_no_message_could_hold_is_shortened_and_says_so() {
    let stage = Stage::set().await;
    let many: Vec<_> = (0..3000)
        .map(|number| portolan_bus::Finding {
            path: Some("/".repeat(4096)),
            ..crate::sample::finding(number, None)
        })
        .collect();
    *stage.memory().findings.lock().unwrap() = many;
    let answer = soon(stage.client().await.findings(true)).await.unwrap();
    assert!((1500..2000).contains(&answer.len()), "{}", answer.len());
    assert_eq!(answer[0].id, 0, "the first ones stay");
    let asker = crate::setup::history(&stage.bus.connect().await).await;
    let details = soon(asker.details("application", "path:/usr/bin/curl")).await.unwrap();
    let told = u64::try_from(details.findings.len()).unwrap();
    assert_eq!((told + details.findings_left_out, details.applications_left_out), (3000, 0));
    assert!(told > 100 && details.findings_left_out > 1000, "{told}");
    let skipped: Vec<_> = stage.memory().skipped.lock().unwrap().iter().map(|(_, count)| *count).collect();
    assert_eq!(skipped.last(), Some(&details.findings_left_out));
}
