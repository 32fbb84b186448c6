use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context as _, anyhow};
use tauri::{
    AppHandle, Wry,
    image::Image,
    include_image,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::TrayIconBuilder,
};
use tokio::sync::mpsc;

use crate::controller::{Choice, Icon, Request, Tray};

const OPEN: &str = "open";
const REVIEW: &str = "review";
const QUIT: &str = "quit";

const FINE: Image<'_> = include_image!("../icons/tray-fine.png");
const TO_REVIEW: Image<'_> = include_image!("../icons/tray-review.png");
const GONE: Image<'_> = include_image!("../icons/tray-gone.png");
const DENIED: Image<'_> = include_image!("../icons/tray-denied.png");

/// The icon in the panel. Only texts change, so that a menu that is open stays open.
pub(super) struct TrayIcon {
    icon: tauri::tray::TrayIcon,
    status: MenuItem<Wry>,
    review: MenuItem<Wry>,
}

impl TrayIcon {
    /// Fails when the library for tray icons is not installed. A desktop without a tray is no failure: the icon appears
    /// as soon as something shows it.
    pub(super) fn new(app: &AppHandle, requests: mpsc::Sender<Request>) -> anyhow::Result<Self> {
        // libappindicator-sys panics when neither of the two libraries can be loaded; it is told in our own words.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let built = catch_unwind(AssertUnwindSafe(|| Self::build(app, requests)));
        std::panic::set_hook(hook);
        built.unwrap_or_else(|_| {
            Err(anyhow!("libayatana-appindicator3.so.1 cannot be loaded; install libayatana-appindicator3-1"))
        })
    }

    fn build(app: &AppHandle, requests: mpsc::Sender<Request>) -> anyhow::Result<Self> {
        let status = MenuItem::with_id(app, "status", "Portolan", false, None::<&str>)?;
        let open = MenuItem::with_id(app, OPEN, "Open Portolan", true, None::<&str>)?;
        let review = MenuItem::with_id(app, REVIEW, "Review…", false, None::<&str>)?;
        let quit = MenuItem::with_id(app, QUIT, "Quit (recording goes on)", true, None::<&str>)?;
        let first_line = PredefinedMenuItem::separator(app)?;
        let last_line = PredefinedMenuItem::separator(app)?;
        let menu = Menu::with_items(app, &[&status, &first_line, &open, &review, &last_line, &quit])?;
        let icon = TrayIconBuilder::with_id("portolan")
            .icon(GONE)
            .menu(&menu)
            .on_menu_event(move |_, event| {
                let choice = match event.id().as_ref() {
                    OPEN => Choice::Open,
                    REVIEW => Choice::Review,
                    QUIT => Choice::Quit,
                    _ => return,
                };
                // This is the main thread: it must not wait for the controller.
                if requests.try_send(Request::Chosen(choice)).is_err() {
                    tracing::error!(?choice, "the controller did not hear a choice in the menu");
                }
            })
            .build(app)
            .context("the desktop's library refused the icon")?;
        Ok(Self { icon, status, review })
    }

    /// Shows this state.
    pub(super) fn draw(&self, tray: &Tray) -> tauri::Result<()> {
        let (review, enabled) = &tray.review;
        self.status.set_text(&tray.status)?;
        self.review.set_text(review)?;
        self.review.set_enabled(*enabled)?;
        self.icon.set_icon(Some(match tray.icon {
            Icon::Fine => FINE,
            Icon::Review => TO_REVIEW,
            Icon::Gone => GONE,
            Icon::Denied => DENIED,
        }))
    }
}
