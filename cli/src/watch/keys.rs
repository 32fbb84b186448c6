use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};
use portolan_core::ReviewState;

/// What a person asks the table for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Quit,
    Sort,
    /// Move the selection by so many rows.
    Select(isize),
    /// Answer for the selected program.
    Review(ReviewState),
    /// The terminal has another size.
    Redraw,
}

/// The action of a key; `None` for keys without one. `page` is how many rows a page has.
pub(crate) fn action(event: &Event, page: u16) -> Option<Action> {
    let key = match event {
        Event::Resize(..) => return Some(Action::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return None,
    };
    let page = isize::try_from(page).unwrap_or(1).max(1);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => Some(Action::Quit),
        _ if control => None,
        KeyCode::Char('q') => Some(Action::Quit),
        KeyCode::Char('s') => Some(Action::Sort),
        KeyCode::Char('a') => Some(Action::Review(ReviewState::Approved)),
        KeyCode::Char('i') => Some(Action::Review(ReviewState::Ignored)),
        KeyCode::Char('r') => Some(Action::Review(ReviewState::Unreviewed)),
        KeyCode::Down | KeyCode::Char('j') => Some(Action::Select(1)),
        KeyCode::Up | KeyCode::Char('k') => Some(Action::Select(-1)),
        KeyCode::PageDown => Some(Action::Select(page)),
        KeyCode::PageUp => Some(Action::Select(-page)),
        KeyCode::End => Some(Action::Select(isize::MAX)),
        KeyCode::Home => Some(Action::Select(isize::MIN)),
        _ => None,
    }
}
