//! Standard output and standard error. Nothing here panics when the other end is closed.

use std::io::{self, IsTerminal, Write};

use portolan_core::harmless_json;
use serde::Serialize;

use crate::failure::{Failure, Kind};

/// Writes text as it is; what is hostile in it was made harmless before.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes one indented JSON document and a line break.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let document = serde_json::to_string_pretty(value).map_err(|error| unwritable(&error))?;
    text(&(harmless_json(&document) + "\n"))
}

/// One JSON document on one line, with its line break.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let document = serde_json::to_string(value).map_err(|error| unwritable(&error))?;
    Ok(harmless_json(&document) + "\n")
}

/// Writes a sentence to standard error; a closed one is ignored.
pub(crate) fn complain(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "portolan: {sentence}");
}

/// Writes lines that show a place below a sentence to standard error; a closed one is ignored.
pub(crate) fn point(drawn: &str) {
    let _ = drawn.lines().try_for_each(|line| writeln!(io::stderr().lock(), "  {line}"));
}

/// The width of the terminal on standard output; `None` when it is a file or a pipe.
pub(crate) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (columns, _) = crossterm::terminal::size().ok()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new(Kind::Failed, format!("the answer cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_carries_hostile_text_unchanged_but_harmless() {
        let hostile = "a\x1b[2J\u{9b}2J\u{7f}\u{202e}ä\u{e0041}\n";
        let line = json_line(&hostile).unwrap();
        assert_eq!(line, "\"a\\u001b[2J\\u009b2J\\u007f\\u202eä\\udb40\\udc41\\n\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }
}
