use notify_rust::{Hint, Notification, Urgency};
use portolan_bus::Severity;

use crate::{
    controller::{Button, Popup, PopupKey},
    words::Language,
};

const BUTTONS: [Button; 4] = [Button::Approve, Button::Ignore, Button::Details, Button::Review];

/// The notification for a server with these abilities (the words of the desktop notifications specification).
pub(super) fn compose(popup: &Popup, icon: &str, abilities: &[String]) -> Notification {
    let can = |ability: &str| abilities.iter().any(|one| one == ability);
    let mut body = if can("body-markup") { popup.body.markup() } else { popup.body.plain() };
    let mut notification = Notification::new();
    if can("actions") {
        // A click on the text. Without a label no server draws a button for it.
        notification.action("default", "");
        for button in popup.buttons {
            notification.action(word(*button), label(*button, popup.language));
        }
    } else {
        body.push('\n');
        body.push_str(popup.language.no_buttons());
    }
    if popup.severity == Severity::Quiet && can("persistence") {
        // Read and gone: it is not to fill the list that the server keeps.
        notification.hint(Hint::Transient(true));
    }
    let urgency = match popup.severity {
        Severity::Quiet => Urgency::Low,
        Severity::Normal => Urgency::Normal,
        // Stays until a person answers.
        Severity::Loud => Urgency::Critical,
    };
    notification
        .appname("Portolan")
        .icon(icon)
        .summary(&popup.summary.plain())
        .body(&body)
        .hint(Hint::DesktopEntry("portolan".to_owned()))
        .urgency(urgency)
        .finalize()
}

/// The button with this word; `None` for a word that is not ours.
pub(super) fn button_of(pressed: &str) -> Option<Button> {
    BUTTONS.into_iter().find(|button| word(*button) == pressed)
}

/// What a click on the text means.
pub(super) fn default_of(key: PopupKey) -> Button {
    match key {
        PopupKey::Finding(_) => Button::Details,
        PopupKey::Group | PopupKey::Failure => Button::Review,
    }
}

fn word(button: Button) -> &'static str {
    match button {
        Button::Approve => "approve",
        Button::Ignore => "ignore",
        Button::Details => "details",
        Button::Review => "review",
    }
}

fn label(button: Button, language: Language) -> &'static str {
    match button {
        Button::Approve => language.approve(),
        Button::Ignore => language.ignore(),
        Button::Details => language.details(),
        Button::Review => language.review(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::testing::finding;

    fn composed(abilities: &[&str]) -> Notification {
        let popup = Popup::of(&finding(1, "/tmp/<b>&"), Language::En).unwrap();
        compose(&popup, "icon", &abilities.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_server_with_everything_gets_buttons_and_escaped_markup() {
        let notification = composed(&["actions", "body", "body-markup"]);
        let expected = ["default", "", "approve", "Approve", "ignore", "Ignore", "details", "Details"];
        assert_eq!(notification.actions, expected);
        assert_eq!(notification.body, "/tmp/&lt;b&gt;&amp; → example.org:443 · started by bash");
        assert_eq!(notification.summary, "New application on the network: <b>&");
        assert!(notification.hints.contains(&Hint::DesktopEntry("portolan".to_owned())));
        assert!(notification.hints.contains(&Hint::Urgency(Urgency::Normal)));
    }

    #[test]
    fn a_server_without_markup_gets_plain_text() {
        assert_eq!(composed(&["actions"]).body, "/tmp/<b>& → example.org:443 · started by bash");
    }

    #[test]
    fn a_server_without_buttons_gets_none_and_the_person_hears_what_to_do() {
        let notification = composed(&["body-markup"]);
        assert!(notification.actions.is_empty());
        assert!(notification.body.ends_with("\nOpen Portolan to answer."), "{}", notification.body);
    }

    #[test]
    fn what_is_quiet_is_low_and_not_kept_and_what_is_loud_stays() {
        let of = |severity, abilities: &[String]| {
            let popup = Popup::of(&finding(1, "/bin/x"), Language::Es).unwrap();
            compose(&Popup { severity, ..popup }, "icon", abilities)
        };
        let quiet = of(Severity::Quiet, &["persistence".to_owned(), "actions".to_owned()]);
        assert!(
            quiet.hints.contains(&Hint::Transient(true))
                && quiet.hints.contains(&Hint::Urgency(Urgency::Low))
        );
        assert_eq!(quiet.actions[3], "Aprobar");
        let loud = of(Severity::Loud, &[]);
        assert!(
            loud.hints.contains(&Hint::Urgency(Urgency::Critical)) && loud.body.ends_with("para responder.")
        );
    }

    #[test]
    fn each_button_is_known_by_its_word() {
        assert_eq!(BUTTONS.map(|button| button_of(word(button))), BUTTONS.map(Some));
        assert_eq!(button_of("__closed"), None);
    }
}
