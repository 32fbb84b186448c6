use std::sync::{Arc, Mutex};

use portolan_bus::{Error, QueryRequest, QueryResult};
use tokio::sync::oneshot;

use super::Knowledge;

/// A history whose questions end only when they are cancelled.
pub(super) struct ServedHistory(pub(super) Arc<Mutex<Knowledge>>);

#[zbus::interface(name = "org.portolan.History1")]
impl ServedHistory {
    async fn query(&self, request: QueryRequest) -> Result<(QueryResult,), Error> {
        let (running, cancelled) = oneshot::channel();
        {
            let mut knowledge = self.0.lock().unwrap();
            knowledge.asked.push((request.query, request.token));
            assert!(knowledge.running.insert(request.token, running).is_none(), "a token was used twice");
        }
        cancelled.await.unwrap_err();
        Err(Error::Cancelled("It was cancelled.".to_owned()))
    }

    fn cancel(&self, token: u32) -> Result<bool, Error> {
        Ok(self.0.lock().unwrap().running.remove(&token).is_some())
    }
}
