use super::LinkState;

/// What the tray shows, as a value: the shell draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tray {
    /// The picture.
    pub(crate) icon: Icon,
    /// The first line of the menu.
    pub(crate) status: String,
    /// The text of the entry that opens the findings, and whether there are any.
    pub(crate) review: (String, bool),
}

/// The tray's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    /// Recording, nothing to decide.
    Fine,
    /// Something waits for a person.
    Review,
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
    /// End the app.
    Quit,
}

impl Tray {
    /// The tray for a state; `waiting` findings wait for an answer, `reduced` when the daemon records with limits.
    pub(crate) fn of(link: LinkState, waiting: usize, reduced: bool) -> Self {
        let recording = if reduced { "Recording with limits" } else { "Recording" };
        let (icon, status) = match (link, waiting) {
            (LinkState::Connecting, _) => (Icon::Gone, "Looking for Portolan's daemon…".to_owned()),
            (LinkState::Gone, _) => (Icon::Gone, "Portolan's daemon is not running".to_owned()),
            (LinkState::Denied, _) => (Icon::Denied, "No permission to see the traffic".to_owned()),
            (LinkState::Up, 0) => (Icon::Fine, format!("{recording} · nothing to review")),
            (LinkState::Up, waiting) => (Icon::Review, format!("{recording} · {waiting} to review")),
        };
        let asks = link == LinkState::Up && waiting > 0;
        let review = if asks { format!("Review ({waiting})…") } else { "Review…".to_owned() };
        Self { icon, status, review: (review, asks) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_picture_and_its_sentence() {
        let fine = Tray::of(LinkState::Up, 0, false);
        assert_eq!((fine.icon, fine.status.as_str()), (Icon::Fine, "Recording · nothing to review"));
        let review = Tray::of(LinkState::Up, 3, true);
        assert_eq!(
            (review.icon, review.status.as_str()),
            (Icon::Review, "Recording with limits · 3 to review")
        );
        assert_eq!(review.review, ("Review (3)…".to_owned(), true));
        assert_eq!(Tray::of(LinkState::Denied, 3, false).icon, Icon::Denied);
        let gone = Tray::of(LinkState::Gone, 3, false);
        assert_eq!((gone.icon, gone.review), (Icon::Gone, ("Review…".to_owned(), false)));
    }
}
