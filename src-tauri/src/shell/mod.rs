//! The tray's process on a real desktop: Tauri, the tray, the notification server, the window's process. No decision is
//! taken here.

mod compose;
mod instance;
mod notifications;
mod outside;
mod tray;
mod window;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use notifications::Notifications;
use tauri::{AppHandle, RunEvent};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
};
use tray::TrayIcon;
use window::Window;

use crate::{
    controller::{self, Choice, Gui, Outside, Pace, Popup, PopupKey, Request, Tray, WindowEvent},
    desktop::open_display,
    preferences::Store,
    question::Answer,
    words::Language,
};

/// For a call at whose beginning a person may be asked for a password: the daemon gives them two minutes, and needs some seconds
/// itself. The controller gives all others less.
const DECISION_TIMEOUT: Duration = Duration::from_secs(150);

/// So long may the notification server take to remove what is on the screen when the app ends.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the app until a person quits; `background` starts it without a window. Returns at once when it runs already.
pub(crate) fn run(background: bool, context: tauri::Context) -> anyhow::Result<()> {
    let (requests, todo) = mpsc::channel(64);
    let session = || zbus::connection::Builder::session();
    // Held to the end: the name on the session's bus goes with it.
    let _instance =
        match tauri::async_runtime::block_on(instance::claim(session, requests.clone(), !background)) {
            Ok(Some(first)) => Some(first),
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "another Portolan in this session would not be noticed");
                None
            }
        };
    open_display()?;
    let app = tauri::Builder::default()
        .setup(move |app| {
            if !background {
                requests.try_send(Request::Chosen(Choice::Open))?;
            }
            tauri::async_runtime::spawn(quit_on_signal(requests.clone()));
            let shell = Shell::new(app.handle().clone(), requests);
            tauri::async_runtime::spawn(controller::run(
                shell,
                system_bus,
                name_of_user,
                Pace::default(),
                Arc::new(Store::of_user()),
                todo,
            ));
            Ok(())
        })
        .build(context)
        .context("the desktop cannot be used")?;
    app.run(|_, event| {
        // There is no window here that could end the app. A person who quits gives a code.
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            api.prevent_exit();
        }
    });
    Ok(())
}

/// The desktop as the controller sees it.
struct Shell {
    app: AppHandle,
    tray: Option<TrayIcon>,
    /// `None` after the end.
    notifications: Option<Notifications>,
    window: Window,
}

impl Shell {
    /// Must be called on the main thread, where GTK lives. Without a tray the app works by window and notifications.
    fn new(app: AppHandle, requests: mpsc::Sender<Request>) -> Self {
        let tray = TrayIcon::new(&app, requests.clone())
            .inspect_err(|error| tracing::warn!("no tray icon: {error:#}"))
            .ok();
        let notifications = Some(Notifications::new(requests.clone()));
        Self { app, tray, notifications, window: Window::new(requests) }
    }
}

impl Gui for Shell {
    fn draw_tray(&mut self, tray: &Tray) {
        if let Some(Err(error)) = self.tray.as_mut().map(|icon| icon.draw(tray)) {
            tracing::warn!(%error, "the tray icon cannot be changed");
        }
    }

    fn show_popup(&mut self, popup: Popup) {
        if let Some(notifications) = &mut self.notifications {
            notifications.show(popup);
        }
    }

    fn close_popup(&mut self, key: PopupKey) {
        if let Some(notifications) = &mut self.notifications {
            notifications.close(key);
        }
    }

    fn open_window(&mut self) {
        self.window.open();
    }

    fn push(&mut self, event: WindowEvent) {
        self.window.push(&event);
    }

    fn open_outside(&mut self, what: Outside, language: Language, answer: oneshot::Sender<Answer>) {
        tauri::async_runtime::spawn(outside::open(what, language, answer));
    }

    fn quit(&mut self) {
        let (app, notifications) = (self.app.clone(), self.notifications.take());
        tauri::async_runtime::spawn(async move {
            if let Some(notifications) = notifications {
                tokio::time::timeout(FAREWELL_TIMEOUT, notifications.close_all()).await.ok();
            }
            app.exit(0);
        });
    }
}

/// Ends the app as its menu does when the session or a terminal ends it.
async fn quit_on_signal(requests: mpsc::Sender<Request>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    requests.send(Request::Chosen(Choice::Quit)).await.ok();
    Ok(())
}

/// The system bus, or the one that `DBUS_SYSTEM_BUS_ADDRESS` names.
async fn system_bus() -> zbus::Result<zbus::Connection> {
    zbus::connection::Builder::system()?.method_timeout(DECISION_TIMEOUT).build().await
}

/// May ask a directory service, and therefore block.
fn name_of_user(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}
