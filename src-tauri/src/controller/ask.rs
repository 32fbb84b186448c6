//! What a page asks, on the way to the daemon.

use std::{io, pin::pin, sync::Arc, time::Duration};

use portolan_bus::{Archive1Proxy, Config1Proxy, Daemon1Proxy, Error, History1Proxy};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, oneshot};

use super::sentence;
use crate::question::{Answer, Failure, Question};

/// The daemon takes four calls of a connection at a time: two are for questions, one is for decisions, and one is left for
/// what the app itself has to say.
const QUESTIONS_AT_ONCE: usize = 2;

/// The app's own calls, one at a time: the link's and the reading of the state take turns.
#[derive(Debug, Clone)]
pub(super) struct Own(Arc<Semaphore>);

impl Default for Own {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Own {
    /// Calls when it is its turn.
    pub(super) async fn call<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let _turn = self.0.acquire().await.ok();
        soon(call).await
    }
}

/// A daemon that does not answer in this time is treated as not there.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

/// The page's way to the daemon.
#[derive(Debug)]
pub(super) struct Asking {
    questions: Arc<Semaphore>,
    decisions: Arc<Semaphore>,
    under_way: Vec<UnderWay>,
    /// Windows count their tokens from 1, each anew; the daemon hears the app's own.
    last_token: u32,
}

/// A question without an answer yet. Dropping it cancels the question.
#[derive(Debug)]
struct UnderWay {
    /// The page's own; 0 for none.
    token: u32,
    wanted: oneshot::Sender<()>,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            questions: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
            decisions: Arc::new(Semaphore::new(1)),
            under_way: Vec::new(),
            last_token: 0,
        }
    }
}

impl Asking {
    /// Asks the daemon; the answer comes when it has one.
    pub(super) fn ask(
        &mut self,
        daemon: Daemon1Proxy<'static>,
        mut question: Question,
        answer: oneshot::Sender<Answer>,
    ) {
        if question.decides() {
            let decisions = self.decisions();
            tokio::spawn(async move {
                let _turn = decisions.acquire_owned().await.ok();
                answer.send(told(of_daemon(&daemon, question).await)).ok();
            });
            return;
        }
        let (wanted, unwanted) = oneshot::channel();
        let mut ours = None;
        let mut token = 0;
        if let Question::Query { request } | Question::Series { request } = &mut question {
            self.last_token = self.last_token.checked_add(1).unwrap_or(1);
            ours = Some(self.last_token);
            token = std::mem::replace(&mut request.token, self.last_token);
        }
        self.drop_answered();
        self.under_way.push(UnderWay { token, wanted });
        let turns = Arc::clone(&self.questions);
        tokio::spawn(async move {
            answer.send(told(while_wanted(&daemon, question, ours, turns, unwanted).await)).ok();
        });
    }

    /// Cancels what the page asked with this token, whether it waits or was asked. Whether there was anything.
    pub(super) fn cancel(&mut self, token: u32) -> bool {
        self.drop_answered();
        let before = self.under_way.len();
        self.under_way.retain(|question| token == 0 || question.token != token);
        self.under_way.len() != before
    }

    /// Cancels all questions. What was decided is done all the same.
    pub(super) fn forget(&mut self) {
        // Those that wait come first, so that none of them gets the turn of one that ends.
        self.under_way.drain(..).rev().for_each(drop);
    }

    fn drop_answered(&mut self) {
        self.under_way.retain(|question| !question.wanted.is_closed());
    }

    /// The turn of what a person decides: one at a time, in their order, and never behind questions.
    pub(super) fn decisions(&self) -> Arc<Semaphore> {
        Arc::clone(&self.decisions)
    }
}

/// Gives up a call that asks no person for a password when it takes too long.
pub(super) async fn soon<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(ANSWER_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| Err(zbus::Error::from(io::Error::from(io::ErrorKind::TimedOut)).into()))
}

/// Asks when it is the question's turn. It keeps its turn until the daemon is done with it, also when nobody wants the answer
/// any more.
async fn while_wanted(
    daemon: &Daemon1Proxy<'static>,
    question: Question,
    token: Option<u32>,
    turns: Arc<Semaphore>,
    mut unwanted: oneshot::Receiver<()>,
) -> Result<Box<RawValue>, Error> {
    let _turn = tokio::select! {
        biased;
        _ = &mut unwanted => return Err(Error::Cancelled("The question was cancelled.".to_owned())),
        turn = turns.acquire_owned() => turn,
    };
    let mut said = pin!(soon(of_daemon(daemon, question)));
    tokio::select! {
        biased;
        said = &mut said => return said,
        _ = unwanted => {}
    }
    let Some(token) = token else { return said.await };
    loop {
        // The daemon does not know a question that it has not read yet.
        tokio::select! {
            biased;
            said = &mut said => return said,
            known = cancel(daemon, token) => if known.unwrap_or(true) { return said.await },
        }
    }
}

async fn cancel(daemon: &Daemon1Proxy<'static>, token: u32) -> Result<bool, Error> {
    History1Proxy::new(daemon.inner().connection()).await?.cancel(token).await
}

fn told(said: Result<Box<RawValue>, Error>) -> Answer {
    said.map_err(|error| Failure::of(&error, sentence::of(&error)))
}

async fn of_daemon(daemon: &Daemon1Proxy<'static>, question: Question) -> Result<Box<RawValue>, Error> {
    let bus = daemon.inner().connection();
    match question {
        Question::Query { request } => json(&History1Proxy::new(bus).await?.query(&request).await?),
        Question::Series { request } => json(&History1Proxy::new(bus).await?.series(&request).await?),
        Question::Complete { text, cursor } => {
            json(&History1Proxy::new(bus).await?.complete(&text, cursor).await?)
        }
        Question::Details { kind, key } => json(&History1Proxy::new(bus).await?.details(&kind, &key).await?),
        Question::Lookup { addresses } => {
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            json(&daemon.lookup(&addresses).await?)
        }
        Question::Findings { answered } => json(&daemon.findings(answered).await?),
        Question::Applications => json(&daemon.applications().await?),
        Question::Contents => json(&Archive1Proxy::new(bus).await?.info().await?),
        Question::Status => json(&daemon.status().await?),
        Question::Settings => json(&Config1Proxy::new(bus).await?.show().await?),
        Question::Review { application, state } => json(&daemon.review(&application, state.as_str()).await?),
        Question::Dismiss { finding } => json(&daemon.dismiss(finding).await?),
        Question::Snooze { finding, until_unix_ms } => json(&daemon.snooze(finding, until_unix_ms).await?),
        Question::EndLearning => json(&daemon.end_learning().await?),
        Question::SelfTest => json(&daemon.run_self_test().await?),
        Question::Set { key, value } => json(&Config1Proxy::new(bus).await?.set(&key, &value).await?),
        Question::Reset { key } => json(&Config1Proxy::new(bus).await?.reset(&key).await?),
        Question::Cancel { .. }
        | Question::Preferences
        | Question::Prefer { .. }
        | Question::OpenFolder { .. }
        | Question::VirusTotal { .. }
        | Question::SavePicture { .. }
        | Question::SaveReport { .. }
        | Question::ExportReviews
        | Question::ImportReviews
        | Question::Icons { .. } => Err(Error::Internal("The daemon is not asked this.".to_owned())),
    }
}

fn json(answer: &impl Serialize) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(answer)
        .map_err(|error| Error::Internal(format!("The answer cannot be written as JSON: {error}.")))
}
