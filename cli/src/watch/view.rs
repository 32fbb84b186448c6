//! Draws the live table.

use portolan_bus::Access;
use portolan_core::UnixMillis;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use super::{
    columns::{self, Shown},
    detail,
    model::Model,
    row::{Key, Program},
};
use crate::{
    commands::status::{problems, state as state_of},
    show::{
        amount::{Precision::Rounded, bytes, percent},
        clock::{Clock, duration},
        cut::{Cut, fit, width},
        users::Users,
    },
};

const PROBLEM: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const TITLES: Style = Style::new().add_modifier(Modifier::BOLD);
const QUIET: Style = Style::new().add_modifier(Modifier::DIM);

/// Draws everything. Returns how many rows of the table are visible, for the keys that move by a page.
pub(crate) fn draw(frame: &mut Frame, model: &Model, clock: &Clock, users: &mut Users) -> u16 {
    let area = frame.area();
    let problem = problem(model, clock);
    let selected = model.selected().filter(|_| area.height >= 14);
    let [head, trouble, titles, body, details, foot] = area.layout(&Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(if problem.is_some() { 1 } else { 0 }),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(if selected.is_some() { 3 } else { 0 }),
        Constraint::Length(1),
    ]));
    let [first, second] = header(model, clock);
    say(frame, head, 0, &first, TITLES);
    say(frame, head, 1, &second, Style::new());
    if let Some(problem) = problem {
        say(frame, trouble, 0, &problem, PROBLEM);
    }
    let shown = columns::for_width(usize::from(area.width));
    say(frame, titles, 0, &columns::titles(&shown), Style::new().add_modifier(Modifier::REVERSED));
    table(frame, body, model, &shown, users);
    if let Some((key, program)) = selected {
        let [path, circumstances, identity] = detail::lines(key, program, users);
        let path = fit(&path, usize::from(area.width), Cut::Middle);
        for (line, text) in (0..).zip([path, circumstances, identity]) {
            say(frame, details, line, &text, QUIET);
        }
    }
    let keys = keys(model, usize::from(area.width));
    say(frame, foot, 0, model.message.as_ref().unwrap_or(&keys), QUIET);
    body.height
}

/// What the keys do, as far apart as there is room.
fn keys(model: &Model, columns: usize) -> String {
    let sort = format!("s sort ({})", model.sort.as_str());
    let keys = ["q quit", sort.as_str(), "↑↓ choose", "a approve", "i ignore", "r reset"];
    let wide = keys.join("   ");
    if width(&wide) <= columns { wide } else { keys.join(" ") }
}

/// State and rates; totals, attribution, losses.
fn header(model: &Model, clock: &Clock) -> [String; 2] {
    let state = match (&model.gone, &model.status) {
        (Some(_), _) => "daemon gone, waiting".to_owned(),
        (None, None) => "connected".to_owned(),
        (None, Some(status)) => state_of(status).to_owned(),
    };
    let rate = |count| bytes(count, Rounded) + "/s";
    let first = format!(
        "Portolan: {state}   in {}   out {}{}",
        rate(model.rate.rx),
        rate(model.rate.tx),
        match &model.status {
            Some(status) if status.unreviewed > 0 => format!("   {} to review", status.unreviewed),
            _ => String::new(),
        }
    );
    let mut parts = Vec::new();
    if let Some(since) = model.first_unix_ms {
        let (rx, tx) = (bytes(model.total.rx, Rounded), bytes(model.total.tx, Rounded));
        parts.push(format!("since {}: in {rx}, out {tx}", clock.short(UnixMillis(since))));
    }
    if let Some(status) = &model.status {
        if let Some(share) = percent(
            status.attribution.attributed,
            status.attribution.total.saturating_sub(status.attribution.excluded),
        ) {
            parts.push(format!("{share} attributed"));
        }
        if status.losses.values().all(|count| *count == 0) && model.dropped == 0 {
            parts.push("no losses".to_owned());
        }
        if status.access == Access::Own {
            parts.push("your traffic only".to_owned());
        }
    }
    if model.left_out > 0 {
        parts.push(format!("{} idle left out", model.left_out));
    }
    [first, parts.join("   ")]
}

/// What a person should know first; `None` when all is well.
fn problem(model: &Model, clock: &Clock) -> Option<String> {
    if let Some(why) = &model.gone {
        return Some(format!("! {why}"));
    }
    if let Some(silent) = model.silent_for_ms(clock.now_ms()) {
        return Some(format!("! the daemon has said nothing for {}", duration(silent)));
    }
    if model.dropped > 0 {
        return Some(format!("! {} readings were not shown: this terminal is too slow", model.dropped));
    }
    let problems = problems(model.status.as_ref()?);
    match problems.as_slice() {
        [] => None,
        [one] => Some(format!("! {one}")),
        [first, more @ ..] => Some(format!("! {first} (and {} more, see `portolan status`)", more.len())),
    }
}

fn table(frame: &mut Frame, area: Rect, model: &Model, shown: &[Shown], users: &mut Users) {
    let sorted = model.sorted();
    if sorted.is_empty() {
        say(frame, area, 0, "No program has moved bytes yet.", QUIET);
        return;
    }
    let chosen = model.selected_index(&sorted);
    let height = usize::from(area.height);
    let offset = chosen.map_or(0, |index| (index + 1).saturating_sub(height));
    for (line, (key, program)) in (0..area.height).zip(sorted.iter().skip(offset)) {
        let text = columns::cells(shown, key, program, users);
        let index = offset + usize::from(line);
        say(frame, area, line, &text, style(key, program, chosen == Some(index)));
    }
}

fn style(key: &Key, program: &Program, chosen: bool) -> Style {
    let style = match program.review.as_deref() {
        Some("unreviewed") => Style::new().fg(Color::Yellow),
        Some("ignored") => QUIET,
        None if key.application.is_none() && key.path != "kernel" => Style::new().fg(Color::Red),
        _ if program.rate.is_zero() => QUIET,
        _ => Style::new(),
    };
    if chosen { style.remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED) } else { style }
}

/// Writes one line of an area, cut at its end and styled over its whole width.
fn say(frame: &mut Frame, area: Rect, line: u16, text: &str, style: Style) {
    if line >= area.height {
        return;
    }
    let columns = usize::from(area.width);
    let mut text = fit(text, columns, Cut::End);
    text.push_str(&" ".repeat(columns.saturating_sub(width(&text))));
    let area = Rect { y: area.y.saturating_add(line), height: 1, ..area };
    frame.render_widget(Line::from(Span::styled(text, style)), area);
}
