use super::{LinkState, WindowTab};
use crate::words::Language;

/// What the tray shows, as a value: the shell draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tray {
    /// The picture.
    pub(crate) icon: Icon,
    /// The first line of the menu.
    pub(crate) status: String,
    /// The second: what moves.
    pub(crate) rates: String,
    /// The text of the entry that opens the findings, and whether there are any.
    pub(crate) review: (String, bool),
    /// Whether notifications are paused.
    pub(crate) paused: bool,
    /// Of all other entries.
    pub(crate) language: Language,
}

/// The tray's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    /// Recording, nothing to decide.
    Fine,
    /// Something waits for a person.
    Review,
    /// Something loud waits.
    Loud,
    /// Notifications are paused, and nothing loud waits.
    Paused,
    /// No daemon.
    Gone,
    /// A daemon that does not answer this user.
    Denied,
}

/// What a person can choose in the tray's menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Open the window.
    Open,
    /// Open the window on what waits.
    Review,
    /// Open the window on this.
    Show(WindowTab),
    /// Hide all that waits for a while.
    Snooze(Until),
    /// Show no notifications, or show them again.
    Pause,
    /// End the app.
    Quit,
}

/// How long something is snoozed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// 15 minutes.
    Quarter,
    /// 1 hour.
    Hour,
    /// 8 o'clock on the next day.
    Tomorrow,
}

/// What the tray follows from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) link: LinkState,
    /// How many findings wait for an answer, and whether one of them is loud.
    pub(crate) waiting: usize,
    pub(crate) loud: bool,
    /// The daemon records with limits.
    pub(crate) reduced: bool,
    pub(crate) paused: bool,
}

impl Tray {
    /// The tray for a state; `rate` is what moved lately.
    pub(crate) fn of(now: Standing, rate: Option<String>, language: Language) -> Self {
        let Standing { link, waiting, loud, reduced, paused } = now;
        let recording = if reduced { language.recording_reduced() } else { language.recording() };
        let up = link == LinkState::Up;
        let status = match link {
            LinkState::Connecting => language.connecting().to_owned(),
            LinkState::Gone => language.gone().to_owned(),
            LinkState::Denied => language.denied().to_owned(),
            LinkState::Up if waiting == 0 => format!("{recording} · {}", language.nothing_to_review()),
            LinkState::Up => format!("{recording} · {}", language.to_review(waiting)),
        };
        let icon = match link {
            LinkState::Connecting | LinkState::Gone => Icon::Gone,
            LinkState::Denied => Icon::Denied,
            LinkState::Up if loud => Icon::Loud,
            LinkState::Up if paused => Icon::Paused,
            LinkState::Up if waiting > 0 => Icon::Review,
            LinkState::Up => Icon::Fine,
        };
        let asks = up && waiting > 0;
        let count = if asks { format!(" ({waiting})") } else { String::new() };
        let review = (format!("{}{count}…", language.review()), asks);
        let rates = rate.filter(|_| up).unwrap_or_else(|| language.no_rates().to_owned());
        Self { icon, status, rates, review, paused, language }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Standing =
        Standing { link: LinkState::Up, waiting: 0, loud: false, reduced: false, paused: false };

    fn tray(now: Standing) -> Tray {
        Tray::of(now, Some("1 B/s".to_owned()), Language::En)
    }

    #[test]
    fn each_state_has_its_picture_and_its_sentence() {
        let fine = tray(UP);
        assert_eq!((fine.icon, fine.status.as_str()), (Icon::Fine, "Recording · nothing to review"));
        assert_eq!(fine.rates, "1 B/s");
        let three = Standing { waiting: 3, reduced: true, ..UP };
        let review = tray(three);
        assert_eq!(
            (review.icon, review.status.as_str()),
            (Icon::Review, "Recording with limits · 3 to review")
        );
        assert_eq!(review.review, ("Review (3)…".to_owned(), true));
        assert_eq!(tray(Standing { paused: true, ..three }).icon, Icon::Paused);
        assert_eq!(tray(Standing { paused: true, loud: true, ..three }).icon, Icon::Loud);
        assert_eq!(tray(Standing { link: LinkState::Denied, ..three }).icon, Icon::Denied);
        let gone = tray(Standing { link: LinkState::Gone, paused: true, ..three });
        assert_eq!((gone.icon, gone.review), (Icon::Gone, ("Review…".to_owned(), false)));
        assert_eq!(gone.rates, "Rate not known yet");
    }

    #[test]
    fn it_speaks_spanish() {
        let tray = Tray::of(Standing { waiting: 3, ..UP }, None, Language::Es);
        assert_eq!(tray.status, "Registrando · 3 por revisar");
        assert_eq!(tray.review.0, "Revisar (3)…");
    }
}
