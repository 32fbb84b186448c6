use std::{
    collections::HashMap,
    io::Write as _,
    os::unix::net::UnixStream,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tauri::ipc::Channel;
use tokio::sync::oneshot;

use crate::{
    protocol::{FromWindow, line},
    question::{Answer, Failure, Question},
};

const GONE: &str = "Portolan's tray has ended; start Portolan again.";

/// The tray's process, as the window sees it.
pub(super) struct Tray {
    socket: Mutex<UnixStream>,
    page: Mutex<Option<Channel<Box<RawValue>>>>,
    questions: Mutex<Questions>,
}

#[derive(Default)]
struct Questions {
    last_call: u64,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Tray {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket: Mutex::new(socket), page: Mutex::default(), questions: Mutex::default() }
    }

    /// A page listens; it takes the place of one before.
    pub(super) fn attach(&self, channel: Channel<Box<RawValue>>) {
        *lock(&self.page) = Some(channel);
    }

    /// Passes an event to the page, if one listens.
    pub(super) fn push(&self, event: Box<RawValue>) {
        if let Some(Err(error)) = lock(&self.page).as_ref().map(|page| page.send(event)) {
            tracing::debug!(%error, "the page did not take an event");
        }
    }

    /// The error is a sentence for a person.
    pub(super) fn say(&self, message: &impl Serialize) -> Result<(), String> {
        let line = line(message).map_err(|error| error.to_string())?;
        lock(&self.socket).write_all(&line).map_err(|_| GONE.to_owned())
    }

    /// Waits for the answer.
    pub(super) async fn ask(&self, question: Question) -> Answer {
        let (answer, answered) = oneshot::channel();
        let call = {
            let mut questions = lock(&self.questions);
            questions.last_call += 1;
            let call = questions.last_call;
            questions.waiting.insert(call, answer);
            call
        };
        self.say(&FromWindow::Ask { call, question }).map_err(Failure::gone)?;
        answered.await.unwrap_or_else(|_| Err(Failure::gone(GONE.to_owned())))
    }

    /// The same, as what it is.
    pub(super) async fn asked<T: DeserializeOwned>(&self, question: Question) -> Result<T, Failure> {
        let answer = self.ask(question).await?;
        serde_json::from_str(answer.get())
            .map_err(|error| Failure::other(format!("The tray's answer cannot be read: {error}.")))
    }

    /// The tray answered.
    pub(super) fn finish(&self, call: u64, answer: Answer) {
        if let Some(waiting) = lock(&self.questions).waiting.remove(&call) {
            waiting.send(answer).ok();
        }
    }
}

/// A thread that panicked leaves nothing half done in these values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
