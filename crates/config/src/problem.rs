use std::{fmt, ops::Range, path::PathBuf};

/// Columns of a line that are shown.
const SHOWN: usize = 100;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do: a sentence without its full stop.
    pub message: String,
    /// The line itself.
    text: String,
    /// Characters that are meant.
    length: usize,
}

impl Problem {
    /// At these bytes of a file's text.
    pub(crate) fn at(path: PathBuf, text: &str, span: Range<usize>, message: String) -> Self {
        let begin = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end).max(begin);
        let before = text.get(..begin).unwrap_or_default();
        let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = text.get(line_begin..).unwrap_or_default().lines().next().unwrap_or_default();
        let meant = text.get(begin..end).unwrap_or_default().lines().next().unwrap_or_default();
        Self {
            path,
            line: before.matches('\n').count() + 1,
            column: text.get(line_begin..begin).unwrap_or_default().chars().count() + 1,
            message,
            text: line_text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            length: meant.chars().count().max(1),
        }
    }

    /// The same on one line: `file:line:column: what`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { path, line, column, message, .. } = self;
        format!("{}:{line}:{column}: {message}", path.display())
    }
}

impl fmt::Display for Problem {
    /// The sentence, then the line with a mark below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        if self.column + self.length <= SHOWN && !self.text.is_empty() {
            let text: String = self.text.chars().take(SHOWN).collect();
            let (indent, mark) = (" ".repeat(self.column - 1), "^".repeat(self.length));
            write!(f, "\n    {text}\n    {indent}{mark}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
