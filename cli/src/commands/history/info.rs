use portolan_bus::{HistoryContents, HistoryLevel};
use portolan_core::{UnixMillis, Untrusted};

use super::archive;
use crate::{
    args::Info,
    bus,
    commands::history_file,
    failure::Failure,
    output,
    show::{
        amount::{Precision, bytes, grouped},
        clock::Clock,
        statement::Statement,
    },
};

/// Shows what the history's file holds, the daemon's or another.
pub(crate) async fn run(options: &Info, json: bool) -> Result<(), Failure> {
    let contents = match &options.history {
        Some(path) => history_file::ask(path, |reader| {
            let path = path.to_string_lossy().into_owned();
            Ok(HistoryContents::found(path, &reader.info()?, &reader.levels()?, &reader.forgotten()?))
        })?,
        None => archive().await?.info().await.map_err(bus::failed_call)?,
    };
    if json {
        return output::json(&contents);
    }
    output::text(&page(&contents, &Clock::read(), output::terminal_width()))
}

fn page(contents: &HistoryContents, clock: &Clock, terminal_width: Option<usize>) -> String {
    let size = |count| bytes(count, Precision::Rounded);
    let path = Untrusted::from(contents.path.as_str()).for_terminal();
    let name = if path.is_empty() { "The history".to_owned() } else { path };
    let most = contents.max_bytes.map(|most| format!(", at most {}", size(most))).unwrap_or_default();
    let sizes = match (contents.file_bytes, contents.log_bytes) {
        (Some(file), Some(log)) => format!("{}, its log {}", size(file), size(log)),
        _ => "how large it is, who sees everybody's traffic may know".to_owned(),
    };
    let mut page = format!("{name}: {sizes}{most}\n\n");
    let mut levels = Statement::default();
    for level in &contents.levels {
        let name = [level.level.clone()].into_iter();
        match (level.intervals, level.rows, level.bytes) {
            (Some(intervals), Some(rows), Some(bytes)) => {
                let counts = [("intervals", intervals), ("rows", rows)];
                let counts = counts.map(|(what, count)| format!("{} {what}", grouped(count)));
                levels.say(name.chain(counts).chain([size(bytes)]), times(level, clock));
            }
            _ => levels.say(name, kept(level)),
        }
    }
    page.push_str(&levels.render(terminal_width));
    if !contents.forgotten.is_empty() {
        page.push_str("\nForgotten, because somebody wanted it:\n");
        let mut parts = Statement::default();
        for part in &contents.forgotten {
            let rows = format!("{} rows", grouped(part.rows));
            parts.say(
                [clock.full(UnixMillis(part.unix_ms)), rows, size(part.bytes)],
                format!("by user {}", part.by),
            );
        }
        page.push_str(&parts.render(terminal_width));
    }
    page
}

fn times(level: &HistoryLevel, clock: &Clock) -> String {
    let at = |ms: i64| clock.full(UnixMillis(ms));
    let times = match (level.first_unix_ms, level.last_unix_ms) {
        (Some(first), Some(last)) => format!("from {} to {}", at(first), at(last)),
        _ => "nothing".to_owned(),
    };
    match level.kept.as_str() {
        "" => times,
        _ => format!("{times}; {}", kept(level)),
    }
}

fn kept(level: &HistoryLevel) -> String {
    format!("kept {}", Untrusted::from(level.kept.as_str()).for_terminal())
}
