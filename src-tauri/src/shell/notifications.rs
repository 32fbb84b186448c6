use std::{collections::HashMap, path::PathBuf, time::Duration};

use anyhow::Context as _;
use notify_rust::{NotificationHandle, NotificationResponse};
use tauri::async_runtime::JoinHandle;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::compose::{self, compose};
use crate::controller::{Popup, PopupKey, Request};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
const ICON: &[u8] = include_bytes!("../../../icons/portolan-64.png");

/// The notifications on the screen. Each has a task, which ends when the notification leaves the screen.
pub(super) struct Notifications {
    requests: mpsc::Sender<Request>,
    icon: String,
    shown: HashMap<PopupKey, Task>,
}

/// The task of one notification; it ends when it can hear no more orders.
struct Task {
    orders: mpsc::UnboundedSender<Order>,
    end: JoinHandle<()>,
}

enum Order {
    Show(Popup),
    Close,
}

impl Notifications {
    pub(super) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests, icon: icon_file(), shown: HashMap::new() }
    }

    pub(super) fn show(&mut self, popup: Popup) {
        self.shown.retain(|_, task| !task.orders.is_closed());
        let key = popup.key;
        let Some(Order::Show(popup)) = self.order(key, Order::Show(popup)) else { return };
        let (orders, todo) = mpsc::unbounded_channel();
        let end = tauri::async_runtime::spawn(present(popup, self.icon.clone(), todo, self.requests.clone()));
        self.shown.insert(key, Task { orders, end });
    }

    pub(super) fn close(&mut self, key: PopupKey) {
        self.order(key, Order::Close);
    }

    /// Takes all away: nobody would hear their buttons.
    pub(super) async fn close_all(self) {
        for (_, task) in self.shown {
            drop(task.orders);
            task.end.await.ok();
        }
    }

    /// Gives the order back when no task takes it.
    fn order(&self, key: PopupKey, order: Order) -> Option<Order> {
        match self.shown.get(&key) {
            Some(task) => task.orders.send(order).err().map(|refused| refused.0),
            None => Some(order),
        }
    }
}

/// Shows a notification until a person answers, it leaves the screen or it is called back.
async fn present(
    popup: Popup,
    icon: String,
    mut orders: mpsc::UnboundedReceiver<Order>,
    requests: mpsc::Sender<Request>,
) {
    let key = popup.key;
    let Some(mut handle) = show_until_it_works(popup, &icon, &mut orders).await else { return };
    let request = loop {
        tokio::select! {
            request = answer(key, &handle) => break request,
            order = orders.recv() => match order {
                Some(Order::Show(popup)) => match change(handle, popup, &icon).await {
                    Ok(changed) => handle = changed,
                    Err(error) => {
                        tracing::warn!("a notification could not be changed: {error:#}");
                        break Request::PopupClosed(key);
                    }
                },
                Some(Order::Close) | None => {
                    handle.close_async().await;
                    return;
                }
            },
        }
    };
    // From here on a new notification with this key gets a task of its own.
    drop(orders);
    requests.send(request).await.ok();
}

/// `None` when it was called back before. At the start of a session the server may come later than the app.
async fn show_until_it_works(
    mut popup: Popup,
    icon: &str,
    orders: &mut mpsc::UnboundedReceiver<Order>,
) -> Option<NotificationHandle> {
    let mut pause = FIRST_RETRY;
    loop {
        match show(&popup, icon).await {
            Ok(handle) => return Some(handle),
            Err(error) => tracing::warn!("no notification, next attempt in {pause:?}: {error:#}"),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = LONGEST_RETRY.min(pause * 2),
            order = orders.recv() => match order {
                Some(Order::Show(newer)) => popup = newer,
                Some(Order::Close) | None => return None,
            },
        }
    }
}

async fn show(popup: &Popup, icon: &str) -> anyhow::Result<NotificationHandle> {
    let notification = compose(popup, icon, &abilities().await?);
    notification.show_async().await.context("the desktop's notification server refused it")
}

/// Changes what is on the screen, over the same connection: some servers let nobody else do it.
async fn change(
    mut handle: NotificationHandle,
    popup: Popup,
    icon: &str,
) -> anyhow::Result<NotificationHandle> {
    *handle = compose(&popup, icon, &abilities().await?);
    // `update` blocks, and does so on a runtime of its own.
    spawn_blocking(move || handle.update().map(|()| handle))
        .await
        .context("the thread that changes it ended")?
        .context("the desktop's notification server refused the change")
}

/// What the server can do. Asked each time: it may be replaced while the app runs.
async fn abilities() -> anyhow::Result<Vec<String>> {
    spawn_blocking(notify_rust::get_capabilities)
        .await
        .context("the thread that asks it ended")?
        .context("the desktop has no notification server")
}

/// Waits for the answer. A connection that breaks counts as closed.
async fn answer(key: PopupKey, handle: &NotificationHandle) -> Request {
    let mut request = Request::PopupClosed(key);
    handle
        .wait_for_action_async(|response: &NotificationResponse| {
            let button = match response {
                NotificationResponse::Default => Some(compose::default_of(key)),
                NotificationResponse::Action(word) => compose::button_of(word),
                NotificationResponse::Closed(_) | NotificationResponse::Reply(_) => None,
            };
            if let Some(button) = button {
                request = Request::Pressed(key, button);
            }
        })
        .await;
    request
}

/// The app's picture as a file that the server can read; the name of the installed picture where there is no place.
fn icon_file() -> String {
    let write = || -> Option<String> {
        let folder = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?).join("portolan-desktop");
        std::fs::create_dir_all(&folder).ok()?;
        let file = folder.join("portolan.png");
        std::fs::write(&file, ICON).ok()?;
        file.into_os_string().into_string().ok()
    };
    write().unwrap_or_else(|| "portolan".to_owned())
}
