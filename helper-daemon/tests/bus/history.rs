//! `org.portolan.History1` over a history that is really asked.

use portolan_bus::{Error, QueryRequest, action};
use portolan_core::Dimension;
use serde::Serialize;

use crate::{
    backend::Memory,
    bus::Bus,
    past::{Past, record},
    polkit::Polkit,
    sample::{OTHER_UID, own_uid},
    setup::{Service, Stage, history, soon},
};

/// Two users, of which one has to hide all it has: words with `secret`, numbers with 54321.
pub(crate) async fn stage() -> Stage {
    let past = Past::new(&[record(own_uid(), "mine", 1000), record(OTHER_UID, "secret", 54_321)]);
    let bus = Bus::start();
    let polkit = soon(Polkit::serve(bus.connect().await)).await;
    let service = Service::start(bus.address(), Memory::remembering(past)).serving().await;
    Stage { bus, polkit, service }
}

fn by(by: &[Dimension], query: &str) -> QueryRequest {
    let by = by.iter().map(|dimension| dimension.as_str().to_owned()).collect();
    QueryRequest { by, query: query.to_owned(), ..QueryRequest::default() }
}

/// Whether an answer shows anything of the other user.
pub(crate) fn tells(answer: &impl Serialize) -> bool {
    let told = serde_json::to_string(answer).unwrap();
    let digest = "69".repeat(32);
    let others = OTHER_UID.to_string();
    let secrets = ["secret", "54321", "d431", "203.0.113.105", "FR", digest.as_str(), others.as_str()];
    secrets.iter().any(|secret| told.contains(secret))
}

#[tokio::test]
async fn with_view_own_no_question_tells_anything_of_another_user() {
    let stage = stage().await;
    let connection = stage.bus.connect().await;
    let asker = history(&connection).await;
    let all_dimensions = Dimension::ALL.iter().filter(|one| **one != Dimension::Time);
    for rights in [&[action::VIEW_ALL, action::VIEW_OWN][..], &[action::VIEW_OWN]] {
        stage.polkit.allow(rights);
        let sees_all = rights.len() == 2;
        for dimension in all_dimensions.clone() {
            let request = by(&[*dimension], "");
            let sums = soon(asker.query(&request)).await.unwrap();
            assert_eq!(tells(&sums), sees_all, "{dimension}: {sums:?}");
            assert_eq!(sums.total.flows, if sees_all { 2 } else { 1 });
            let series = soon(asker.series(&request)).await.unwrap();
            assert_eq!(tells(&series), sees_all, "{dimension}: {series:?}");
            let lines = if sees_all { 2 } else { 1 };
            assert_eq!(series.lines.len(), lines, "{dimension}: {series:?}");
            let values = soon(asker.values(dimension.as_str(), "", 0)).await.unwrap();
            assert!(sees_all || !tells(&values), "{dimension}: {values:?}");
        }
        // Asking for it by name does not help.
        let queries = [
            "secret",
            "app:*secret*",
            "exe:*secret*",
            "parent:*secret*",
            "user:4000000",
            "port:54321",
            "domain:*.secret.example",
            "country:FR",
            "asn:54321",
            "protocol:udp",
            "!mine",
            "!user:0",
            "user:4000000 or user:*",
            "bytes>100000",
        ];
        for query in queries {
            let sums = soon(asker.query(&by(&[Dimension::Application], query))).await.unwrap();
            assert_eq!(tells(&sums), sees_all, "{query}: {sums:?}");
            let details = soon(asker.details("flow", query)).await;
            match details {
                Ok(details) => assert_eq!(tells(&details), sees_all, "{query}: {details:?}"),
                Err(Error::NotFound(_)) => assert!(!sees_all, "{query}"),
                Err(error) => assert!(query.starts_with("bytes"), "{query}: {error}"),
            }
        }
        let [application, executable] =
            ["path:/opt/secret/program".to_owned(), { format!("{} /opt/secret/program", "69".repeat(32)) }];
        for (kind, key) in [("application", application), ("executable", executable)] {
            let details = soon(asker.details(kind, &key)).await;
            match details {
                Ok(details) => assert!(sees_all && tells(&details), "{details:?}"),
                Err(error) => assert!(!sees_all && matches!(error, Error::NotFound(_)), "{error}"),
            }
        }
        let mut told = 0;
        for text in ["app:", "exe:/opt/s", "domain:s", "unit:", "container:", "command:"] {
            let cursor = u32::try_from(text.len()).unwrap();
            let completion = soon(asker.complete(text, cursor)).await.unwrap();
            assert!(sees_all || !tells(&completion), "{text}: {completion:?}");
            told += usize::from(tells(&completion));
        }
        assert_eq!(told > 3, sees_all, "{told}");
    }
}

#[tokio::test]
async fn details_are_of_one_key_and_no_other_that_looks_like_it() {
    let past = Past::new(&[record(own_uid(), "mine", 1000), record(own_uid(), "MINE", 7)]);
    let bus = Bus::start();
    let polkit = soon(Polkit::serve(bus.connect().await)).await;
    let service = Service::start(bus.address(), Memory::remembering(past)).serving().await;
    let stage = Stage { bus, polkit, service };
    let asker = history(&stage.bus.connect().await).await;
    for (key, tx) in [("path:/opt/mine/program", 1000), ("path:/opt/MINE/program", 7)] {
        let found = soon(asker.details("application", key)).await.unwrap();
        assert_eq!((found.total.tx_bytes, found.applications.len()), (tx, 1), "{key}");
        let (digest, path) = (&found.applications[0].sha256, key.trim_start_matches("path:"));
        let found = soon(asker.details("executable", &format!("{digest} {path}"))).await.unwrap();
        assert_eq!(found.total.tx_bytes, tx, "{key}");
    }
    let part = soon(asker.details("application", "program")).await;
    assert!(matches!(part, Err(Error::NotFound(_) | Error::InvalidArgument(_))), "{part:?}");
    assert!(soon(asker.details("flow", "app:program")).await.is_ok());
}

#[tokio::test]
async fn details_say_what_is_known_of_one_thing() {
    let stage = stage().await;
    let asker = history(&stage.bus.connect().await).await;
    let found = soon(asker.details("application", "path:/opt/mine/program")).await.unwrap();
    assert_eq!((found.total.tx_bytes, found.total.flows), (1000, 1));
    assert_eq!(found.applications[0].review, "unreviewed");
    let keys = |part: &str, key: &str| -> Vec<String> {
        found.groups[part].rows().into_iter().filter_map(|row| row.keys.get(key).cloned()).collect()
    };
    assert_eq!(keys("executables", "path"), ["/opt/mine/program"]);
    assert_eq!(keys("executables", "provenance"), ["unowned"]);
    assert_eq!(keys("parents", "path"), Vec::<String>::new());
    assert_eq!(keys("parents", "parent_path"), ["/opt/mine/parent"]);
    assert_eq!(keys("users", "user"), [own_uid().to_string()]);
    assert_eq!(keys("remotes", "domain"), ["mine.example"]);
    let unknown = soon(asker.details("application", "path:/opt/mine/nothing")).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
}
