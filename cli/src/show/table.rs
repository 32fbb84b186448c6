use portolan_core::Untrusted;

use super::{
    cut::{Cut, fit, pad, width},
    wrap::wrap,
};

/// Columns that can go leave before one with text is cut below this.
const READABLE: usize = 26;
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
    title: &'static str,
    to_the_right: bool,
    cut: Cut,
    /// When the whole column may go: 1 goes first, `None` never.
    leaves: Option<u8>,
}

impl Column {
    pub(crate) fn text(title: &'static str, cut: Cut) -> Self {
        Self { title, to_the_right: false, cut, leaves: None }
    }

    pub(crate) fn number(title: &'static str) -> Self {
        Self { title, to_the_right: true, cut: Cut::Never, leaves: None }
    }

    /// The same column, which leaves a terminal that is too narrow: those with 1 first.
    pub(crate) fn leaving(self, order: u8) -> Self {
        Self { leaves: Some(order), ..self }
    }

    /// The least width at which it says something, where `natural` holds all of it.
    fn readable(&self, natural: usize) -> usize {
        match self.cut {
            Cut::Never => natural,
            Cut::Digits(digits) => natural.min((digits + 1).max(width(self.title))),
            Cut::End | Cut::Middle => natural.min(READABLE.max(width(self.title))),
        }
    }
}

/// Rows under titles, aligned.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    /// Each row has a cell for each column.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// Which column of the table stands there, and how wide.
#[derive(Debug, Clone, Copy)]
struct Place {
    column: usize,
    width: usize,
}

impl Table {
    /// The table as lines, and a last one that names the columns that found no room. `None` for a file or a pipe: then
    /// nothing is cut.
    pub(crate) fn render(&self, terminal_width: Option<usize>) -> String {
        let mut places: Vec<Place> =
            (0..).zip(self.natural()).map(|(column, width)| Place { column, width }).collect();
        let mut left_out = Vec::new();
        if let Some(terminal_width) = terminal_width {
            left_out = self.leave_out(&mut places, terminal_width);
            let room = room(terminal_width, places.len());
            self.shrink(&mut places, room);
        }
        let mut lines = line(places.iter().map(|place| {
            let column = &self.columns[place.column];
            cell(column.title, place.width, Cut::End, column.to_the_right)
        }));
        for row in &self.rows {
            lines.push_str(&line(places.iter().map(|place| {
                let column = &self.columns[place.column];
                let text = row.get(place.column).map_or("", |cell| &cell.0);
                cell(text, place.width, column.cut, column.to_the_right)
            })));
        }
        if !left_out.is_empty() {
            let without =
                format!("Left out of this narrow table: {}. A pipe or --json has all.", left_out.join(", "));
            lines.push_str(&(wrap(&without, terminal_width, 0) + "\n"));
        }
        lines
    }

    /// How wide each column is when nothing is cut.
    fn natural(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| width(column.title)).collect();
        for row in &self.rows {
            for (columns, cell) in widths.iter_mut().zip(row) {
                *columns = (*columns).max(width(&cell.0));
            }
        }
        widths
    }

    /// Takes whole columns away, in their order, until the others can be read. Returns the titles of those that went.
    fn leave_out(&self, places: &mut Vec<Place>, terminal_width: usize) -> Vec<&'static str> {
        let mut left_out = Vec::new();
        let readable = |place: &Place| self.columns[place.column].readable(place.width);
        while places.iter().map(readable).sum::<usize>() > room(terminal_width, places.len()) {
            let leaves = |(at, place): (usize, &Place)| Some((self.columns[place.column].leaves?, at));
            let Some((_, at)) = places.iter().enumerate().filter_map(leaves).min() else { break };
            left_out.push(self.columns[places.remove(at).column].title);
        }
        left_out
    }

    /// Shortens hashes first, then takes always from the widest text, until the lines fit or nothing can go.
    fn shrink(&self, places: &mut [Place], room: usize) {
        let is_over = |places: &[Place]| places.iter().map(|place| place.width).sum::<usize>() > room;
        if !is_over(places) {
            return;
        }
        for place in places.iter_mut() {
            let column = &self.columns[place.column];
            if matches!(column.cut, Cut::Digits(_)) {
                place.width = column.readable(place.width);
            }
        }
        while is_over(places) {
            let can_go = |place: &&mut Place| {
                let cut = self.columns[place.column].cut;
                matches!(cut, Cut::End | Cut::Middle) && place.width > NARROWEST
            };
            match places.iter_mut().filter(can_go).max_by_key(|place| place.width) {
                Some(widest) => widest.width -= 1,
                None => return,
            }
        }
    }
}

/// What so many columns share, without the gaps between them.
fn room(terminal_width: usize, columns: usize) -> usize {
    terminal_width.saturating_sub(GAP.len() * columns.saturating_sub(1))
}

fn cell(text: &str, columns: usize, cut: Cut, to_the_right: bool) -> String {
    pad(&fit(text, columns, cut), columns, to_the_right)
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("{}\n", cells.collect::<Vec<_>>().join(GAP).trim_end())
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
                Column::number("FLOWS").leaving(1),
                Column::number("LAST").leaving(2),
            ],
            rows: vec![
                vec![
                    path("/usr/lib/firefox-esr/firefox-esr"),
                    Cell::own("ab".repeat(32)),
                    Cell::own("1.00 kB"),
                    Cell::own("12"),
                    Cell::own("14:05:09"),
                ],
                vec![
                    path("/tmp/日本\x1b[2J"),
                    Cell::own("cd".repeat(32)),
                    Cell::own("7 B"),
                    Cell::own("3"),
                    Cell::own("14:05:10"),
                ],
            ],
        }
    }

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        for columns in 45..150 {
            let shown = table().render(Some(columns));
            assert!(shown.lines().all(|line| width(line) <= columns), "{shown}");
        }
        let shown = table().render(Some(48));
        assert!(shown.contains("/firefox-esr  abababababab…  1.00 kB\n"), "{shown}");
        assert!(shown.contains("/tmp/日本\\u{1b}[2J"), "{shown}");
    }

    #[test]
    fn columns_leave_in_their_order_and_are_named() {
        let shown = |columns| table().render(Some(columns));
        assert!(shown(67).contains("FLOWS") && !shown(67).contains("Left out"), "{}", shown(67));
        assert!(!shown(60).contains("FLOWS  ") && shown(60).contains("LAST"), "{}", shown(60));
        assert!(shown(48).contains("narrow table: FLOWS, LAST."), "{}", shown(48));
        assert!(shown(200).contains(&"ab".repeat(32)), "{}", shown(200));
    }

    #[test]
    fn a_pipe_gets_everything() {
        let shown = table().render(None);
        assert!(shown.contains(&"ab".repeat(32)));
        assert!(shown.contains("/usr/lib/firefox-esr/firefox-esr") && shown.contains("14:05:10"));
    }

    #[test]
    fn a_terminal_that_is_far_too_narrow_ends_the_search() {
        assert!(table().render(Some(3)).starts_with("EXECUTA…  "));
    }
}
