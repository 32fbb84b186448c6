use portolan_core::Untrusted;

use super::cut::{Cut, fit, pad, width};

/// No column is cut below this.
const NARROWEST: usize = 8;
const GAP: &str = "  ";

/// Text that is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell(String);

impl Cell {
    /// Our own text: numbers, words of the contract.
    pub(crate) fn own(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What is not known.
    pub(crate) fn unknown() -> Self {
        Self("-".to_owned())
    }
}

impl From<&Untrusted> for Cell {
    fn from(text: &Untrusted) -> Self {
        Self(text.for_terminal())
    }
}

/// A column: its title, whether it holds numbers, and what goes when the terminal is too narrow.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) to_the_right: bool,
    pub(crate) cut: Cut,
}

impl Column {
    pub(crate) fn text(title: &'static str, cut: Cut) -> Self {
        Self { title, to_the_right: false, cut }
    }

    pub(crate) fn number(title: &'static str) -> Self {
        Self { title, to_the_right: true, cut: Cut::Never }
    }
}

/// Rows under titles, aligned.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    /// Each row has a cell for each column.
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The table as lines. `None` for a file or a pipe: then nothing is cut.
    pub(crate) fn render(&self, terminal_width: Option<usize>) -> String {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| width(column.title)).collect();
        for row in &self.rows {
            for (columns, cell) in widths.iter_mut().zip(row) {
                *columns = (*columns).max(width(&cell.0));
            }
        }
        if let Some(terminal_width) = terminal_width {
            self.shrink(&mut widths, terminal_width);
        }
        let titles =
            self.columns.iter().map(|column| (Column { cut: Cut::End, ..column.clone() }, column.title));
        let mut lines = line(titles.zip(&widths));
        for row in &self.rows {
            let cells = self.columns.iter().cloned().zip(row.iter().map(|cell| cell.0.as_str()));
            lines.push_str(&line(cells.zip(&widths)));
        }
        lines
    }

    /// Takes columns from hashes first, then always from the widest text, until the lines fit or nothing can go.
    fn shrink(&self, widths: &mut [usize], terminal_width: usize) {
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let room = terminal_width.saturating_sub(gaps);
        for (columns, column) in widths.iter_mut().zip(&self.columns) {
            if let Cut::Digits(digits) = column.cut
                && widths_exceed(room, *columns, digits)
            {
                *columns = (*columns).min(digits.max(width(column.title)));
            }
        }
        while widths.iter().sum::<usize>() > room {
            let cuttable = self.columns.iter().map(|column| matches!(column.cut, Cut::End | Cut::Middle));
            let widest = widths
                .iter_mut()
                .zip(cuttable)
                .filter(|(columns, cuttable)| *cuttable && **columns > NARROWEST)
                .map(|(columns, _)| columns)
                .max();
            match widest {
                Some(columns) => *columns -= 1,
                None => return,
            }
        }
    }
}

/// A hash is worth its full length only where a third of the line is left beside it.
fn widths_exceed(room: usize, columns: usize, digits: usize) -> bool {
    columns > digits && columns * 3 > room * 2
}

fn line<'a>(cells: impl Iterator<Item = ((Column, &'a str), &'a usize)>) -> String {
    let cells: Vec<String> = cells
        .map(|((column, text), columns)| pad(&fit(text, *columns, column.cut), *columns, column.to_the_right))
        .collect();
    format!("{}\n", cells.join(GAP).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let path = |text: &str| Cell::from(&Untrusted::from(text));
        Table {
            columns: vec![
                Column::text("EXECUTABLE", Cut::Middle),
                Column::text("SHA-256", Cut::Digits(12)),
                Column::number("IN"),
            ],
            rows: vec![
                vec![
                    path("/usr/lib/firefox-esr/firefox-esr"),
                    Cell::own("ab".repeat(32)),
                    Cell::own("1.00 kB"),
                ],
                vec![path("/tmp/日本\x1b[2J"), Cell::own("cd".repeat(32)), Cell::own("7 B")],
            ],
        }
    }

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        let shown = table().render(Some(48));
        assert!(shown.lines().all(|line| width(line) <= 48), "{shown}");
        assert!(shown.contains("/firefox-esr  abababababab  1.00 kB\n"), "{shown}");
        assert!(shown.contains("/tmp/日本\\u{1b}[2J"), "{shown}");
    }

    #[test]
    fn a_pipe_gets_everything() {
        let shown = table().render(None);
        assert!(shown.contains(&"ab".repeat(32)));
        assert!(shown.contains("/usr/lib/firefox-esr/firefox-esr"));
    }

    #[test]
    fn a_terminal_that_is_far_too_narrow_ends_the_search() {
        assert!(table().render(Some(3)).starts_with("EXECUTA…  "));
    }
}
