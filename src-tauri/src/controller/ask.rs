//! What a page asks, on the way to the daemon.

use std::sync::Arc;

use portolan_bus::{Archive1Proxy, Config1Proxy, Daemon1Proxy, Error, History1Proxy};
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};

use super::sentence;
use crate::question::{Answer, Failure, Question};

/// The daemon takes four calls of a connection at a time; one is left for what the app itself has to say.
const AT_ONCE: usize = 3;

/// The page's way to the daemon.
#[derive(Debug)]
pub(super) struct Asking {
    turns: Arc<Semaphore>,
}

impl Default for Asking {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Asking {
    /// Asks the daemon; the answer comes when it has one.
    pub(super) fn ask(
        &self,
        daemon: Daemon1Proxy<'static>,
        question: Question,
        answer: oneshot::Sender<Answer>,
    ) {
        let turns = Arc::clone(&self.turns);
        tokio::spawn(async move {
            // Who cancels does not wait behind what is to be cancelled.
            let _turn = match question {
                Question::Cancel { .. } => None,
                _ => turns.acquire_owned().await.ok(),
            };
            let said = of_daemon(&daemon, question).await;
            answer.send(said.map_err(|error| Failure::of(&error, sentence::of(&error)))).ok();
        });
    }
}

async fn of_daemon(
    daemon: &Daemon1Proxy<'static>,
    question: Question,
) -> Result<Box<serde_json::value::RawValue>, Error> {
    let bus = daemon.inner().connection();
    match question {
        Question::Query { request } => json(&History1Proxy::new(bus).await?.query(&request).await?),
        Question::Series { request } => json(&History1Proxy::new(bus).await?.series(&request).await?),
        Question::Complete { text, cursor } => {
            json(&History1Proxy::new(bus).await?.complete(&text, cursor).await?)
        }
        Question::Details { kind, key } => json(&History1Proxy::new(bus).await?.details(&kind, &key).await?),
        Question::Cancel { token } => json(&History1Proxy::new(bus).await?.cancel(token).await?),
        Question::Lookup { addresses } => {
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            json(&daemon.lookup(&addresses).await?)
        }
        Question::Findings { answered } => json(&daemon.findings(answered).await?),
        Question::Applications => json(&daemon.applications().await?),
        Question::Contents => json(&Archive1Proxy::new(bus).await?.info().await?),
        Question::Settings => json(&Config1Proxy::new(bus).await?.show().await?),
        Question::Review { application, state } => json(&daemon.review(&application, state.as_str()).await?),
        Question::Dismiss { finding } => json(&daemon.dismiss(finding).await?),
        Question::Snooze { finding, until_unix_ms } => json(&daemon.snooze(finding, until_unix_ms).await?),
        Question::EndLearning => json(&daemon.end_learning().await?),
        Question::SelfTest => json(&daemon.run_self_test().await?),
        Question::Set { key, value } => json(&Config1Proxy::new(bus).await?.set(&key, &value).await?),
        Question::Reset { key } => json(&Config1Proxy::new(bus).await?.reset(&key).await?),
        Question::Preferences
        | Question::Prefer { .. }
        | Question::OpenFolder { .. }
        | Question::VirusTotal { .. } => Err(Error::Internal("The daemon is not asked this.".to_owned())),
    }
}

fn json(answer: &impl Serialize) -> Result<Box<serde_json::value::RawValue>, Error> {
    serde_json::value::to_raw_value(answer)
        .map_err(|error| Error::Internal(format!("The answer cannot be written as JSON: {error}.")))
}
