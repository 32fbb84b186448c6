//! The process of the window: a web view and a line to the tray's process, which started it and decides everything.
//!
//! It draws pictures, asks the person for a file and reads icons: what that takes of memory goes with the window.
//!
//! Invariant: it ends when the window is closed or the tray's process is gone, and takes WebKit's memory with it.

mod commands;
mod dialog;
mod icons;
mod pictures;
mod reports;
mod reviews;
mod tray;

use std::{
    cell::Cell,
    io::{BufRead as _, BufReader},
    os::{fd::AsFd as _, unix::net::UnixStream},
};

use anyhow::Context as _;
use tauri::{AppHandle, Manager as _, Url, WebviewUrl, WebviewWindowBuilder};
use tray::Tray;
use webkit2gtk::{WebView, WebViewExt as _};

use crate::{desktop::open_display, protocol::ToWindow};

const LABEL: &str = "main";
/// A page that ends more often than this in one window is not loaded any more.
const RELOADS_MAX: u32 = 20;

/// With `LANG=C` WebKitGTK reports the language "C", which `Intl` refuses with an exception.
const LANGUAGE_GUARD: &str = r#"
try { new Intl.NumberFormat(navigator.language) } catch {
  Object.defineProperty(Navigator.prototype, "language", { get: () => "en" });
  Object.defineProperty(Navigator.prototype, "languages", { get: () => ["en"] });
}
"#;

/// Shows the window until it is closed. The standard input is the socket to the tray's process.
pub(crate) fn run(context: tauri::Context) -> anyhow::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().context("there is no standard input")?;
    let socket = UnixStream::from(socket);
    socket.peer_addr().context("--window is for the tray's process only; start Portolan without it")?;
    let lines = BufReader::new(socket.try_clone().context("the socket to the tray cannot be shared")?);
    open_display()?;
    tauri::Builder::default()
        .manage(Tray::new(socket))
        .manage(icons::Cache::default())
        .invoke_handler(tauri::generate_handler![commands::attach, commands::ask, commands::retry])
        .setup(move |app| {
            build(app.handle())?;
            let app = app.handle().clone();
            std::thread::Builder::new().name("tray".to_owned()).spawn(move || listen(&app, lines))?;
            Ok(())
        })
        .run(context)
        .context("the window cannot be shown")
}

fn build(app: &AppHandle) -> tauri::Result<()> {
    // Nothing is kept on disk. A web view that forgets cannot be driven by WebDriver, though.
    let driven = std::env::var_os("TAURI_WEBVIEW_AUTOMATION").is_some();
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Portolan")
        .inner_size(1280.0, 800.0)
        .min_inner_size(720.0, 480.0)
        .incognito(!driven)
        .disable_drag_drop_handler()
        .devtools(cfg!(debug_assertions))
        .on_navigation(is_ours)
        .initialization_script(LANGUAGE_GUARD)
        .build()?
        .with_webview(|webview| reload_when_it_ends(&webview.inner()))
}

/// WebKit's own process can end (a fault, or out of memory) and leaves the window as it was painted last.
fn reload_when_it_ends(page: &WebView) {
    let reloads = Cell::new(0);
    page.connect_web_process_terminated(move |page, reason| {
        reloads.set(reloads.get() + 1);
        if reloads.get() > RELOADS_MAX {
            tracing::error!(?reason, "the page ended again and is not loaded any more; open the window anew");
            return;
        }
        tracing::warn!(?reason, "the page's process ended; the page is loaded again");
        page.reload();
    });
}

/// The page never leaves the files that are built into the app.
fn is_ours(url: &Url) -> bool {
    url.scheme() == "tauri" && url.host_str() == Some("localhost")
}

/// Hears the tray until it is gone, then ends the app.
fn listen(app: &AppHandle, lines: BufReader<UnixStream>) {
    for line in lines.lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(ToWindow::Event(event)) => app.state::<Tray>().push(event),
            Ok(ToWindow::Answer { call, answer }) => app.state::<Tray>().finish(call, answer),
            Ok(ToWindow::Raise) => {
                if let Err(error) = raise(app) {
                    tracing::warn!(%error, "the window cannot come to the front");
                }
            }
            Err(error) => tracing::error!(%error, "the tray said something that cannot be read"),
        }
    }
    app.exit(0);
}

fn raise(app: &AppHandle) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}
