use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context as _, anyhow};
use tauri::{
    AppHandle, Wry,
    image::Image,
    include_image,
    menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::TrayIconBuilder,
};
use tokio::sync::mpsc;

use crate::{
    controller::{Choice, Icon, Request, Tray, Until, WindowTab},
    words::Language,
};

const FINE: Image<'_> = include_image!("../icons/tray-fine.png");
const TO_REVIEW: Image<'_> = include_image!("../icons/tray-review.png");
const LOUD: Image<'_> = include_image!("../icons/tray-loud.png");
const PAUSED: Image<'_> = include_image!("../icons/tray-paused.png");
const GONE: Image<'_> = include_image!("../icons/tray-gone.png");
const DENIED: Image<'_> = include_image!("../icons/tray-denied.png");

/// A text in each language.
type Phrase = fn(Language) -> &'static str;

/// An entry whose text depends on nothing but the language.
struct Entry {
    word: &'static str,
    text: Phrase,
    choice: Choice,
}

const fn entry(word: &'static str, text: Phrase, choice: Choice) -> Entry {
    Entry { word, text, choice }
}

const WINDOW: [Entry; 4] = [
    entry("open", Language::open, Choice::Open),
    entry("charts", Language::charts, Choice::Show(WindowTab::Applications)),
    entry("map", Language::map, Choice::Show(WindowTab::Map)),
    entry("live", Language::live, Choice::Show(WindowTab::Live)),
];
const SNOOZE: [Entry; 3] = [
    entry("quarter", Language::quarter, Choice::Snooze(Until::Quarter)),
    entry("hour", Language::hour, Choice::Snooze(Until::Hour)),
    entry("tomorrow", Language::tomorrow, Choice::Snooze(Until::Tomorrow)),
];
const LAST: [Entry; 3] = [
    entry("settings", Language::settings, Choice::Show(WindowTab::Settings)),
    entry("about", Language::about, Choice::Show(WindowTab::About)),
    entry("quit", Language::quit, Choice::Quit),
];
const REVIEW: &str = "review";
const PAUSE: &str = "pause";

/// The icon in the panel. Only texts change, so that a menu that is open stays open.
pub(super) struct TrayIcon {
    icon: tauri::tray::TrayIcon,
    status: MenuItem<Wry>,
    rates: MenuItem<Wry>,
    review: MenuItem<Wry>,
    snooze: Submenu<Wry>,
    pause: CheckMenuItem<Wry>,
    /// Those whose texts depend on the language alone.
    entries: Vec<(Phrase, MenuItem<Wry>)>,
    /// In which language they are.
    language: Language,
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
        let language = Language::default();
        let line = |word, text: &str| MenuItem::with_id(app, word, text, word == REVIEW, None::<&str>);
        let status = line("status", "Portolan")?;
        let rates = line("rates", language.no_rates())?;
        let review = line(REVIEW, language.review())?;
        let snooze = Submenu::with_id(app, "snooze", language.snooze(), false)?;
        let pause = CheckMenuItem::with_id(app, PAUSE, language.pause(), true, false, None::<&str>)?;
        let mut entries = Vec::new();
        let mut item = |entry: &Entry| -> tauri::Result<MenuItem<Wry>> {
            let item = MenuItem::with_id(app, entry.word, (entry.text)(language), true, None::<&str>)?;
            entries.push((entry.text, item.clone()));
            Ok(item)
        };
        let menu = Menu::with_items(app, &[&status, &rates])?;
        let line_between = || -> tauri::Result<()> { menu.append(&PredefinedMenuItem::separator(app)?) };
        line_between()?;
        menu.append(&review)?;
        for entry in &WINDOW {
            menu.append(&item(entry)?)?;
        }
        line_between()?;
        for entry in &SNOOZE {
            snooze.append(&item(entry)?)?;
        }
        menu.append(&snooze)?;
        menu.append(&pause)?;
        line_between()?;
        for entry in &LAST {
            menu.append(&item(entry)?)?;
        }
        let icon = TrayIconBuilder::with_id("portolan")
            .icon(GONE)
            .menu(&menu)
            .on_menu_event(move |_, event| {
                let Some(choice) = choice_of(event.id().as_ref()) else { return };
                // This is the main thread: it must not wait for the controller.
                if requests.try_send(Request::Chosen(choice)).is_err() {
                    tracing::error!(?choice, "the controller did not hear a choice in the menu");
                }
            })
            .build(app)
            .context("the desktop's library refused the icon")?;
        Ok(Self { icon, status, rates, review, snooze, pause, entries, language })
    }

    /// Shows this state.
    pub(super) fn draw(&mut self, tray: &Tray) -> tauri::Result<()> {
        let (review, asks) = &tray.review;
        self.status.set_text(&tray.status)?;
        self.rates.set_text(&tray.rates)?;
        self.review.set_text(review)?;
        self.review.set_enabled(*asks)?;
        self.snooze.set_enabled(*asks)?;
        self.pause.set_checked(tray.paused)?;
        if self.language != tray.language {
            self.language = tray.language;
            self.snooze.set_text(tray.language.snooze())?;
            self.pause.set_text(tray.language.pause())?;
            for (text, item) in &self.entries {
                item.set_text(text(tray.language))?;
            }
        }
        self.icon.set_icon(Some(match tray.icon {
            Icon::Fine => FINE,
            Icon::Review => TO_REVIEW,
            Icon::Loud => LOUD,
            Icon::Paused => PAUSED,
            Icon::Gone => GONE,
            Icon::Denied => DENIED,
        }))
    }
}

fn choice_of(word: &str) -> Option<Choice> {
    let mut entries = WINDOW.iter().chain(&SNOOZE).chain(&LAST);
    match word {
        REVIEW => Some(Choice::Review),
        PAUSE => Some(Choice::Pause),
        _ => entries.find(|entry| entry.word == word).map(|entry| entry.choice),
    }
}
