//! `portolan history forget`, and how queries are read by it and by `export`.

use std::sync::{Arc, Mutex};

use portolan_bus::{Access, BUS_NAME, Error, OBJECT_PATH, QueryRequest, QueryResult};
use serde_json::json;
use zbus::{Connection, connection::Builder, message::Flags, message::Header};

use crate::{
    bus::{Bus, Policy},
    program::run,
    samples,
};

/// What was asked, and whether a person may be asked for a password.
type Asked = Arc<Mutex<Vec<(&'static str, String, bool)>>>;

fn may_ask(header: &Header<'_>) -> bool {
    header.primary().flags().contains(Flags::AllowInteractiveAuth)
}

struct History(Asked);

#[zbus::interface(name = "org.portolan.History1")]
impl History {
    async fn query(
        &self,
        #[zbus(header)] header: Header<'_>,
        request: QueryRequest,
    ) -> Result<(QueryResult,), Error> {
        self.0.lock().unwrap().push(("query", request.query, may_ask(&header)));
        Ok((QueryResult { access: Access::Own, ..samples::result(Vec::new()) },))
    }
}

struct Archive(Asked);

#[zbus::interface(name = "org.portolan.Archive1")]
impl Archive {
    async fn forget(&self, #[zbus(header)] header: Header<'_>, query: String) -> Result<(), Error> {
        self.0.lock().unwrap().push(("forget", query, may_ask(&header)));
        Ok(())
    }
}

async fn serve(bus: &Bus) -> (Connection, Asked) {
    let asked = Asked::default();
    let builder = Builder::address(bus.address.as_str()).unwrap();
    let builder = builder.serve_at(OBJECT_PATH, History(Arc::clone(&asked))).unwrap();
    let builder = builder.serve_at(OBJECT_PATH, Archive(Arc::clone(&asked))).unwrap();
    (builder.name(BUS_NAME).unwrap().build().await.unwrap(), asked)
}

#[tokio::test]
async fn who_sees_only_their_own_traffic_is_told_that_more_goes() {
    let bus = Bus::start(Policy::Everybody).await;
    let (_connection, asked) = serve(&bus).await;
    let ended = run(&bus.address, &["history", "forget", "--yes", "user:bin app:x"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("of your own traffic (others' is deleted, too).\n"), "{ended:?}");
    let text = || "user:2 app:x".to_owned();
    assert_eq!(*asked.lock().unwrap(), [("query", text(), true), ("forget", text(), true)]);
    let ended = run(&bus.address, &["history", "forget", "--yes", "--json", "app:x"]).await;
    assert_eq!(ended.json()["access"], json!("own"));
}

#[tokio::test]
async fn what_cannot_be_forgotten_is_refused_before_anybody_is_asked() {
    let bus = Bus::start(Policy::Everybody).await;
    let (_connection, asked) = serve(&bus).await;
    for wrong in ["local_port:53", "!(app:x or remote_port:1)", "tx>1MB", ""] {
        let ended = run(&bus.address, &["history", "forget", "--yes", wrong]).await;
        assert_eq!(ended.code, Some(2), "{wrong}: {ended:?}");
    }
    for command in ["forget", "export"] {
        let ended = run(&bus.address, &["history", command, "app:x cuontry:DE"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.ends_with("  app:x cuontry:DE\n        ^^^^^^^\n"), "{ended:?}");
    }
    assert_eq!(*asked.lock().unwrap(), []);
}
