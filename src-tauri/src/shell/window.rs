use std::{os::unix::net::UnixStream, path::PathBuf, process::Stdio};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    process::{Child, Command},
    sync::{mpsc, oneshot},
};

use crate::{
    controller::{Request, WindowEvent},
    protocol::{FromWindow, ToWindow, line},
};

/// So many events may wait; a window that takes none of them for minutes is stuck and is closed.
const WAITING_AT_MOST: usize = 256;

/// Some graphics drivers cannot do what WebKit tries first.
const WITHOUT_DMABUF: (&str, &str) = ("WEBKIT_DISABLE_DMABUF_RENDERER", "1");

/// The window, which is a process of its own. There is at most one.
pub(super) struct Window {
    requests: mpsc::Sender<Request>,
    messages: Option<mpsc::Sender<ToWindow>>,
}

impl Window {
    pub(super) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests, messages: None }
    }

    /// Opens the window or brings it to the front. Returns at once.
    pub(super) fn open(&mut self) {
        if self.messages.as_ref().is_some_and(|messages| !messages.is_closed()) {
            self.say(ToWindow::Raise);
            return;
        }
        let (messages, todo) = mpsc::channel(WAITING_AT_MOST);
        self.messages = Some(messages.clone());
        tauri::async_runtime::spawn(attend(self.requests.clone(), messages.downgrade(), todo));
    }

    /// Sends an event to the page.
    pub(super) fn push(&mut self, event: &WindowEvent) {
        match serde_json::value::to_raw_value(event) {
            Ok(event) => self.say(ToWindow::Event(event)),
            Err(error) => tracing::error!(%error, "an event cannot be written as JSON"),
        }
    }

    fn say(&mut self, message: ToWindow) {
        let refused = self.messages.as_ref().map(|messages| messages.try_send(message));
        if let Some(Err(mpsc::error::TrySendError::Full(_))) = refused {
            tracing::error!("the window takes nothing any more and is closed");
            // Its task sees that nobody can send and ends the process.
            self.messages = None;
        }
    }
}

/// Runs the window's process, a second time with less demands on the graphics driver when it dies before it shows a page.
async fn attend(
    requests: mpsc::Sender<Request>,
    messages: mpsc::WeakSender<ToWindow>,
    mut todo: mpsc::Receiver<ToWindow>,
) {
    for environment in [None, Some(WITHOUT_DMABUF)] {
        match converse(&requests, &messages, &mut todo, environment).await {
            Ok(true) => break,
            Ok(false) => tracing::error!("the window ended before it showed anything"),
            Err(error) => tracing::error!("the window cannot be opened: {error:#}"),
        }
    }
    drop(todo);
    requests.send(Request::WindowClosed).await.ok();
}

/// Whether the window had shown a page when it ended.
async fn converse(
    requests: &mpsc::Sender<Request>,
    messages: &mpsc::WeakSender<ToWindow>,
    todo: &mut mpsc::Receiver<ToWindow>,
    environment: Option<(&str, &str)>,
) -> anyhow::Result<bool> {
    let (mut child, reader, mut writer) = start(environment)?;
    let mut lines = BufReader::new(reader).lines();
    let mut ready = false;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.context("its process cannot be watched")?;
                tracing::debug!(%status, "the window ended");
                return Ok(ready || status.success());
            }
            message = todo.recv() => match message {
                Some(message) => writer.write_all(&line(&message)?).await.unwrap_or_else(ignore_ending),
                None => {
                    child.kill().await.context("its process cannot be ended")?;
                    return Ok(true);
                }
            },
            Ok(Some(said)) = lines.next_line() => match serde_json::from_str(&said) {
                Ok(message) => {
                    ready |= matches!(message, FromWindow::Ready);
                    pass_on(message, requests, messages).await;
                }
                Err(error) => tracing::error!(%error, "the window said something that cannot be read"),
            },
        }
    }
}

fn start(environment: Option<(&str, &str)>) -> anyhow::Result<(Child, OwnedReadHalf, OwnedWriteHalf)> {
    let (ours, theirs) = UnixStream::pair().context("no socket for it")?;
    ours.set_nonblocking(true).context("the socket for it cannot be used")?;
    let child = Command::new(own_file())
        .arg("--window")
        .envs(environment)
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .kill_on_drop(true)
        .spawn()
        .context("its process cannot be started")?;
    let (reader, writer) = tokio::net::UnixStream::from_std(ours)?.into_split();
    Ok((child, reader, writer))
}

/// This program. After an upgrade its file has another content or none, but the kernel still knows what runs.
fn own_file() -> PathBuf {
    std::env::current_exe().ok().filter(|path| path.exists()).unwrap_or_else(|| "/proc/self/exe".into())
}

async fn pass_on(
    message: FromWindow,
    requests: &mpsc::Sender<Request>,
    messages: &mpsc::WeakSender<ToWindow>,
) {
    let request = match message {
        FromWindow::Ready => Request::PageReady,
        FromWindow::Retry => Request::Retry,
        FromWindow::Ask { call, question } => {
            let (sender, answered) = oneshot::channel();
            let messages = messages.clone();
            tauri::async_runtime::spawn(async move {
                let Ok(answer) = answered.await else { return };
                if let Some(messages) = messages.upgrade() {
                    messages.send(ToWindow::Answer { call, answer }).await.ok();
                }
            });
            Request::Ask(question, sender)
        }
    };
    requests.send(request).await.ok();
}

/// A window that is closing takes nothing; that it ended is seen elsewhere.
fn ignore_ending(error: std::io::Error) {
    tracing::debug!(%error, "the window did not take a message");
}
