use std::fmt;

use portolan_core::Untrusted;
use unicode_width::UnicodeWidthStr as _;

use super::letters::Span;

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is: the number of a character, from 1.
    pub column: usize,
    /// Of how many characters.
    pub length: usize,
    /// What is wrong and what to do, in one sentence. Safe for a terminal.
    pub message: String,
    /// What could stand there instead.
    pub suggestion: Option<String>,
}

/// Columns of a terminal that [`Problem::drawn`] needs at most before what is wrong, and behind.
const AROUND: usize = 30;

impl Problem {
    pub(super) fn at(span: Span, message: impl Into<String>) -> Self {
        let length = (span.end - span.start).max(1);
        Self { column: span.start + 1, length, message: message.into(), suggestion: None }
    }

    pub(super) fn suggesting(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    /// The part of the text around the problem, and a second line with `^` below what is wrong. Safe for a terminal, and not
    /// wider than 80 columns unless characters are.
    #[must_use]
    pub fn drawn(&self, text: &str) -> String {
        let start = self.column.saturating_sub(1);
        let cells: Vec<String> = text.chars().take(start + self.length + AROUND + 1).map(cell).collect();
        let start = start.min(cells.len());
        let end = (start + self.length).min(cells.len());
        let (before, is_cut_before) = fitting(cells[..start].iter().rev(), AROUND);
        let (wrong, is_cut_within) = fitting(cells[start..end].iter(), AROUND / 2);
        let (after, is_cut_after) = fitting(cells[end..].iter(), AROUND);

        let mut line = String::from(if is_cut_before { "…" } else { "" });
        line.extend(before.into_iter().rev());
        let indent = " ".repeat(line.width());
        let wrong: String = wrong.into_iter().collect();
        line.push_str(&wrong);
        let carets = "^".repeat(wrong.width().max(1));
        if is_cut_within || is_cut_after {
            let after = if is_cut_within { Vec::new() } else { after };
            line.extend(after);
            line.push('…');
        } else {
            line.extend(after);
        }
        format!("{line}\n{indent}{carets}")
    }
}

/// A character as it is drawn.
fn cell(c: char) -> String {
    let shown = Untrusted::from(c.to_string()).for_terminal();
    // What goes onto the character before it has no place of its own below which a caret could stand.
    if shown.width() == 0 { c.escape_unicode().to_string() } else { shown }
}

/// As many of them as fit, and whether some do not.
fn fitting<'c>(cells: impl Iterator<Item = &'c String>, columns: usize) -> (Vec<&'c str>, bool) {
    let mut left = columns;
    let mut taken = Vec::new();
    for cell in cells {
        let Some(less) = left.checked_sub(cell.width()) else {
            return (taken, true);
        };
        left = less;
        taken.push(cell.as_str());
    }
    (taken, false)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.suggestion.as_ref().map_or(Ok(()), |suggestion| write!(f, "; did you mean “{suggestion}”?"))
    }
}

impl std::error::Error for Problem {}

/// What somebody wrote, in quotes, not longer than a message bears.
pub(super) fn said(text: &str) -> String {
    let shown = Untrusted::from(text.chars().take(40).collect::<String>()).for_terminal();
    let dots = if text.chars().nth(40).is_some() { "…" } else { "" };
    format!("“{shown}{dots}”")
}

/// The word that was most likely meant.
pub(super) fn nearest<'w>(given: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let given = given.to_ascii_lowercase();
    let length = given.chars().count();
    if !(2..=32).contains(&length) {
        return None;
    }
    let distance = |word: &str| {
        // What was not written to its end is near to what it begins.
        if word.starts_with(&given) { 1 } else { strsim::osa_distance(&given, word) }
    };
    let near = words.into_iter().map(|word| (distance(word), word));
    near.filter(|(distance, _)| *distance <= length.div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
